/**
 * A file system for the owner of a lock: it asks before each change whether the lock is still held, and refuses
 * when it is not. A process that was suspended, and whose lock another one took meanwhile, must not write beside
 * its successor: not into the log, nor into pages, nor move the pointer, nor delete what it took for obsolete.
 *
 * Reads are not asked about, and files opened to read are handed through as they are. To ask is cheap, see
 * `Lock.isHeld`; between the question and the call a process may still be suspended, which only the system could
 * prevent.
 */
import { DatabaseError } from '../errors.ts';
import type { File, FileSystem, Lock, LockOptions, OpenMode, ThreadAccess } from './file-system.ts';

export class GuardedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #lock: Pick<Lock, 'isHeld'>;

  constructor(inner: FileSystem, lock: Pick<Lock, 'isHeld'>) {
    this.#inner = inner;
    this.#lock = lock;
  }

  open(path: string, mode: OpenMode, purpose?: string): File {
    if (mode === 'read') return this.#inner.open(path, mode, purpose);
    if (mode === 'create') check(this.#lock, 'create', path);
    return new GuardedFile(this.#inner.open(path, mode, purpose), this.#lock);
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  exists(path: string): boolean {
    return this.#inner.exists(path);
  }

  rename(source: string, target: string): void {
    check(this.#lock, 'rename', source);
    this.#inner.rename(source, target);
  }

  async renameInBackground(source: string, target: string): Promise<void> {
    check(this.#lock, 'rename', source);
    await this.#inner.renameInBackground(source, target);
  }

  link(source: string, target: string): void {
    check(this.#lock, 'link', source);
    this.#inner.link(source, target);
  }

  remove(path: string): void {
    check(this.#lock, 'remove', path);
    this.#inner.remove(path);
  }

  async removeInBackground(path: string): Promise<void> {
    check(this.#lock, 'remove', path);
    await this.#inner.removeInBackground(path);
  }

  makeDirectory(path: string): void {
    check(this.#lock, 'make directory', path);
    this.#inner.makeDirectory(path);
  }

  removeDirectory(path: string): void {
    check(this.#lock, 'remove directory', path);
    this.#inner.removeDirectory?.(path);
  }

  syncDirectory(directory: string): void {
    this.#inner.syncDirectory(directory);
  }

  syncDirectoryInBackground(directory: string): Promise<void> {
    return this.#inner.syncDirectoryInBackground(directory);
  }

  /**
   * Another thread does not ask: it makes new files alone, which mean nothing until this thread has asked, and
   * named them.
   */
  threadAccess(): ThreadAccess | undefined {
    return this.#inner.threadAccess?.();
  }

  lock(directory: string, options: LockOptions): Promise<Lock> {
    return this.#inner.lock(directory, options);
  }

  waitUntilUnlocked(directory: string, timeoutMs: number): Promise<void> {
    return this.#inner.waitUntilUnlocked(directory, timeoutMs);
  }
}

class GuardedFile implements File {
  readonly path: string;
  readonly readInBackground: File['readInBackground'];
  readonly #inner: File;
  readonly #lock: Pick<Lock, 'isHeld'>;

  constructor(inner: File, lock: Pick<Lock, 'isHeld'>) {
    this.path = inner.path;
    this.readInBackground = inner.readInBackground?.bind(inner);
    this.#inner = inner;
    this.#lock = lock;
  }

  readInto(target: Uint8Array, position: number): number {
    return this.#inner.readInto(target, position);
  }

  write(source: Uint8Array, position: number): void {
    check(this.#lock, 'write', this.path);
    this.#inner.write(source, position);
  }

  size(): number {
    return this.#inner.size();
  }

  truncate(size: number): void {
    check(this.#lock, 'truncate', this.path);
    this.#inner.truncate(size);
  }

  async datasync(): Promise<void> {
    await this.#inner.datasync();
  }

  close(): void {
    this.#inner.close();
  }
}

function check(lock: Pick<Lock, 'isHeld'>, operation: string, path: string): void {
  if (lock.isHeld()) return;
  const message = `cannot ${operation} ${path}: the lock of the database was lost to another process`;
  throw new DatabaseError('IO', message);
}
