/**
 * The contract of `FileSystem`, for every implementation. `make` gives a file system and an empty
 * directory in it; `dispose` removes what it made.
 */
import { describe, expect, test } from 'vitest';
import { isDatabaseError } from '../../src/errors.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';

export interface Subject extends AsyncDisposable {
  readonly fileSystem: FileSystem;
  readonly directory: string;
}

const lockOptions = { timeoutMs: 0, onCompromised: () => {} };

export function testFileSystem(name: string, make: () => Promise<Subject>): void {
  describe(name, () => {
    testFiles(make);
    testDirectories(make);
    testLock(make);
  });
}

function testFiles(make: () => Promise<Subject>): void {
  test('what is written at a position is read there', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(bytes('hello world'), 0);
    file.write(bytes('W'), 6);
    const target = new Uint8Array(5);
    expect(file.readInto(target, 6)).toBe(5);
    expect(text(target)).toBe('World');
    expect(file.size()).toBe(11);
    expect(file.path).toBe(`${subject.directory}/a`);
    file.close();
    expect(read(subject.fileSystem, `${subject.directory}/a`)).toBe('hello World');
  });

  test('a read over the end returns what is there, and nothing behind it', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(bytes('abc'), 0);
    const target = new Uint8Array(8).fill(7);
    expect(file.readInto(target, 1)).toBe(2);
    expect([...target]).toEqual([98, 99, 7, 7, 7, 7, 7, 7]);
    expect(file.readInto(target, 3)).toBe(0);
    expect(file.readInto(target, 100)).toBe(0);
    file.close();
  });

  test('reads in the background, where there are any, give what others give', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(
      Uint8Array.from({ length: 40_000 }, (_, i) => i % 251),
      0,
    );
    const readInBackground =
      file.readInBackground?.bind(file) ??
      (async (target: Uint8Array, position: number) => file.readInto(target, position));
    const begun = [0, 1, 100, 39_990, 40_000, 50_000].map((position) => {
      const target = new Uint8Array(1000).fill(7);
      return { position, target, count: readInBackground(target, position) };
    });
    file.close();
    for (const { position, target, count } of begun) {
      const expected = new Uint8Array(1000).fill(7);
      const again = subject.fileSystem.open(`${subject.directory}/a`, 'read');
      expect(await count).toBe(again.readInto(expected, position));
      expect(target).toEqual(expected);
      again.close();
    }
  });

  test('a write behind the end leaves zeros between', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(bytes('x'), 1000);
    const target = new Uint8Array(1001).fill(7);
    expect(file.readInto(target, 0)).toBe(1001);
    expect(target.findIndex((byte) => byte !== 0)).toBe(1000);
    file.close();
  });

  test('truncating cuts, and growing again shows zeros', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(bytes('abcdef'), 0);
    file.truncate(2);
    expect(file.size()).toBe(2);
    file.truncate(4);
    file.close();
    expect(read(subject.fileSystem, `${subject.directory}/a`)).toBe('ab\0\0');
  });

  test('create makes a new file and refuses an old one; readwrite and read want an old one', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    expectCode('NOT_FOUND', () => fileSystem.open(`${directory}/a`, 'read'), `${directory}/a`);
    expectCode('NOT_FOUND', () => fileSystem.open(`${directory}/a`, 'readwrite'), `${directory}/a`);
    expectCode('NOT_FOUND', () => fileSystem.open(`${directory}/b/a`, 'create'), 'b/a');
    fileSystem.open(`${directory}/a`, 'create').close();
    expectCode('ALREADY_EXISTS', () => fileSystem.open(`${directory}/a`, 'create'), 'a');
    const file = fileSystem.open(`${directory}/a`, 'readwrite');
    file.write(bytes('x'), 0);
    file.close();
    expect(read(fileSystem, `${directory}/a`)).toBe('x');
  });

  test('a file opened to read cannot be written or cut', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/a`, 'abc');
    const file = fileSystem.open(`${directory}/a`, 'read');
    expectCode('IO', () => file.write(bytes('x'), 0), `${directory}/a`);
    expect(() => file.truncate(0)).toThrow(`${directory}/a`);
    file.close();
    expect(read(fileSystem, `${directory}/a`)).toBe('abc');
  });

  test('two handles see one file', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    const writer = fileSystem.open(`${directory}/a`, 'create');
    const reader = fileSystem.open(`${directory}/a`, 'read');
    writer.write(bytes('abc'), 0);
    const target = new Uint8Array(3);
    expect(reader.readInto(target, 0)).toBe(3);
    expect(text(target)).toBe('abc');
    reader.close();
    writer.close();
  });

  test('syncs resolve, also side by side and when the file is closed meanwhile', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.write(bytes('abc'), 0);
    const first = file.datasync();
    file.write(bytes('d'), 3);
    const second = file.datasync();
    file.close();
    file.close();
    await Promise.all([first, second]);
    expect(read(subject.fileSystem, `${subject.directory}/a`)).toBe('abcd');
  });

  test('a closed file is used by nobody', async () => {
    await using subject = await make();
    const file = subject.fileSystem.open(`${subject.directory}/a`, 'create');
    file.close();
    expect(() => file.size()).toThrow('closed');
    expect(() => file.write(bytes('x'), 0)).toThrow('closed');
    await expect(file.datasync()).rejects.toThrow('closed');
  });
}

function testDirectories(make: () => Promise<Subject>): void {
  test('a directory lists its names in order', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    expect(fileSystem.list(directory)).toEqual([]);
    create(fileSystem, `${directory}/b`, '');
    create(fileSystem, `${directory}/a`, '');
    fileSystem.makeDirectory(`${directory}/c/d`);
    fileSystem.makeDirectory(`${directory}/c`);
    expect(fileSystem.list(directory)).toEqual(['a', 'b', 'c']);
    expect(fileSystem.list(`${directory}/c`)).toEqual(['d']);
    expectCode('NOT_FOUND', () => fileSystem.list(`${directory}/x`), `${directory}/x`);
    expect(() => fileSystem.makeDirectory(`${directory}/a/x`)).toThrow(`${directory}/a`);
  });

  test('exists says so of files and directories', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/a`, '');
    expect(fileSystem.exists(`${directory}/a`)).toBe(true);
    expect(fileSystem.exists(directory)).toBe(true);
    expect(fileSystem.exists(`${directory}/b`)).toBe(false);
    expect(fileSystem.exists(`${directory}/b/c`)).toBe(false);
    expect(fileSystem.exists(`${directory}/a/c`)).toBe(false);
  });

  test('a rename replaces its target, and an open target lives on', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/old`, 'old');
    create(fileSystem, `${directory}/new`, 'new');
    const file = fileSystem.open(`${directory}/old`, 'read');
    fileSystem.rename(`${directory}/new`, `${directory}/old`);
    fileSystem.syncDirectory(directory);
    expect(fileSystem.list(directory)).toEqual(['old']);
    expect(read(fileSystem, `${directory}/old`)).toBe('new');
    const target = new Uint8Array(3);
    file.readInto(target, 0);
    expect(text(target)).toBe('old');
    file.close();
    expectCode('NOT_FOUND', () => fileSystem.rename(`${directory}/x`, `${directory}/y`), 'x');
  });

  test('a rename in the background replaces its target', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/old`, 'old');
    create(fileSystem, `${directory}/new`, 'new');
    await fileSystem.renameInBackground(`${directory}/new`, `${directory}/old`);
    expect(fileSystem.list(directory)).toEqual(['old']);
    expect(read(fileSystem, `${directory}/old`)).toBe('new');
    const missing = fileSystem.renameInBackground(`${directory}/x`, `${directory}/y`);
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a rename moves a file between directories', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    fileSystem.makeDirectory(`${directory}/sub`);
    create(fileSystem, `${directory}/a`, 'a');
    fileSystem.rename(`${directory}/a`, `${directory}/sub/b`);
    expect(fileSystem.list(directory)).toEqual(['sub']);
    expect(read(fileSystem, `${directory}/sub/b`)).toBe('a');
  });

  test('a link is a second name of one file', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    fileSystem.makeDirectory(`${directory}/sub`);
    create(fileSystem, `${directory}/a`, 'one');
    fileSystem.link(`${directory}/a`, `${directory}/sub/b`);
    const file = fileSystem.open(`${directory}/a`, 'readwrite');
    file.write(bytes('two'), 0);
    file.close();
    expect(read(fileSystem, `${directory}/sub/b`)).toBe('two');
    fileSystem.remove(`${directory}/a`);
    expect(fileSystem.exists(`${directory}/a`)).toBe(false);
    expect(read(fileSystem, `${directory}/sub/b`)).toBe('two');
  });

  test('a link wants a file that is there and a name that is free', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    fileSystem.makeDirectory(`${directory}/sub`);
    create(fileSystem, `${directory}/a`, 'a');
    create(fileSystem, `${directory}/b`, 'b');
    const link = (from: string, to: string) => () =>
      fileSystem.link(`${directory}/${from}`, `${directory}/${to}`);
    expectCode('ALREADY_EXISTS', link('a', 'b'), `${directory}/b`);
    expectCode('ALREADY_EXISTS', link('a', 'sub'), `${directory}/sub`);
    expectCode('NOT_FOUND', link('x', 'c'), `${directory}/x`);
    expectCode('NOT_FOUND', link('a', 'x/c'), `${directory}/x/c`);
    expectCode('IO', link('sub', 'c'), `${directory}/sub`);
    expect(fileSystem.list(directory)).toEqual(['a', 'b', 'sub']);
    expect(read(fileSystem, `${directory}/b`)).toBe('b');
  });

  test('removing twice is no error, removing a directory is', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/a`, 'a');
    fileSystem.remove(`${directory}/a`);
    fileSystem.remove(`${directory}/a`);
    fileSystem.remove(`${directory}/x/a`);
    expect(fileSystem.list(directory)).toEqual([]);
    fileSystem.makeDirectory(`${directory}/sub`);
    expectCode('IO', () => fileSystem.remove(`${directory}/sub`), `${directory}/sub`);
  });

  test('a removal in the background is as one in the foreground', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    create(fileSystem, `${directory}/a`, 'a');
    await fileSystem.removeInBackground(`${directory}/a`);
    await fileSystem.removeInBackground(`${directory}/a`);
    expect(fileSystem.list(directory)).toEqual([]);
    fileSystem.makeDirectory(`${directory}/sub`);
    await expect(fileSystem.removeInBackground(`${directory}/sub`)).rejects.toMatchObject({
      code: 'IO',
    });
  });

  test('a directory that is not there cannot be synced', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    fileSystem.syncDirectory(directory);
    expectCode('NOT_FOUND', () => fileSystem.syncDirectory(`${directory}/x`), `${directory}/x`);
    await fileSystem.syncDirectoryInBackground(directory);
    const missing = fileSystem.syncDirectoryInBackground(`${directory}/x`);
    await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
}

function testLock(make: () => Promise<Subject>): void {
  test('a reader waits for the lock and takes none', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    await fileSystem.waitUntilUnlocked(directory, 0);
    expect(fileSystem.list(directory)).toEqual([]);
    const lock = await fileSystem.lock(directory, lockOptions);
    const refused = fileSystem.waitUntilUnlocked(directory, 0);
    await expect(refused).rejects.toMatchObject({ code: 'DATABASE_LOCKED' });
    const waiting = fileSystem.waitUntilUnlocked(directory, 5000);
    await lock.release();
    await waiting;
    expect(fileSystem.list(directory)).toEqual([]);
  });

  test('a lock has one owner, until it is released', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    const lock = await fileSystem.lock(directory, lockOptions);
    expect(lock.isHeld()).toBe(true);
    const refused = await fileSystem.lock(directory, lockOptions).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'DATABASE_LOCKED' });
    expect(String(refused)).toMatch(`process ${process.pid} (this process) for `);
    await lock.release();
    await lock.release();
    expect(lock.isHeld()).toBe(false);
    const next = await fileSystem.lock(directory, lockOptions);
    await lock.release();
    expect(next.isHeld()).toBe(true);
    await next.release();
    expect(fileSystem.list(directory)).toEqual([]);
  });

  test('an opener waits for the owner as long as it was told', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    const lock = await fileSystem.lock(directory, lockOptions);
    const waiting = { ...lockOptions, timeoutMs: 30 };
    await expect(fileSystem.lock(directory, waiting)).rejects.toMatchObject({
      code: 'DATABASE_LOCKED',
    });
    const patient = fileSystem.lock(directory, { ...lockOptions, timeoutMs: 60_000 });
    await lock.release();
    const next = await patient;
    expect(next.isHeld()).toBe(true);
    await next.release();
  });

  test('of many openers at once one gets the lock', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    const openers = Array.from({ length: 8 }, () => fileSystem.lock(directory, lockOptions));
    const settled = await Promise.allSettled(openers);
    const winners = settled.filter((result) => result.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    await winners[0].value.release();
    expect(fileSystem.list(directory)).toEqual([]);
  });

  test('a missing directory cannot be locked; another directory has another lock', async () => {
    await using subject = await make();
    const { fileSystem, directory } = subject;
    fileSystem.makeDirectory(`${directory}/sub`);
    const outer = await fileSystem.lock(directory, lockOptions);
    const inner = await fileSystem.lock(`${directory}/sub`, lockOptions);
    await expect(fileSystem.lock(`${directory}/x`, lockOptions)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await inner.release();
    await outer.release();
  });
}

export function create(fileSystem: FileSystem, path: string, content: string): void {
  const file = fileSystem.open(path, 'create');
  file.write(bytes(content), 0);
  file.close();
}

export function read(fileSystem: FileSystem, path: string): string {
  const file = fileSystem.open(path, 'read');
  const target = new Uint8Array(file.size());
  expect(file.readInto(target, 0)).toBe(target.length);
  file.close();
  return text(target);
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

/** The call throws an error of the library with this code, which names `path`. */
export function expectCode(code: string, call: () => void, path: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(isDatabaseError(thrown), `${thrown} is an error of the library`).toBe(true);
  expect(thrown).toMatchObject({ code });
  expect(String(thrown)).toContain(path);
}
