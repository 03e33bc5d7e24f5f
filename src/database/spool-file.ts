/** A temporary file that is appended to through a buffer, then read at any place through a window. */
import type { File, FileSystem } from '../storage/file-system.ts';

const NAME = /^ingest-\d+\.(?:vectors|records|lists)\.tmp$/u;
const BUFFER_BYTES = 1 << 18;
const WINDOW_BYTES = 1 << 16;

/** Removes what interrupted bulk loads left in a database's directory. */
export function removeSpools(fileSystem: FileSystem, directory: string): void {
  for (const name of fileSystem.list(directory)) {
    if (NAME.test(name)) fileSystem.remove(`${directory}/${name}`);
  }
}

/** Two buffers of 320 KiB together. */
export class SpoolFile {
  readonly #fileSystem: FileSystem;
  readonly #file: File;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #written = 0;
  #window = new Uint8Array(WINDOW_BYTES);
  #windowStart = 0;
  #windowLength = 0;

  /** Creates the file; its name is one that `removeSpools` knows. */
  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#file = fileSystem.open(path, 'create');
  }

  /** Returns where the bytes begin. */
  append(bytes: Uint8Array): number {
    const start = this.#written + this.#buffered;
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#file.write(bytes, this.#written);
      this.#written += bytes.length;
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
    return start;
  }

  flush(): void {
    if (this.#buffered === 0) return;
    this.#file.write(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }

  /** Returns the bytes read: less than wanted where the file ends. */
  readInto(target: Uint8Array, position: number): number {
    return this.#file.readInto(target, position);
  }

  /** Bytes of the file, borrowed until the next call. */
  view(position: number, length: number): Uint8Array {
    const isInside =
      position >= this.#windowStart && position + length <= this.#windowStart + this.#windowLength;
    if (!isInside) {
      if (length > this.#window.length) this.#window = new Uint8Array(length);
      this.#windowStart = position;
      this.#windowLength = this.#file.readInto(this.#window, position);
    }
    const start = position - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }

  /** Removes the file. Idempotent. */
  close(): void {
    this.#file.close();
    this.#fileSystem.remove(this.#file.path);
  }
}

/** Words in such a file, read front to back. */
export class WordSpool {
  readonly #file: SpoolFile;

  constructor(fileSystem: FileSystem, path: string) {
    this.#file = new SpoolFile(fileSystem, path);
  }

  /** Copied. */
  append(words: Uint32Array): void {
    this.#file.append(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }

  /** Reads from `position`, in words, until `target` is full or the words end; returns how many. */
  readInto(target: Uint32Array, position: number): number {
    this.#file.flush();
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    return this.#file.readInto(bytes, 4 * position) >>> 2;
  }

  /** Removes it. Idempotent. */
  close(): void {
    this.#file.close();
  }
}
