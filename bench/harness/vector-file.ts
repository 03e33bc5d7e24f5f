/**
 * The files of a vector data set, all little-endian, each optionally gzipped (`.gz`).
 *
 *   *.u8bin, *.fbin   u32 rows, u32 dimension, then the rows (u8 or f32), row-major
 *   *.gt100           u32 queries, u32 k, ids (u32, row-major, nearest first), distances (f32)
 *
 * Ground-truth distances are squared Euclidean ones, or 1 − cosine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** Row-major vectors, kept in the type that the file has: bytes stay bytes. */
export interface Vectors {
  readonly rows: number;
  readonly dimension: number;
  readonly values: Uint8Array | Float32Array;
}

export interface GroundTruth {
  readonly queries: number;
  readonly k: number;
  /** `queries × k`, nearest first. */
  readonly ids: Uint32Array;
  /** Of the same shape; empty when only the ids are known. */
  readonly distances: Float32Array;
}

const HEADER_BYTES = 8;

/** Row `row` as float32 values: a fresh array. */
export function vectorAt(vectors: Vectors, row: number): Float32Array {
  const start = row * vectors.dimension;
  return Float32Array.from(vectors.values.subarray(start, start + vectors.dimension));
}

/** The first `count` rows: a copy, so that the others need not stay in memory. */
export function firstRows(vectors: Vectors, count: number): Vectors {
  if (count >= vectors.rows) return vectors;
  return { ...vectors, rows: count, values: vectors.values.slice(0, count * vectors.dimension) };
}

/** Reads `stem`.u8bin or .fbin, gzipped or not; undefined when there is none of them. */
export function readVectors(stem: string): Vectors | undefined {
  for (const extension of ['.u8bin', '.fbin']) {
    const bytes = readPlainOrGzipped(stem + extension);
    if (bytes !== undefined) return decodeVectors(bytes, extension === '.fbin', stem + extension);
  }
  return undefined;
}

/** Reads a ground-truth file; undefined when there is none. */
export function readGroundTruth(path: string): GroundTruth | undefined {
  const bytes = readPlainOrGzipped(path);
  if (bytes === undefined) return undefined;
  const [queries, k] = readHeader(bytes, path);
  const count = queries * k;
  requireLength(bytes, HEADER_BYTES + 8 * count, path);
  return {
    queries,
    k,
    ids: new Uint32Array(copyOf(bytes, HEADER_BYTES, 4 * count)),
    distances: new Float32Array(copyOf(bytes, HEADER_BYTES + 4 * count, 4 * count)),
  };
}

export function hasVectors(stem: string): boolean {
  return ['.u8bin', '.fbin', '.u8bin.gz', '.fbin.gz'].some((name) => existsSync(stem + name));
}

function decodeVectors(bytes: Uint8Array, float: boolean, path: string): Vectors {
  const [rows, dimension] = readHeader(bytes, path);
  const size = rows * dimension * (float ? 4 : 1);
  requireLength(bytes, HEADER_BYTES + size, path);
  const values = float
    ? new Float32Array(copyOf(bytes, HEADER_BYTES, size))
    : bytes.subarray(HEADER_BYTES, HEADER_BYTES + size);
  return { rows, dimension, values };
}

function readPlainOrGzipped(path: string): Uint8Array | undefined {
  if (existsSync(path)) return readFileSync(path);
  if (existsSync(`${path}.gz`)) return gunzipSync(readFileSync(`${path}.gz`));
  return undefined;
}

function readHeader(bytes: Uint8Array, path: string): [number, number] {
  requireLength(bytes, HEADER_BYTES, path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

function requireLength(bytes: Uint8Array, length: number, path: string): void {
  if (bytes.length < length) {
    throw new Error(`${path} has ${bytes.length} bytes, its header asks for ${length}`);
  }
}

/** An aligned copy of its own. */
function copyOf(bytes: Uint8Array, offset: number, length: number): ArrayBuffer {
  const start = bytes.byteOffset + offset;
  return bytes.buffer.slice(start, start + length) as ArrayBuffer;
}
