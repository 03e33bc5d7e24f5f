/**
 * The last step of a search: results of a walk on codes are measured again by originals, each only as long
 * as its error bound lets it be among the best. What comes out is exact; what is left out could matter only
 * if an estimate were further off than Z standard errors.
 *
 * There is no step by SQ8 codes between bits and originals: which codes are in memory would decide which
 * nodes are found, and where searches walk on bits those codes are hardly ever in memory.
 */
import { keyDistance } from '../kernels/kernels.ts';
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_SCALE,
  WALK_ENTRIES,
  WALK_RESULT_ERRORS,
} from '../kernels/layout.ts';
import { type Candidates, statsOf, takeRoots } from './candidates.ts';
import { BATCH, giveScratch, type RefineScratch, takeScratch } from './refine-scratch.ts';
import type { Slices } from './slices.ts';
import type { WalkContext, WalkDriver } from './walk-driver.ts';

export interface RefineOptions {
  /** How many nodes to return. */
  readonly limit: number;
  /** The walk was one on bits. */
  readonly onBits: boolean;
  readonly slices: Slices;
  readonly query: Float32Array;
}

/** Standard errors by which an estimate may be off and still be found, of bits and of SQ8. */
const Z_BITS = 2;
const Z_CODES = 4;
/** Rounding to the nearest code is off by this share of a step, as a standard error. */
const ROUNDING = 1 / Math.sqrt(12);

/** Measures what can be among the nearest `limit` results of a walk that is done. */
export async function refine(
  context: WalkContext,
  walk: WalkDriver,
  options: RefineOptions,
): Promise<Candidates> {
  const start = performance.now();
  const scratch = takeScratch(walk.resultCount, options.limit);
  try {
    readEstimates(context, walk, scratch, options);
    const refined = await refineExactly(context, walk, scratch, options.slices);
    const { count, nodes, distances } = scratch.best.copy();
    if (context.space.metricCode === METRIC_L2) takeRoots(distances);
    const refineMs = performance.now() - start;
    return { count, nodes, distances, stats: statsOf(walk, refined, refineMs) };
  } finally {
    giveScratch(scratch);
  }
}

/** As `refine`, without a pause; undefined when it takes longer than its slice. */
export function refineNow(
  context: WalkContext,
  walk: WalkDriver,
  options: RefineOptions,
): Candidates | undefined {
  const scratch = takeScratch(walk.resultCount, options.limit);
  try {
    readEstimates(context, walk, scratch, options);
    let refined = 0;
    while (scratch.next < scratch.count) {
      const size = refineBatch(context, walk, scratch);
      refined += size;
      if (refined % 64 < size && options.slices.isOver) return undefined;
    }
    const { count, nodes, distances } = scratch.best.copy();
    if (context.space.metricCode === METRIC_L2) takeRoots(distances);
    return { count, nodes, distances, stats: statsOf(walk, refined) };
  } finally {
    giveScratch(scratch);
  }
}

function readEstimates(
  { kernels, space }: WalkContext,
  walk: WalkDriver,
  { count, nodes, distances, bounds }: RefineScratch,
  { onBits, query }: RefineOptions,
): void {
  const { u32, f32 } = kernels.memory;
  const results = walk.resultsIndex;
  for (let i = 0; i < count; i++) {
    nodes[i] = u32[results + 2 * i];
    distances[i] = keyDistance(u32[results + 2 * i + 1]);
  }
  if (onBits) {
    const errors = walk.field(WALK_RESULT_ERRORS) >>> 2;
    for (let i = 0; i < count; i++) bounds[i] = distances[i] - Z_BITS * f32[errors + i];
  } else {
    const length = space.metricCode === METRIC_DOT ? lengthOf(query) : 0;
    for (let i = 0; i < count; i++) {
      const slot = space.codeSlot(nodes[i]);
      const scale = slot === 0 ? Number.POSITIVE_INFINITY : f32[(slot + SLOT_SCALE) >>> 2];
      bounds[i] = boundOf(space.metricCode, distances[i], scale, length);
    }
  }
}

/**
 * Below what the distance to an original hardly is, by the distance to its code and the code's step: the
 * error of the code is rounding, independent in each dimension, and only its part along q - x counts.
 */
function boundOf(metric: number, distance: number, scale: number, queryLength: number): number {
  const step = Z_CODES * ROUNDING * scale;
  if (metric === METRIC_DOT) return distance - step * queryLength;
  const squared = Math.max(0, metric === METRIC_COSINE ? 2 * distance : distance);
  const nearest = Math.max(0, Math.sqrt(squared) - step);
  return metric === METRIC_COSINE ? (nearest * nearest) / 2 : nearest * nearest;
}

function lengthOf(query: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < query.length; i++) squares += query[i] * query[i];
  return Math.sqrt(squares);
}

/** Measures by originals, and returns how many. */
async function refineExactly(
  context: WalkContext,
  walk: WalkDriver,
  scratch: RefineScratch,
  slices: Slices,
): Promise<number> {
  let refined = 0;
  while (scratch.next < scratch.count) {
    const isSlow = context.reads?.isSlow === true;
    const size = isSlow
      ? await refineTogether(context, walk, scratch)
      : refineBatch(context, walk, scratch);
    refined += size;
    if (isSlow) slices.throwIfAborted();
    if (refined % 64 < size && slices.isOver) await slices.pause();
  }
  return refined;
}

/** As `refineBatch`, with the reads of the batch side by side. */
async function refineTogether(
  context: WalkContext,
  walk: WalkDriver,
  scratch: RefineScratch,
): Promise<number> {
  const { vectors, reads } = context;
  const { count, nodes, bounds, best } = scratch;
  const sizeMax = batchSize(context, scratch);
  const loads: (() => void)[] = [];
  for (let i = scratch.next; i < count && loads.length < sizeMax; i++) {
    if (bounds[i] <= best.worst) loads.push(() => vectors.original(nodes[i]));
  }
  let size = 0;
  await reads?.together(loads, () => {
    size = refineBatch(context, walk, scratch);
  });
  return size;
}

/** Each that is found first spares others their measuring. */
function batchSize({ vectors }: WalkContext, { best }: RefineScratch): number {
  const batchMax = Math.min(BATCH, vectors.originalsAtOnce);
  return Math.min(batchMax, best.missing || batchMax);
}

/** Measures the next few, from `scratch.next` on, and returns how many. */
function refineBatch(context: WalkContext, walk: WalkDriver, scratch: RefineScratch): number {
  const { kernels, vectors } = context;
  const { count, nodes, bounds, best } = scratch;
  const { u32 } = kernels.memory;
  const entries = walk.field(WALK_ENTRIES);
  const sizeMax = batchSize(context, scratch);
  let size = 0;
  let { next } = scratch;
  for (; next < count && size < sizeMax; next++) {
    if (bounds[next] > best.worst) continue;
    u32[(entries >>> 2) + 2 * size++] = nodes[next];
  }
  if (size > 0) vectors.originals(entries, size);
  // Only now: where a read has to wait, all of this is begun again.
  scratch.next = next;
  if (size === 0) return 0;
  kernels.exports.refineExact(walk.address, entries, size);
  for (let i = 0; i < size; i++) {
    const at = (entries >>> 2) + 2 * i;
    best.offer(u32[at], keyDistance(u32[at + 1]));
  }
  return size;
}
