/** A user's file as a stream of bytes: plain, gzip (`.gz`), or standard input (`-`). */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CommandError, describeSystemError, inputError } from '../command-error.ts';

const chunkBytes = 256 * 1024;

/** Counts what has been read of the file (compressed bytes, for gzip), for progress. */
export class InputStream {
  /** Opens nothing yet; refuses a path that is missing or no file. */
  static async open(path: string): Promise<InputStream> {
    if (path === '-') return new InputStream(path, undefined);
    try {
      const info = await stat(path);
      if (info.isDirectory()) throw inputError(path, 'is a folder, expected a file');
      return new InputStream(path, info.isFile() ? info.size : undefined);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw inputError(path, describeSystemError(error), error);
    }
  }

  readonly path: string;
  /** Size of the file, or undefined for a pipe. */
  readonly bytesTotal: number | undefined;
  #source: Readable | undefined;

  private constructor(path: string, bytesTotal: number | undefined) {
    this.path = path;
    this.bytesTotal = bytesTotal;
  }

  get isCompressed(): boolean {
    return this.path.endsWith('.gz');
  }

  get bytesRead(): number {
    return this.#source !== undefined && 'bytesRead' in this.#source
      ? Number(this.#source.bytesRead)
      : 0;
  }

  /** The uncompressed bytes, once. Leaving the loop early closes the file. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const source =
      this.path === '-'
        ? process.stdin
        : createReadStream(this.path, { highWaterMark: chunkBytes });
    this.#source = source;
    let bytes: Readable = source;
    if (this.isCompressed) {
      const gunzip = createGunzip({ chunkSize: chunkBytes });
      pipeline(source, gunzip, () => {}); // An error of either one ends the loop below.
      bytes = gunzip;
    }
    try {
      for await (const chunk of bytes) yield chunk as Uint8Array;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'Z_BUF_ERROR') throw inputError(this.path, 'the gzip data ends early', error);
      if (code.startsWith('Z_')) {
        throw inputError(this.path, `damaged gzip data (${(error as Error).message})`, error);
      }
      throw inputError(this.path, describeSystemError(error), error);
    }
  }
}
