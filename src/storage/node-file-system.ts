/**
 * The file system of the operating system: with `directory-lock.ts`, the only user of `node:fs`.
 *
 * Reads and writes loop until the system has taken or given everything. Errors are `DatabaseError`s
 * that name the path and keep the system's error as their cause.
 */
import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import { lockDirectory, waitUntilUnlocked } from './directory-lock.ts';
import type { File, FileSystem, Lock, LockOptions, OpenMode, ThreadAccess } from './file-system.ts';
import { ioError, systemErrorCode } from './io-error.ts';

const flags: Record<OpenMode, string> = { read: 'r', create: 'wx+', readwrite: 'r+' };

/** The file system of the machine, through `node:fs`. */
export class NodeFileSystem implements FileSystem {
  open(path: string, mode: OpenMode): File {
    return new NodeFile(
      path,
      attempt('open', path, () => fs.openSync(path, flags[mode])),
    );
  }

  list(directory: string): string[] {
    return attempt('list', directory, () => fs.readdirSync(directory)).sort();
  }

  exists(path: string): boolean {
    return status(path) !== undefined;
  }

  rename(source: string, target: string): void {
    attempt(`rename to ${target} the file`, source, () => fs.renameSync(source, target));
  }

  async renameInBackground(source: string, target: string): Promise<void> {
    try {
      await fs.promises.rename(source, target);
    } catch (cause) {
      throw ioError(`rename to ${target} the file`, source, cause);
    }
  }

  link(source: string, target: string): void {
    attempt(`link to ${target} the file`, source, () => fs.linkSync(source, target));
  }

  remove(path: string): void {
    try {
      fs.unlinkSync(path);
    } catch (cause) {
      if (systemErrorCode(cause) !== 'ENOENT') throw ioError('remove', path, cause);
    }
  }

  async removeInBackground(path: string): Promise<void> {
    try {
      await fs.promises.unlink(path);
    } catch (cause) {
      if (systemErrorCode(cause) !== 'ENOENT') throw ioError('remove', path, cause);
    }
  }

  /** Parent by parent: Node's recursive mkdir never returns where the system answers ENOENT for good. */
  makeDirectory(path: string): void {
    if (isDirectory(path)) return;
    const parent = dirname(resolve(path));
    this.makeDirectory(parent);
    try {
      fs.mkdirSync(path);
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EEXIST') throw ioError('make directory', path, cause);
      if (!isDirectory(path)) {
        const reason = 'there is a file of that name; a database needs a folder';
        throw new DatabaseError('IO', `cannot make directory ${path}: ${reason}`, { cause });
      }
    }
    this.syncDirectory(parent);
  }

  removeDirectory(path: string): void {
    try {
      fs.rmdirSync(path);
    } catch (cause) {
      const code = systemErrorCode(cause) ?? '';
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(code)) {
        throw ioError('remove directory', path, cause);
      }
    }
  }

  syncDirectory(directory: string): void {
    /* v8 ignore next -- Windows alone @preserve */
    if (process.platform === 'win32') return; // Directories cannot be opened there; NTFS journals them.
    attempt('sync directory', directory, () => {
      const descriptor = fs.openSync(directory, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  async syncDirectoryInBackground(directory: string): Promise<void> {
    /* v8 ignore next -- Windows alone @preserve */
    if (process.platform === 'win32') return;
    try {
      const flags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY;
      const handle = await fs.promises.open(directory, flags);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (cause) {
      throw ioError('sync directory', directory, cause);
    }
  }

  async waitUntilUnlocked(directory: string, timeoutMs: number): Promise<void> {
    await waitUntilUnlocked(directory, timeoutMs);
  }

  threadAccess(): ThreadAccess {
    return { kind: 'node', onCalls: () => {} };
  }

  lock(directory: string, options: LockOptions): Promise<Lock> {
    return lockDirectory(directory, options);
  }
}

class NodeFile implements File {
  readonly path: string;
  readonly #descriptor: number;
  #isClosed = false;
  /** Syncs and reads on their way in the thread pool. */
  #pending = 0;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  readInto(target: Uint8Array, position: number): number {
    this.#check(position);
    let done = 0;
    while (done < target.length) {
      const rest = target.length - done;
      let count: number;
      try {
        count = fs.readSync(this.#descriptor, target, done, rest, position + done);
      } catch (cause) {
        throw ioError('read', this.path, cause);
      }
      if (count === 0) break; // The end of the file.
      done += count;
    }
    return done;
  }

  async readInBackground(target: Uint8Array, position: number): Promise<number> {
    this.#check(position);
    let done = 0;
    this.#pending++;
    try {
      while (done < target.length) {
        const count = await readSome(this.#descriptor, target.subarray(done), position + done);
        if (count === 0) break; // The end of the file.
        done += count;
      }
    } catch (cause) {
      throw ioError('read', this.path, cause);
    } finally {
      this.#ended();
    }
    return done;
  }

  write(source: Uint8Array, position: number): void {
    this.#check(position);
    let done = 0;
    while (done < source.length) {
      const rest = source.length - done;
      try {
        done += fs.writeSync(this.#descriptor, source, done, rest, position + done);
      } catch (cause) {
        throw ioError('write', this.path, cause);
      }
    }
  }

  size(): number {
    this.#check(0);
    return attempt('look up', this.path, () => fs.fstatSync(this.#descriptor).size);
  }

  truncate(size: number): void {
    this.#check(size);
    attempt('truncate', this.path, () => fs.ftruncateSync(this.#descriptor, size));
  }

  async datasync(): Promise<void> {
    this.#check(0);
    this.#pending++;
    try {
      await new Promise<void>((resolve, reject) => {
        fs.fdatasync(this.#descriptor, (cause) => {
          if (cause === null) resolve();
          else reject(ioError('sync', this.path, cause));
        });
      });
    } finally {
      this.#ended();
    }
  }

  /**
   * The descriptor is let go only when nothing is on its way: its number could belong to another file
   * by the time the thread pool gets to it, and the sync, or the read, would be one of the wrong file.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#pending === 0) this.#closeDescriptor();
  }

  #ended(): void {
    this.#pending--;
    if (this.#isClosed && this.#pending === 0) this.#closeDescriptor();
  }

  #closeDescriptor(): void {
    attempt('close', this.path, () => fs.closeSync(this.#descriptor));
  }

  /** A negative position would make Node use the descriptor's own, silently. */
  #check(position: number): void {
    assert(!this.#isClosed, 'a closed file is not used');
    assert(
      Number.isSafeInteger(position) && position >= 0,
      'a position in a file is a natural number',
    );
  }
}

function readSome(descriptor: number, target: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, target, 0, target.length, position, (cause, count) => {
      if (cause === null) resolve(count);
      else reject(cause);
    });
  });
}

/** `undefined` when there is nothing of this name. */
function status(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOTDIR') return undefined;
    throw ioError('look up', path, cause);
  }
}

function isDirectory(path: string): boolean {
  return status(path)?.isDirectory() === true;
}

function attempt<T>(operation: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw ioError(operation, path, cause);
  }
}
