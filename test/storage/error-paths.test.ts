/** What the file systems make of errors that a healthy machine does not show. */
import fs from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { lockDirectory, waitUntilUnlocked } from '../../src/storage/directory-lock.ts';
import { ioError, systemError } from '../../src/storage/io-error.ts';
import {
  decodeOwner,
  encodeOwner,
  ownerLiveness,
  thisOwner,
} from '../../src/storage/lock-owner.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { bytes, create, expectCode, read } from './file-system.suite.ts';

const lockOptions = { timeoutMs: 0, onCompromised: () => {} };

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function failing(code: string): () => never {
  return () => {
    throw systemError(code);
  };
}

test('what is thrown without being an error is named too', () => {
  expect(ioError('read', '/a', 'out of paper').message).toBe('cannot read /a: out of paper');
  expect(ioError('read', '/a', new Error('no code'))).toMatchObject({
    code: 'IO',
    message: 'cannot read /a: no code',
  });
});

test('in memory a directory is no file, and a file no directory', () => {
  const memory = new MemoryFileSystem();
  memory.makeDirectory('/db/sub');
  create(memory, '/db/a', 'a');
  expectCode('IO', () => memory.open('/db/sub', 'read'), '/db/sub: it is a directory');
  expectCode('IO', () => memory.open('/', 'create'), 'it is a directory');
  expectCode('IO', () => memory.rename('/db/a', '/db/sub'), '/db/sub: it is a directory');
  expectCode('IO', () => memory.list('/db/a'), '/db/a: a part of the path is not a directory');
  expectCode('IO', () => memory.open('/db/a/b', 'create'), '/db/a/b: a part of the path');
});

test('in memory a sync that the power cut ends early has reached the device or not', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const memory = new MemoryFileSystem();
    const file = memory.open('/a', 'create');
    memory.syncDirectory('/');
    file.write(bytes('content'), 0);
    const syncing = file.datasync();
    const disk = memory.crash(seed, 0.5);
    await expect(syncing).rejects.toMatchObject({ code: 'IO' });
    outcomes.add(read(disk, '/a').replaceAll('\0', '.'));
  }
  expect(outcomes).toContain('content');
  expect(outcomes).toContain('');
});

test('a sync that fails says so, and the file is let go all the same', async () => {
  await using directory = await tempDir();
  const file = new NodeFileSystem().open(`${directory.path}/a`, 'create');
  vi.spyOn(fs, 'fdatasync').mockImplementation((_descriptor, done) => {
    setImmediate(() => done(systemError('EIO')));
  });
  const closed = vi.spyOn(fs, 'closeSync');
  const syncing = file.datasync();
  file.close();
  expect(closed).not.toHaveBeenCalled();
  await expect(syncing).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('cannot sync'),
    cause: { code: 'EIO' },
  });
  expect(closed).toHaveBeenCalledTimes(1);
});

test('what cannot be looked up is an error, not something that is missing', () => {
  vi.spyOn(fs, 'statSync').mockImplementation(failing('EACCES'));
  expectCode('IO', () => new NodeFileSystem().exists('/a'), 'cannot look up /a: permission denied');
});

test('a directory that somebody else makes at the same moment is as good as ours', async () => {
  await using directory = await tempDir();
  const { mkdirSync } = fs;
  vi.spyOn(fs, 'mkdirSync').mockImplementation((path, options) => {
    mkdirSync(path); // The other one.
    return mkdirSync(path, options);
  });
  const fileSystem = new NodeFileSystem();
  fileSystem.makeDirectory(`${directory.path}/a`);
  expect(fileSystem.list(directory.path)).toEqual(['a']);
});

test('a lock needs a directory, and one whose LOCK is its own', async () => {
  await using directory = await tempDir();
  fs.writeFileSync(`${directory.path}/file`, '');
  await expect(lockDirectory(`${directory.path}/file`, lockOptions)).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('it is not a directory'),
  });
  fs.writeFileSync(`${directory.path}/LOCK`, '');
  await expect(lockDirectory(directory.path, lockOptions)).rejects.toMatchObject({ code: 'IO' });
  await expect(waitUntilUnlocked(directory.path, 0)).rejects.toMatchObject({ code: 'IO' });
  expect(fs.readdirSync(directory.path)).toEqual(['LOCK', 'file']);
});

test('a dead owner that cannot be cleared away is an error, and the claim on it goes', async () => {
  await using directory = await tempDir();
  fs.mkdirSync(`${directory.path}/LOCK`);
  const dead = { ...thisOwner('00000000-0000-4000-8000-000000000000'), processStart: '1' };
  fs.writeFileSync(`${directory.path}/LOCK/${dead.token}.json`, encodeOwner(dead));
  const { rmSync } = fs;
  const refusing = vi.spyOn(fs, 'rmSync').mockImplementation((path, options) => {
    if (String(path).endsWith('.json')) throw systemError('EACCES');
    rmSync(path, options);
  });
  await expect(lockDirectory(directory.path, lockOptions)).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining('permission denied'),
  });
  refusing.mockRestore();
  vi.spyOn(fs, 'rmdirSync').mockImplementation(failing('EIO'));
  await expect(lockDirectory(directory.path, lockOptions)).rejects.toMatchObject({ code: 'IO' });
  vi.restoreAllMocks();
  // The claim that was left is in nobody's way; later it is swept away.
  await (await lockDirectory(directory.path, lockOptions)).release();
});

test('an owner that leaves while it is looked at holds nothing', async () => {
  await using directory = await tempDir();
  vi.spyOn(fs, 'readdirSync').mockReturnValueOnce(['gone.json'] as never);
  await waitUntilUnlocked(directory.path, 0);
});

test('a lock that was lost is reported once, also when its heartbeat notices later', async () => {
  await using directory = await tempDir();
  const onCompromised = vi.fn<(error: Error) => void>();
  const heartbeat = { staleMs: 2_000, intervalMs: 1_000 };
  const lock = await lockDirectory(directory.path, { timeoutMs: 0, onCompromised }, heartbeat);
  fs.rmSync(`${directory.path}/LOCK`, { recursive: true });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1_500 });
  expect(lock.isHeld()).toBe(false);
  expect(onCompromised).toHaveBeenCalledTimes(1);
  await new Promise((resolve) => setTimeout(resolve, 1_300)); // Its next heartbeat fails.
  expect(onCompromised).toHaveBeenCalledTimes(1);
  await lock.release();
});

test('an owner file with impossible fields is no owner', () => {
  const self = thisOwner('a token');
  expect(decodeOwner(encodeOwner(self))).toEqual(self);
  const wrong = [{ pid: '1' }, { pid: 0 }, { pid: 1.5 }, { since: 'today' }, { host: 7 }];
  for (const change of wrong) {
    expect(decodeOwner(JSON.stringify({ ...self, ...change }))).toBeUndefined();
  }
  for (const text of ['', 'null', '7', '{']) expect(decodeOwner(text)).toBeUndefined();
});

test('where processes cannot be looked at, the heartbeat decides', () => {
  const self = thisOwner('a token');
  vi.spyOn(process, 'kill').mockImplementation(failing('EPERM')); // Lives, as somebody else's.
  const { readFileSync } = fs;
  const answers: (string | undefined)[] = [undefined, '17 (node) S 1 2'];
  vi.spyOn(fs, 'readFileSync').mockImplementation(((path: string, options: never) => {
    if (!String(path).endsWith('/stat')) return readFileSync(path, options);
    const answer = answers.shift();
    if (answer === undefined) throw systemError('ENOENT');
    return answer;
  }) as never);
  expect(ownerLiveness(self, self)).toBe('unknown'); // No /proc.
  expect(ownerLiveness(self, self)).toBe('unknown'); // One that says too little.
});

test('what other threads counted is added to what this one did', () => {
  const counting = new CountingFileSystem(new NodeFileSystem());
  const access = counting.threadAccess();
  access?.onCalls([
    { by: 'kind', name: '.table', operation: 'write', calls: 2, bytes: 100 },
    { by: 'reason', name: 'flush', operation: 'write', calls: 2, bytes: 100 },
  ]);
  expect(counting.total('write', '.table')).toEqual({ calls: 2, bytes: 100 });
  expect(counting.totalFor('write', 'flush')).toEqual({ calls: 2, bytes: 100 });
  const other = new CountingFileSystem(new MemoryFileSystem());
  other.absorb(counting.totals());
  expect(other.total('write')).toEqual({ calls: 2, bytes: 100 });
  expect(other.threadAccess()).toBeUndefined();
});
