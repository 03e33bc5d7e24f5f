/**
 * Writes files of vectors: row by row, in the order of the collection. Ids are not in them: `export --ids`
 * writes them beside.
 */
import type { Json, StoredRecord } from '../../index.ts';
import { CommandError } from '../command-error.ts';
import type { OutputFile } from '../output-file.ts';
import type { RecordWriter, Written } from './record-writer.ts';
import {
  encodeHeader,
  hasCountedRows,
  headerBytes,
  type VectorFileKind,
  writtenElement,
} from './vector-header.ts';

const COUNT_BYTES = 4;

export class VectorWriter implements RecordWriter {
  readonly #file: OutputFile;
  readonly #kind: VectorFileKind;
  readonly #dimension: number;
  readonly #rowBytes: number;
  #rows = 0;

  constructor(file: OutputFile, kind: VectorFileKind, dimension: number) {
    this.#file = file;
    this.#kind = kind;
    this.#dimension = dimension;
    const width = writtenElement[kind] === 'f4' ? 4 : 1;
    this.#rowBytes = (hasCountedRows(kind) ? COUNT_BYTES : 0) + width * dimension;
  }

  async resume(
    most: number = Number.POSITIVE_INFINITY,
  ): Promise<{ written: number; lastId: undefined }> {
    const head = headerBytes[this.#kind];
    const size = await this.#file.size();
    const rows = Math.floor((size - head) / this.#rowBytes);
    this.#rows = Math.max(0, Math.min(most, rows));
    await this.#file.keep(this.#rows === 0 ? 0 : head + this.#rows * this.#rowBytes);
    return { written: this.#rows, lastId: undefined };
  }

  async write({ id, vector }: StoredRecord<Json>): Promise<Written> {
    if (vector === undefined) return 'nothing';
    await this.#begin();
    await this.#file.write(this.#row(vector, String(id)));
    this.#rows++;
    return 'all';
  }

  /** The header gets the number of rows. */
  async end(): Promise<void> {
    await this.#begin();
    await this.#file.flush();
    const header = encodeHeader(this.#kind, this.#rows, this.#dimension);
    if (header.length > 0) await this.#file.overwrite(0, header);
  }

  async #begin(): Promise<void> {
    if (this.#file.length > 0) return;
    await this.#file.write(encodeHeader(this.#kind, 0, this.#dimension));
  }

  #row(vector: Float32Array, id: string): Uint8Array {
    const bytes = new Uint8Array(this.#rowBytes);
    const view = new DataView(bytes.buffer);
    let at = 0;
    if (hasCountedRows(this.#kind)) {
      view.setInt32(0, this.#dimension, true);
      at = COUNT_BYTES;
    }
    const isByte = writtenElement[this.#kind] === 'u1';
    for (const value of vector) {
      if (!isByte) view.setFloat32(at, value, true);
      else if (Number.isInteger(value) && value >= 0 && value <= 255) bytes[at] = value;
      else throw notBytes(this.#kind, id, value);
      at += isByte ? 1 : 4;
    }
    return bytes;
  }
}

function notBytes(kind: VectorFileKind, id: string, value: number): CommandError {
  const other = kind === 'u8bin' ? 'fbin' : 'fvecs';
  return new CommandError(
    `${kind} holds whole numbers from 0 to 255; record "${id}" has ${value}; use ${other}`,
  );
}
