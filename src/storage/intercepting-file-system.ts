/**
 * A file system that asks before each call to another one: the common part of those that count,
 * deny or record. It changes nothing by itself.
 */
import type { File, FileSystem, Lock, LockOptions, OpenMode } from './file-system.ts';

/** The calls that can be intercepted, by name. */
export type Operation =
  | 'open'
  | 'read'
  | 'write'
  | 'size'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'list'
  | 'exists'
  | 'rename'
  | 'link'
  | 'remove'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'lock';

export interface Call {
  readonly operation: Operation;
  /** Of the file or directory; of a rename or a link, the target. */
  readonly path: string;
  /** The open file, when the call is made on one. */
  readonly file?: File;
  /** Of an open. */
  readonly mode?: OpenMode;
  /** Of an open, and of every call on that file: what it was opened for, if its opener said so. */
  readonly purpose?: string | undefined;
  /** Of a rename or a link: the old path. */
  readonly origin?: string;
  /** Of a read or a write: where in the file. Of a truncate: the new size. */
  readonly position?: number;
  /** Bytes to write; of a read, the bytes that were read, once it has run, or are to be, in the background. Else 0. */
  bytes: number;
  /** Of a write: the bytes, borrowed for the time of the call. */
  readonly source?: Uint8Array;
  /** Of a read or a write: does the first half of it only. */
  readonly runHalf?: () => void;
}

/** Decides what becomes of a call. `run` makes it on the inner file system. */
export interface Interceptor {
  call<T>(call: Call, run: () => T): T;
  /** Of an open file, or of a directory in the background. */
  sync(call: Call, run: () => Promise<void>): Promise<void>;
}

/** Lets every call through. */
export const passing: Interceptor = {
  call: (_call, run) => run(),
  sync: (_call, run) => run(),
};

export class InterceptingFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #interceptor: Interceptor;

  constructor(inner: FileSystem, interceptor: Interceptor) {
    this.#inner = inner;
    this.#interceptor = interceptor;
  }

  open(path: string, mode: OpenMode, purpose?: string): File {
    const call: Call = { operation: 'open', path, mode, purpose, bytes: 0 };
    const inner = this.#interceptor.call(call, () => this.#inner.open(path, mode, purpose));
    return new InterceptingFile(inner, this.#interceptor, purpose);
  }

  list(directory: string): string[] {
    return this.#call('list', directory, () => this.#inner.list(directory));
  }

  exists(path: string): boolean {
    return this.#call('exists', path, () => this.#inner.exists(path));
  }

  rename(source: string, target: string): void {
    const call: Call = { operation: 'rename', path: target, origin: source, bytes: 0 };
    this.#interceptor.call(call, () => this.#inner.rename(source, target));
  }

  async renameInBackground(source: string, target: string): Promise<void> {
    const call: Call = { operation: 'rename', path: target, origin: source, bytes: 0 };
    await this.#interceptor.call(call, () => this.#inner.renameInBackground(source, target));
  }

  link(source: string, target: string): void {
    const call: Call = { operation: 'link', path: target, origin: source, bytes: 0 };
    this.#interceptor.call(call, () => this.#inner.link(source, target));
  }

  remove(path: string): void {
    this.#call('remove', path, () => this.#inner.remove(path));
  }

  async removeInBackground(path: string): Promise<void> {
    await this.#call('remove', path, () => this.#inner.removeInBackground(path));
  }

  makeDirectory(path: string): void {
    this.#call('makeDirectory', path, () => this.#inner.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    this.#call('remove', path, () => this.#inner.removeDirectory?.(path));
  }

  syncDirectory(directory: string): void {
    this.#call('syncDirectory', directory, () => this.#inner.syncDirectory(directory));
  }

  async syncDirectoryInBackground(directory: string): Promise<void> {
    const call: Call = { operation: 'syncDirectory', path: directory, bytes: 0 };
    await this.#interceptor.sync(call, () => this.#inner.syncDirectoryInBackground(directory));
  }

  async waitUntilUnlocked(directory: string, timeoutMs: number): Promise<void> {
    await this.#call('lock', directory, () => this.#inner.waitUntilUnlocked(directory, timeoutMs));
  }

  async lock(directory: string, options: LockOptions): Promise<Lock> {
    return await this.#call('lock', directory, () => this.#inner.lock(directory, options));
  }

  #call<T>(operation: Operation, path: string, run: () => T): T {
    return this.#interceptor.call({ operation, path, bytes: 0 }, run);
  }
}

class InterceptingFile implements File {
  readonly path: string;
  readonly readInBackground: File['readInBackground'];
  readonly #inner: File;
  readonly #interceptor: Interceptor;
  readonly #purpose: string | undefined;
  #isClosed = false;

  constructor(inner: File, interceptor: Interceptor, purpose: string | undefined) {
    this.path = inner.path;
    this.#inner = inner;
    this.#interceptor = interceptor;
    this.#purpose = purpose;
    const read = inner.readInBackground?.bind(inner);
    if (read !== undefined) this.readInBackground = (...to) => this.#readInBackground(read, ...to);
  }

  readInto(target: Uint8Array, position: number): number {
    const half = target.subarray(0, target.length >> 1);
    const call: Call = {
      operation: 'read',
      path: this.path,
      file: this,
      purpose: this.#purpose,
      position,
      bytes: 0,
      runHalf: () => this.#inner.readInto(half, position),
    };
    return this.#interceptor.call(call, () => {
      call.bytes = this.#inner.readInto(target, position);
      return call.bytes;
    });
  }

  /** Asked about, and counted, when it begins: with the bytes that it is to read. */
  async #readInBackground(
    read: (target: Uint8Array, position: number) => Promise<number>,
    target: Uint8Array,
    position: number,
  ): Promise<number> {
    const call = { ...this.#plainCall('read'), position, bytes: target.length };
    return await this.#interceptor.call(call, () => read(target, position));
  }

  write(source: Uint8Array, position: number): void {
    const half = source.subarray(0, source.length >> 1);
    const call: Call = {
      operation: 'write',
      path: this.path,
      file: this,
      purpose: this.#purpose,
      position,
      bytes: source.length,
      source,
      runHalf: () => this.#inner.write(half, position),
    };
    this.#interceptor.call(call, () => this.#inner.write(source, position));
  }

  size(): number {
    return this.#interceptor.call(this.#plainCall('size'), () => this.#inner.size());
  }

  truncate(size: number): void {
    const call: Call = { ...this.#plainCall('truncate'), position: size };
    this.#interceptor.call(call, () => this.#inner.truncate(size));
  }

  async datasync(): Promise<void> {
    await this.#interceptor.sync(this.#plainCall('sync'), () => this.#inner.datasync());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#interceptor.call(this.#plainCall('close'), () => this.#inner.close());
  }

  #plainCall(operation: Operation): Call {
    return { operation, path: this.path, file: this, purpose: this.#purpose, bytes: 0 };
  }
}
