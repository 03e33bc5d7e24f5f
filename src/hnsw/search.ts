/**
 * The approximate search: a walk on codes with a beam of `ef`, then the best of its results measured
 * again by their originals.
 */

import { METRIC_L2 } from '../kernels/layout.ts';
import { type Candidates, readResults, sortCandidates, statsOf, takeRoots } from './candidates.ts';
import type { Entry } from './entry.ts';
import { Slices } from './slices.ts';
import { type FilterBits, type WalkContext, WalkDriver } from './walk-driver.ts';

export interface SearchOptions {
  readonly k: number;
  /** Width of the beam; raised to `k`. */
  readonly ef: number;
  /** How many candidates to return at most. Default: `k`. At most those that were refined. */
  readonly limit?: number | undefined;
  /** Only records whose bit is set are found. */
  readonly filter?: FilterBits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Measure by originals. Default: true. Without it distances are those of the codes. */
  readonly rerank?: boolean | undefined;
}

/** How many results of the walk are measured by originals: enough that codes lose hardly any of the best. */
export function refinedCount(k: number, ef: number): number {
  return Math.min(Math.max(ef, k), Math.max(2 * k, k + 10));
}

/** Inline when it takes less than a slice, as nearly all do. */
export async function searchGraph(
  context: WalkContext,
  entry: Entry,
  query: Float32Array,
  options: SearchOptions & { readonly sliceMs: number },
): Promise<Candidates> {
  const { k, signal } = options;
  const ef = Math.max(options.ef, k);
  const slices = new Slices(options.sliceMs, signal);
  const walk = new WalkDriver(context, ef);
  try {
    walk.setQuery(query, options.filter);
    context.kernels.exports.walkBegin(walk.address, entry.node, entry.layer, 0, ef);
    while (!walk.step()) if (slices.isOver) await slices.pause();
    const limit = options.limit ?? k;
    const { metricCode } = context.space;
    return options.rerank === false
      ? readResults(context.kernels, walk, { count: limit, metricCode })
      : await refine(context, walk, { count: refinedCount(k, ef), limit, slices });
  } finally {
    walk.close();
  }
}

async function refine(
  { kernels, space, vectors }: WalkContext,
  walk: WalkDriver,
  options: { readonly count: number; readonly limit: number; readonly slices: Slices },
): Promise<Candidates> {
  const { u32 } = kernels.memory;
  const { distanceExact } = kernels.exports;
  const { metricCode, dimension } = space;
  const count = Math.min(options.count, walk.resultCount);
  const nodes = new Uint32Array(count);
  const distances = new Float32Array(count);
  const first = walk.resultsIndex;
  const query = walk.queryAddress;
  for (let i = 0; i < count; i++) {
    const node = u32[first + 2 * i];
    nodes[i] = node;
    distances[i] = distanceExact(metricCode, query, vectors.original(node), dimension);
    if ((i & 63) === 63 && options.slices.isOver) await options.slices.pause();
  }
  sortCandidates(nodes, distances);
  if (metricCode === METRIC_L2) takeRoots(distances);
  const returned = Math.min(options.limit, count);
  return {
    count: returned,
    nodes: nodes.subarray(0, returned),
    distances: distances.subarray(0, returned),
    stats: statsOf(walk, count),
  };
}
