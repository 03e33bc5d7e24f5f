/**
 * Records of an `ingest`, kept in two temporary files of the database's directory until all have come: then
 * memory holds a few bytes of each. Files that a crash leaves are removed by the next open; nothing else
 * ever reads them.
 *
 *   ingest-N.vectors.tmp   f32[dimension] of each record that has a vector
 *   ingest-N.records.tmp   u32 id length, u32 namespace length, u32 body length (0: no body), and those bytes
 */
import type { File, FileSystem } from '../storage/file-system.ts';
import { decodeBody, encodeBody } from './body.ts';
import type { BulkSource } from './bulk-source.ts';
import type { CheckedRecord } from './checked-record.ts';
import { identityOf } from './record-id.ts';

const NAME = /^ingest-\d+\.(?:vectors|records)\.tmp$/u;
const HEADER_BYTES = 12;
const BUFFER_BYTES = 1 << 18;
const WINDOW_BYTES = 1 << 16;
const NO_VECTOR = 0xffffffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Removes what interrupted ingests left in a database's directory. */
export function removeSpools(fileSystem: FileSystem, directory: string): void {
  for (const name of fileSystem.list(directory)) {
    if (NAME.test(name)) fileSystem.remove(`${directory}/${name}`);
  }
}

export class IngestSpool implements BulkSource {
  readonly #fileSystem: FileSystem;
  readonly #dimension: number;
  readonly #vectors: SpoolFile;
  readonly #records: SpoolFile;
  /** By content: where its record begins, and the number of its vector. */
  #offsets = new Float64Array(1024);
  #vectorNumbers = new Uint32Array(1024);
  #count = 0;
  #vectorCount = 0;

  /** Makes the files; `number` is of no other spool. */
  constructor(fileSystem: FileSystem, directory: string, number: number, dimension: number) {
    this.#fileSystem = fileSystem;
    this.#dimension = dimension;
    const path = `${directory}/ingest-${number}`;
    this.#vectors = new SpoolFile(fileSystem.open(`${path}.vectors.tmp`, 'create'));
    try {
      this.#records = new SpoolFile(fileSystem.open(`${path}.records.tmp`, 'create'));
    } catch (error) {
      this.#remove(this.#vectors);
      throw error;
    }
  }

  get count(): number {
    return this.#count;
  }

  add({ namespace, id, vector, metadata, text }: CheckedRecord): void {
    const name = encoder.encode(namespace);
    const body = encodeBody(metadata, text) ?? new Uint8Array(0);
    const bytes = new Uint8Array(HEADER_BYTES + id.length + name.length + body.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, id.length, true);
    view.setUint32(4, name.length, true);
    view.setUint32(8, body.length, true);
    bytes.set(id, HEADER_BYTES);
    bytes.set(name, HEADER_BYTES + id.length);
    bytes.set(body, HEADER_BYTES + id.length + name.length);
    this.#grow();
    this.#offsets[this.#count] = this.#records.append(bytes);
    this.#vectorNumbers[this.#count++] = vector === undefined ? NO_VECTOR : this.#vectorCount;
    if (vector === undefined) return;
    this.#vectors.append(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength));
    this.#vectorCount++;
  }

  /** After the last record. */
  finish(): void {
    this.#vectors.flush();
    this.#records.flush();
  }

  hasVector(index: number): boolean {
    return this.#vectorNumbers[index] !== NO_VECTOR;
  }

  readVector(index: number, target: Float32Array): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    this.#vectors.readInto(bytes, this.#vectorNumbers[index] * 4 * this.#dimension);
  }

  namespace(index: number): string {
    const [start, idLength, nameLength] = this.#parts(index);
    return nameLength === 0
      ? ''
      : decoder.decode(this.#records.view(start + HEADER_BYTES + idLength, nameLength));
  }

  id(index: number): Uint8Array {
    const [start, idLength] = this.#parts(index);
    return this.#records.view(start + HEADER_BYTES, idLength);
  }

  body(index: number): Uint8Array | undefined {
    const [start, idLength, nameLength, bodyLength] = this.#parts(index);
    if (bodyLength === 0) return undefined;
    return this.#records.view(start + HEADER_BYTES + idLength + nameLength, bodyLength);
  }

  record(index: number): CheckedRecord {
    const namespace = this.namespace(index);
    const id = this.id(index).slice();
    const bytes = this.body(index);
    const body = bytes === undefined ? undefined : decodeBody(bytes);
    const metadata = body?.metadata === undefined ? undefined : JSON.stringify(body.metadata);
    let vector: Float32Array | undefined;
    if (this.hasVector(index)) {
      vector = new Float32Array(this.#dimension);
      this.readVector(index, vector);
    }
    return {
      namespace,
      id,
      identity: identityOf(namespace, id),
      vector,
      metadata,
      text: body?.text,
    };
  }

  /** Removes the files. Idempotent. */
  close(): void {
    this.#remove(this.#vectors);
    this.#remove(this.#records);
  }

  #parts(index: number): [start: number, id: number, namespace: number, body: number] {
    const start = this.#offsets[index];
    const bytes = this.#records.view(start, HEADER_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    return [start, view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  }

  #grow(): void {
    if (this.#count < this.#offsets.length) return;
    const offsets = new Float64Array(2 * this.#count);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
    const numbers = new Uint32Array(2 * this.#count);
    numbers.set(this.#vectorNumbers);
    this.#vectorNumbers = numbers;
  }

  #remove({ file }: SpoolFile): void {
    file.close();
    this.#fileSystem.remove(file.path);
  }
}

/** A file that is appended to through a buffer, then read at any place through a window. */
class SpoolFile {
  readonly file: File;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #written = 0;
  #window = new Uint8Array(WINDOW_BYTES);
  #windowStart = 0;
  #windowLength = 0;

  constructor(file: File) {
    this.file = file;
  }

  /** Returns where the bytes begin. */
  append(bytes: Uint8Array): number {
    const start = this.#written + this.#buffered;
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.file.write(bytes, this.#written);
      this.#written += bytes.length;
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
    return start;
  }

  flush(): void {
    if (this.#buffered === 0) return;
    this.file.write(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }

  readInto(target: Uint8Array, position: number): void {
    this.file.readInto(target, position);
  }

  /** Bytes of the file, borrowed until the next call. */
  view(position: number, length: number): Uint8Array {
    const isInside =
      position >= this.#windowStart && position + length <= this.#windowStart + this.#windowLength;
    if (!isInside) {
      if (length > this.#window.length) this.#window = new Uint8Array(length);
      this.#windowStart = position;
      this.#windowLength = this.file.readInto(this.#window, position);
    }
    const start = position - this.#windowStart;
    return this.#window.subarray(start, start + length);
  }
}
