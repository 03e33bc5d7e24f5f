/** The 1-bit codes of a bulk load: their centroid from a sample, their slots from the codes of the pages. */
import type { BulkBits, BulkPages } from '../paged/bulk-pages.ts';
import { MeanVector } from '../paged/mean-vector.ts';
import { VECTORS_MIN } from './bit-training.ts';
import type { VectorStore } from './vector-store.ts';

/** Numbers that a sample has at most, so that it is one slice of time; and vectors. */
const SAMPLE_NUMBERS = 2 ** 21;
const SAMPLE_MAX = 2048;

/** `count` vectors are loaded; `read` gives them by number. Undefined: the load makes no bits. */
export function bulkBits(
  { vectors, options }: VectorStore,
  count: number,
  read: (index: number, target: Float32Array) => void,
): BulkBits | undefined {
  if (vectors.bits === undefined || count < VECTORS_MIN) return undefined;
  const { dimension, metric } = options;
  const mean = new MeanVector(dimension);
  const sample = Math.min(count, SAMPLE_MAX, Math.ceil(SAMPLE_NUMBERS / dimension));
  const vector = new Float32Array(dimension);
  for (let i = 0; i < sample; i++) {
    read(Math.floor((i * count) / sample), vector);
    if (metric === 'cosine') normalise(vector);
    mean.add(vector);
  }
  return { geometry: vectors.bits.geometry, centroid: mean.value() };
}

/** Adds the bits of the nodes whose code slots, of `stride` bytes, stand in the module's memory. */
export function addBulkBits(
  { vectors }: VectorStore,
  pages: BulkPages,
  { codes, stride }: { readonly codes: Uint8Array; readonly stride: number },
): void {
  if (vectors.bits === undefined || !pages.hasBits) return;
  for (let at = 0; at < codes.length; at += stride) {
    pages.addBits(vectors.bits.encodeCode(codes.byteOffset + at));
  }
}

function normalise(vector: Float32Array): void {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return;
  const factor = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i] *= factor;
}
