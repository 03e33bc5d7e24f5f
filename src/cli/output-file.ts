/** A file that a command writes, in large pieces: a path, or standard output (`-`). */
import { type FileHandle, open } from 'node:fs/promises';
import { CommandError, describeSystemError, inputError } from './command-error.ts';

const PIECE_BYTES = 256 * 1024;

export class OutputFile {
  /**
   * A new file; one that is there is refused, unless it is gone on with: then it is opened as it is and
   * `keep` says how much of it stays.
   */
  static async open(path: string, options: { readonly isResumed: boolean }): Promise<OutputFile> {
    if (path === '-') return new OutputFile(path, undefined);
    try {
      return new OutputFile(path, await open(path, options.isResumed ? 'r+' : 'wx'));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') {
        const advice = 'give another name, or --resume to go on with it';
        throw new CommandError(`${path}: is there already; ${advice}`, { cause: error });
      }
      throw inputError(path, describeSystemError(error), error);
    }
  }

  readonly path: string;
  readonly #file: FileHandle | undefined;
  #pieces: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Where the next piece goes. */
  #position = 0;

  private constructor(path: string, file: FileHandle | undefined) {
    this.path = path;
    this.#file = file;
  }

  /** Bytes before and in what waits to be written. */
  get length(): number {
    return this.#position + this.#pendingBytes;
  }

  async size(): Promise<number> {
    return (await this.#opened().stat()).size;
  }

  /** Cuts a file that is gone on with: what is written next comes behind the first `bytes`. */
  async keep(bytes: number): Promise<void> {
    await this.#opened().truncate(bytes);
    this.#position = bytes;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#opened().read(bytes, 0, length, position);
    return bytes.subarray(0, bytesRead);
  }

  /** `bytes` are the file's from now on. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#pieces.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= PIECE_BYTES) await this.flush();
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#pendingBytes = 0;
    if (bytes.length === 0) return;
    if (this.#file === undefined) await writeOut(bytes);
    else await this.#writeAt(this.#file, bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Writes over bytes that are there, as a header whose figures are known only now. */
  async overwrite(position: number, bytes: Uint8Array): Promise<void> {
    await this.#writeAt(this.#opened(), bytes, position);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** Not standard output. */
  #opened(): FileHandle {
    if (this.#file === undefined) throw new CommandError('-: standard output cannot be rewritten');
    return this.#file;
  }

  async #writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
    try {
      await file.write(bytes, 0, bytes.length, position);
    } catch (error) {
      throw inputError(this.path, describeSystemError(error), error);
    }
  }
}

async function writeOut(bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error == null ? resolve() : reject(error)));
  });
}
