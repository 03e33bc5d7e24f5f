/** A file that a command writes, in large pieces: a path, or standard output (`-`). */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { CommandError, describeSystemError, inputError } from './command-error.ts';

const PIECE_BYTES = 256 * 1024;

/** What is asked of an open file: the calls of `FileHandle`, each of which may move fewer bytes than were asked for. */
export type RawFile = Pick<FileHandle, 'close' | 'truncate'> & {
  read(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<{ readonly size: number }>;
};

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
  readonly #file: RawFile | undefined;
  #pieces: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Where the next piece goes. */
  #position = 0;

  /** `file` is closed by `close`; without one it is standard output. */
  constructor(path: string, file: RawFile | undefined) {
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

  /** Fewer bytes only where the file ends. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const file = this.#opened();
    let done = 0;
    while (done < length) {
      const { bytesRead } = await file.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
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

  /** Closes a new file that nothing came of, and takes it away: it would stand in the way of the next attempt. */
  async discardIfEmpty(): Promise<void> {
    const isEmpty = this.#file !== undefined && (await this.size()) === 0;
    await this.close();
    if (isEmpty) await rm(this.path, { force: true });
  }

  /** Not standard output. */
  #opened(): RawFile {
    if (this.#file === undefined) throw new CommandError('-: standard output cannot be rewritten');
    return this.#file;
  }

  async #writeAt(file: RawFile, bytes: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done;
        const { bytesWritten } = await file.write(bytes, done, left, position + done);
        done += bytesWritten;
      }
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
