/**
 * A disk in memory that can lose its power. Nothing is durable before it was synced: neither a
 * sector of a file, nor its length, nor the entry by which a directory names it.
 *
 *     const disk = memory.crash(seed);   // `memory` is dead now; reopen the database on `disk`
 *
 * The same operations, seed and `keepUnsynced` leave the same bytes.
 */
import { assert } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';
import { DatabaseError } from '../errors.ts';
import { CrashableDirectory, type Entry } from './crashable-directory.ts';
import { CrashableFile } from './crashable-file.ts';
import type { File, FileSystem, Lock, LockOptions, OpenMode } from './file-system.ts';
import { ioError, systemError } from './io-error.ts';
import { MemoryLocks } from './memory-locks.ts';

/** What the handles ask before they do anything. */
interface Power {
  isOn: boolean;
}

/** Files in memory, with crashes that lose what was not synced. */
export class MemoryFileSystem implements FileSystem {
  #root = new CrashableDirectory();
  readonly #power: Power = { isOn: true };
  readonly #locks = new MemoryLocks();

  /**
   * Cuts the power and returns the disk as it is found afterwards. Each unsynced sector, length and
   * directory change is kept with probability `keepUnsynced`: 0, the default, keeps none, 1 all. This
   * file system, its open files and its locks are dead; to see another outcome of the same crash, call
   * again with another seed.
   */
  crash(seed: number, keepUnsynced = 0): MemoryFileSystem {
    assert(keepUnsynced >= 0 && keepUnsynced <= 1, 'a probability lies in 0..1');
    this.#power.isOn = false;
    this.#locks.releaseAll();
    const disk = new MemoryFileSystem();
    disk.#root = this.#root.crashed(seededRandom(seed), keepUnsynced, new Map());
    return disk;
  }

  open(path: string, mode: OpenMode): File {
    const { directory, name } = this.#locate('open', path);
    let entry = directory.get(name);
    if (mode === 'create') {
      if (entry !== undefined) throw ioError('open', path, systemError('EEXIST'));
      entry = new CrashableFile();
      directory.set(name, entry);
    }
    if (entry === undefined) throw ioError('open', path, systemError('ENOENT'));
    if (entry instanceof CrashableDirectory) throw ioError('open', path, systemError('EISDIR'));
    return new MemoryFile(path, entry, mode, this.#power);
  }

  list(directory: string): string[] {
    return this.#directory('list', directory).names();
  }

  exists(path: string): boolean {
    checkPower(this.#power, 'look up', path);
    return this.#find(split(path)) !== undefined;
  }

  rename(source: string, target: string): void {
    const from = this.#locate('rename', source);
    const entry = from.directory.get(from.name);
    if (entry === undefined) throw ioError('rename', source, systemError('ENOENT'));
    const to = this.#locate('rename', target);
    if (to.directory.get(to.name) instanceof CrashableDirectory) {
      throw ioError('rename', target, systemError('EISDIR'));
    }
    if (to.directory.get(to.name) === entry) return; // Two names of one file: POSIX leaves both.
    if (from.directory === to.directory) {
      from.directory.rename(from.name, to.name, entry);
    } else {
      from.directory.remove(from.name);
      to.directory.set(to.name, entry);
    }
  }

  async renameInBackground(source: string, target: string): Promise<void> {
    this.rename(source, target);
  }

  link(source: string, target: string): void {
    const from = this.#locate('link', source);
    const entry = from.directory.get(from.name);
    if (entry === undefined) throw ioError('link', source, systemError('ENOENT'));
    if (entry instanceof CrashableDirectory) throw ioError('link', source, systemError('EISDIR'));
    const to = this.#locate('link', target);
    if (to.directory.get(to.name) !== undefined) {
      throw ioError('link', target, systemError('EEXIST'));
    }
    to.directory.set(to.name, entry);
  }

  remove(path: string): void {
    checkPower(this.#power, 'remove', path);
    const parts = split(path);
    const name = parts.pop();
    const directory = this.#find(parts);
    if (name === undefined || !(directory instanceof CrashableDirectory)) return;
    const entry = directory.get(name);
    if (entry instanceof CrashableDirectory) throw ioError('remove', path, systemError('EISDIR'));
    if (entry !== undefined) directory.remove(name);
  }

  async removeInBackground(path: string): Promise<void> {
    this.remove(path);
  }

  makeDirectory(path: string): void {
    checkPower(this.#power, 'make directory', path);
    let directory = this.#root;
    for (const name of split(path)) {
      let entry = directory.get(name);
      if (entry === undefined) {
        entry = new CrashableDirectory();
        directory.set(name, entry);
        directory.sync();
      }
      if (entry instanceof CrashableFile) {
        throw ioError('make directory', path, systemError('ENOTDIR'));
      }
      directory = entry;
    }
  }

  removeDirectory(path: string): void {
    checkPower(this.#power, 'remove directory', path);
    const parts = split(path);
    const name = parts.pop();
    const parent = this.#find(parts);
    if (name === undefined || !(parent instanceof CrashableDirectory)) return;
    const entry = parent.get(name);
    if (entry instanceof CrashableFile) {
      throw ioError('remove directory', path, systemError('ENOTDIR'));
    }
    if (entry?.names().length === 0) parent.remove(name);
  }

  syncDirectory(directory: string): void {
    this.#directory('sync directory', directory).sync();
  }

  /** Takes a turn of the event loop, as `datasync` does. */
  async syncDirectoryInBackground(directory: string): Promise<void> {
    const end = this.#directory('sync directory', directory).beginSync();
    await new Promise((resolve) => setImmediate(resolve));
    checkPower(this.#power, 'sync directory', directory);
    end();
  }

  async waitUntilUnlocked(directory: string, timeoutMs: number): Promise<void> {
    await this.#locks.waitUntilFree(split(directory).join('/'), timeoutMs);
  }

  async lock(directory: string, options: LockOptions): Promise<Lock> {
    this.#directory('lock', directory);
    return this.#locks.take(split(directory).join('/'), options);
  }

  #directory(operation: string, path: string): CrashableDirectory {
    checkPower(this.#power, operation, path);
    const entry = this.#find(split(path));
    if (entry instanceof CrashableDirectory) return entry;
    throw ioError(operation, path, systemError(entry === undefined ? 'ENOENT' : 'ENOTDIR'));
  }

  /** The directory that holds, or would hold, the last name of `path`. */
  #locate(operation: string, path: string): { directory: CrashableDirectory; name: string } {
    checkPower(this.#power, operation, path);
    const parts = split(path);
    const name = parts.pop();
    if (name === undefined) throw ioError(operation, path, systemError('EISDIR'));
    const directory = this.#find(parts);
    if (directory instanceof CrashableDirectory) return { directory, name };
    throw ioError(operation, path, systemError(directory === undefined ? 'ENOENT' : 'ENOTDIR'));
  }

  #find(parts: readonly string[]): Entry | undefined {
    let entry: Entry | undefined = this.#root;
    for (const name of parts) {
      if (!(entry instanceof CrashableDirectory)) return undefined;
      entry = entry.get(name);
    }
    return entry;
  }
}

class MemoryFile implements File {
  readonly path: string;
  readonly #file: CrashableFile;
  readonly #mode: OpenMode;
  readonly #power: Power;
  #isClosed = false;

  constructor(path: string, file: CrashableFile, mode: OpenMode, power: Power) {
    this.path = path;
    this.#file = file;
    this.#mode = mode;
    this.#power = power;
  }

  readInto(target: Uint8Array, position: number): number {
    this.#check('read', position);
    return this.#file.read(target, position);
  }

  write(source: Uint8Array, position: number): void {
    this.#check('write', position);
    if (this.#mode === 'read') throw ioError('write', this.path, systemError('EBADF'));
    this.#file.write(source, position);
  }

  size(): number {
    this.#check('look up', 0);
    return this.#file.size;
  }

  truncate(size: number): void {
    this.#check('truncate', size);
    if (this.#mode === 'read') throw ioError('truncate', this.path, systemError('EBADF'));
    this.#file.truncate(size);
  }

  /** Takes a turn of the event loop, so that other work can come between, as it does on a disk. */
  async datasync(): Promise<void> {
    this.#check('sync', 0);
    const end = this.#file.beginSync();
    await new Promise((resolve) => setImmediate(resolve));
    checkPower(this.#power, 'sync', this.path);
    end();
  }

  close(): void {
    this.#isClosed = true;
  }

  #check(operation: string, position: number): void {
    checkPower(this.#power, operation, this.path);
    assert(!this.#isClosed, 'a closed file is not used');
    assert(
      Number.isSafeInteger(position) && position >= 0,
      'a position in a file is a natural number',
    );
  }
}

function checkPower(power: Power, operation: string, path: string): void {
  if (power.isOn) return;
  throw new DatabaseError(
    'IO',
    `cannot ${operation} ${path}: the power is cut; crash() returned the disk to go on with`,
  );
}

/** A path is relative to the root: `/a/b`, `a/b` and `a/./b/` are one. */
function split(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  assert(!parts.includes('..'), 'a path in memory has no ..');
  return parts;
}
