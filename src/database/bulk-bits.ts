/** The 1-bit codes of a bulk load: their centroid from a sample, their slots from the codes of the pages. */
import { seededRandom } from '../base/random.ts';
import type { BulkBits, BulkPages } from '../paged/bulk-pages.ts';
import { MeanVector } from '../paged/mean-vector.ts';
import { beamFactor, needsBits } from './auto-codes.ts';
import { VECTORS_MIN } from './bit-training.ts';
import { areBitsFineEnough } from './bits-trial.ts';
import type { VectorStore } from './vector-store.ts';

/** Numbers that a sample has at most, so that it is one slice of time; and vectors. */
const SAMPLE_NUMBERS = 2 ** 21;
const SAMPLE_MAX = 2048;

/** What was built. */
export interface BulkGraph {
  /** By node: the number of its vector. */
  readonly order: Uint32Array;
  readonly neighbours: (node: number) => Uint32Array;
  /** Gives a vector by its number. */
  readonly read: (index: number, target: Float32Array) => void;
  /** Of the module. */
  readonly memoryBytes: number;
  readonly pause: () => Promise<void> | undefined;
}

/** Undefined: the load makes no bits. */
export async function bulkBits(
  { vectors, options }: VectorStore,
  { order, neighbours, read, memoryBytes, pause }: BulkGraph,
): Promise<BulkBits | undefined> {
  const count = order.length;
  if (vectors.bits === undefined || count < VECTORS_MIN) return undefined;
  const { dimension, metric, codes, seed } = options;
  const isAuto = codes === 'auto';
  if (isAuto && !needsBits(options, count, memoryBytes)) return undefined;
  const mean = new MeanVector(dimension);
  const sample = Math.min(count, SAMPLE_MAX, Math.ceil(SAMPLE_NUMBERS / dimension));
  const vector = new Float32Array(dimension);
  const readMeasured = (index: number, target: Float32Array): void => {
    read(index, target);
    if (metric === 'cosine') normalise(target);
  };
  for (let i = 0; i < sample; i++) {
    readMeasured(Math.floor((i * count) / sample), vector);
    mean.add(vector);
  }
  const centroid = mean.value();
  const readNode = (node: number, target: Float32Array): void => readMeasured(order[node], target);
  const random = seededRandom(seed);
  const trial = { count, dimension, centroid, neighbours, read: readNode, random, pause };
  if (isAuto && !(await areBitsFineEnough(trial, beamFactor(dimension)))) return undefined;
  return { geometry: vectors.bits.geometry, centroid };
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
