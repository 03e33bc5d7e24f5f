import fs from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ioError, isLinkRefused, systemError } from '../../src/storage/io-error.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { bytes, create, expectCode, read, testFileSystem } from './file-system.suite.ts';

testFileSystem('node file system', async () => {
  const directory = await tempDir();
  return {
    fileSystem: new NodeFileSystem(),
    directory: directory.path,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

test('an error keeps the cause of the system', async () => {
  await using directory = await tempDir();
  const path = `${directory.path}/missing`;
  try {
    new NodeFileSystem().open(path, 'read');
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'NOT_FOUND', cause: { code: 'ENOENT' } });
    expect(String(error)).toBe(`DatabaseError: cannot open ${path}: no such file or directory`);
  }
});

test('a file where a folder should be is named', async () => {
  await using directory = await tempDir();
  const path = `${directory.path}/file`;
  fs.writeFileSync(path, '');
  for (const place of [path, `${path}/below`]) {
    const make = (): void => new NodeFileSystem().makeDirectory(place);
    expect(make).toThrow(expect.objectContaining({ code: 'IO' }));
    expect(make).toThrow(`${path}: there is a file of that name; a database needs a folder`);
  }
});

test('a full disk, a missing permission and a read-only disk are named in words', () => {
  expect(ioError('write', '/db/a.wal', systemError('ENOSPC'))).toMatchObject({
    code: 'IO',
    message: 'cannot write /db/a.wal: the disk is full: no space left on the device',
  });
  expect(ioError('open', '/db/a', systemError('EACCES')).message).toContain('permission denied');
  expect(ioError('open', '/db/a', systemError('EROFS')).message).toContain('read-only');
  expect(ioError('open', '/db/a', systemError('EWEIRD')).message).toContain('EWEIRD');
});

// `/dev/full` and `/proc` are there on Linux alone.
const isLinux = process.platform === 'linux';

test.skipIf(!isLinux)(
  'a device that is full says so, and a directory that denies says so',
  async () => {
    const fileSystem = new NodeFileSystem();
    const full = fileSystem.open('/dev/full', 'readwrite');
    expectCode('IO', () => full.write(bytes('x'), 0), 'cannot write /dev/full: the disk is full');
    full.close();
    expectCode('NOT_FOUND', () => fileSystem.makeDirectory('/proc/x/y'), '/proc/x');
  },
);

// Permissions do not bind root.
const isRoot = process.getuid?.() === 0;

test.skipIf(isRoot)('a directory without write permission can be listed, not written', async () => {
  await using directory = await tempDir();
  const fileSystem = new NodeFileSystem();
  fs.chmodSync(directory.path, 0o555);
  const denied = 'permission denied';
  expect(fileSystem.list(directory.path)).toEqual([]);
  expectCode('IO', () => fileSystem.open(`${directory.path}/a`, 'create'), denied);
  expectCode('IO', () => fileSystem.makeDirectory(`${directory.path}/a`), denied);
  const lock = fileSystem.lock(directory.path, { timeoutMs: 0, onCompromised: () => {} });
  await expect(lock).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining(denied),
  });
  fs.chmodSync(directory.path, 0o755);
});

test('a descriptor is let go once, after the syncs that are on their way', async () => {
  await using directory = await tempDir();
  const fileSystem = new NodeFileSystem();
  const other: number[] = [];
  for (let round = 0; round < 50; round++) {
    const file = fileSystem.open(`${directory.path}/${round}`, 'create');
    file.write(bytes('x'), 0);
    const synced = file.datasync();
    file.close();
    other.push(fs.openSync('/dev/null', 'r')); // Would take the number of a descriptor let go early.
    await synced;
  }
  expect(new Set(other).size).toBe(50);
  for (const descriptor of other) fs.closeSync(descriptor);
});

test('what the system reads or writes in pieces is put together', async () => {
  await using directory = await tempDir();
  const fileSystem = new NodeFileSystem();
  const { readSync, writeSync } = fs;
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  // Of each call no more than three bytes: systems may do so, and do after a signal or over 2 GiB.
  const few = (length: number): number => Math.min(length, 3);
  const writes = vi.spyOn(fs, 'writeSync').mockImplementation(((...call: number[]) => {
    const [descriptor, source, offset, length, position] = call;
    return writeSync(descriptor, source as never, offset, few(length), position);
  }) as never);
  const reads = vi.spyOn(fs, 'readSync').mockImplementation(((...call: number[]) => {
    const [descriptor, target, offset, length, position] = call;
    return readSync(descriptor, target as never, offset, few(length), position);
  }) as never);
  create(fileSystem, `${directory.path}/a`, 'hello world');
  expect(read(fileSystem, `${directory.path}/a`)).toBe('hello world');
  expect(writes).toHaveBeenCalledTimes(4);
  expect(reads).toHaveBeenCalledTimes(4);
});

test('a relative directory is made with its parents', async () => {
  await using directory = await tempDir();
  const before = process.cwd();
  process.chdir(directory.path);
  try {
    const fileSystem = new NodeFileSystem();
    fileSystem.makeDirectory('a/b/c');
    expect(fileSystem.list('a/b')).toEqual(['c']);
    const lock = await fileSystem.lock('a', { timeoutMs: 0, onCompromised: () => {} });
    process.chdir('a/b');
    await lock.release();
    expect(fileSystem.list('..')).toEqual(['b']);
  } finally {
    process.chdir(before);
  }
});

test('a link that the system cannot make is told from one that fails', async () => {
  await using directory = await tempDir();
  const fileSystem = new NodeFileSystem();
  create(fileSystem, `${directory.path}/a`, 'a');
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  for (const [code, refused] of [
    ['EXDEV', true],
    ['EPERM', true],
    ['EMLINK', true],
    ['ENOTSUP', true],
    ['EIO', false],
    ['EEXIST', false],
  ] as const) {
    vi.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw systemError(code);
    });
    try {
      fileSystem.link(`${directory.path}/a`, `${directory.path}/b`);
      expect.unreachable();
    } catch (error) {
      expect(isLinkRefused(error), code).toBe(refused);
      expect(error).toMatchObject({ code: code === 'EEXIST' ? 'ALREADY_EXISTS' : 'IO' });
    }
  }
  expect(isLinkRefused(new Error('another'))).toBe(false);
});

test('a file that is closed with reads in the background is let go after them, and a failed read names it', async () => {
  await using directory = await tempDir();
  const path = `${directory.path}/a`;
  create(new NodeFileSystem(), path, 'x'.repeat(100_000));
  const closed = vi.spyOn(fs, 'closeSync');
  onTestFinished(() => closed.mockRestore());
  const file = new NodeFileSystem().open(path, 'read');
  const reads = [0, 50_000].map((at) => file.readInBackground?.(new Uint8Array(50_000), at));
  file.close();
  expect(closed).not.toHaveBeenCalled();
  expect(await Promise.all(reads)).toEqual([50_000, 50_000]);
  expect(closed).toHaveBeenCalledTimes(1);

  const folder = new NodeFileSystem().open(directory.path, 'read');
  await expect(folder.readInBackground?.(new Uint8Array(10), 0)).rejects.toMatchObject({
    code: 'IO',
    message: expect.stringContaining(`cannot read ${directory.path}`),
  });
  folder.close();
});
