/**
 * Records of an `ingest`, kept in two temporary files of the database's directory until all have come: then
 * memory holds a few bytes of each. Files that a crash leaves are removed by the next open; nothing else
 * ever reads them.
 *
 *   ingest-N.vectors.tmp   f32[dimension] of each record that has a vector
 *   ingest-N.records.tmp   u32 id length, u32 namespace length, u32 body length (0: no body), u32 length of named vectors
 *                          (0: none), f64 time to live in ms (0: for ever), and those bytes
 */
import type { FileSystem } from '../storage/file-system.ts';
import { decodeBody, encodeBody } from './body.ts';
import type { ArrayShare } from './bulk-memory.ts';
import type { BulkSource } from './bulk-source.ts';
import type { CheckedRecord } from './checked-record.ts';
import { decodeNamedVectors, encodeNamedVectors, NO_VECTORS } from './named-vectors.ts';
import { identityOf } from './record-id.ts';
import { SpoolFile } from './spool-file.ts';

const HEADER_BYTES = 24;
const NO_VECTOR = 0xffffffff;
/** Of so many records one knows where it begins; the others are counted off from there. */
const LANDMARK = 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class IngestSpool implements BulkSource {
  readonly #dimension: number;
  readonly #arrays: ArrayShare;
  readonly #vectors: SpoolFile;
  readonly #records: SpoolFile;
  /** Where every sixteenth record begins. */
  #landmarks = new Float64Array(64);
  /** By content: the number of its vector; undefined while all have one. */
  #vectorNumbers: Uint32Array | undefined;
  #count = 0;
  #hasNamed = false;
  #vectorCount = 0;
  /** The content that was looked up last, and where it begins. */
  #current = 0;
  #currentStart = 0;

  /** Makes the files; `path` is of no other spool. `arrays` is given back by `close`. */
  constructor(fileSystem: FileSystem, path: string, dimension: number, arrays: ArrayShare) {
    this.#dimension = dimension;
    this.#arrays = arrays;
    this.#vectors = new SpoolFile(fileSystem, `${path}.vectors.tmp`);
    try {
      this.#records = new SpoolFile(fileSystem, `${path}.records.tmp`);
    } catch (error) {
      this.#vectors.close();
      throw error;
    }
  }

  get count(): number {
    return this.#count;
  }

  get hasNamed(): boolean {
    return this.#hasNamed;
  }

  add({ namespace, id, vector, named, metadata, text, ttlMs }: CheckedRecord): void {
    const name = encoder.encode(namespace);
    const body = encodeBody(metadata, text) ?? new Uint8Array(0);
    const rest = encodeNamedVectors(named);
    const bodyEnd = HEADER_BYTES + id.length + name.length + body.length;
    const bytes = new Uint8Array(bodyEnd + rest.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, id.length, true);
    view.setUint32(4, name.length, true);
    view.setUint32(8, body.length, true);
    view.setUint32(12, rest.length, true);
    view.setFloat64(16, ttlMs ?? 0, true);
    bytes.set(id, HEADER_BYTES);
    bytes.set(name, HEADER_BYTES + id.length);
    bytes.set(body, HEADER_BYTES + id.length + name.length);
    bytes.set(rest, bodyEnd);
    this.#hasNamed ||= rest.length > 0;
    const start = this.#records.append(bytes);
    if (this.#count % LANDMARK === 0) this.#note(this.#count / LANDMARK, start);
    if (vector === undefined || this.#vectorNumbers !== undefined) {
      this.#numbered(this.#count)[this.#count] =
        vector === undefined ? NO_VECTOR : this.#vectorCount;
    }
    this.#count++;
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
    return this.#vectorNumbers?.[index] !== NO_VECTOR;
  }

  readVector(index: number, target: Float32Array): void {
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    const number = this.#vectorNumbers?.[index] ?? index;
    this.#vectors.readInto(bytes, number * 4 * this.#dimension);
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

  ttlMs(index: number): number | undefined {
    const [start] = this.#parts(index);
    const bytes = this.#records.view(start + 16, 8);
    const ttlMs = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
    return ttlMs === 0 ? undefined : ttlMs;
  }

  #named(index: number): ReadonlyMap<string, Float32Array> {
    const [start, id, name, body, length] = this.#parts(index);
    if (length === 0) return NO_VECTORS;
    const at = start + HEADER_BYTES + id + name + body;
    return decodeNamedVectors(this.#records.view(at, length));
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
      named: this.#named(index),
      metadata,
      text: body?.text,
      ttlMs: this.ttlMs(index),
    };
  }

  /** Removes the files. Idempotent. */
  close(): void {
    this.#arrays.release();
    this.#vectors.close();
    this.#records.close();
  }

  #parts(
    index: number,
  ): [start: number, id: number, namespace: number, body: number, named: number] {
    const landmark = Math.floor(index / LANDMARK);
    if (this.#current > index || this.#current < landmark * LANDMARK) {
      this.#current = landmark * LANDMARK;
      this.#currentStart = this.#landmarks[landmark];
    }
    for (;;) {
      const start = this.#currentStart;
      const bytes = this.#records.view(start, HEADER_BYTES);
      const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
      const id = view.getUint32(0, true);
      const namespace = view.getUint32(4, true);
      const body = view.getUint32(8, true);
      const named = view.getUint32(12, true);
      if (this.#current === index) return [start, id, namespace, body, named];
      this.#current++;
      this.#currentStart = start + HEADER_BYTES + id + namespace + body + named;
    }
  }

  #note(landmark: number, start: number): void {
    if (landmark === this.#landmarks.length) {
      this.#arrays.count(8 * landmark);
      const landmarks = new Float64Array(2 * landmark);
      landmarks.set(this.#landmarks);
      this.#landmarks = landmarks;
    }
    this.#landmarks[landmark] = start;
  }

  /** The numbers, with room for that content. */
  #numbered(index: number): Uint32Array {
    const numbers = this.#vectorNumbers;
    if (numbers !== undefined && index < numbers.length) return numbers;
    const grown = new Uint32Array(Math.max(1024, 2 * index));
    this.#arrays.count(4 * (grown.length - (numbers?.length ?? 0)));
    if (numbers !== undefined) grown.set(numbers);
    // Until now all had a vector.
    else for (let i = 0; i < index; i++) grown[i] = i;
    this.#vectorNumbers = grown;
    return grown;
  }
}
