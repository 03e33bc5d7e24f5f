/** What a search finds: nodes with their distances, nearest first, and what finding them took. */
import { type Kernels, keyDistance } from '../kernels/kernels.ts';
import { METRIC_L2, NO_RECORD, WALK_RESULT_ERRORS } from '../kernels/layout.ts';
import type { WalkDriver } from './walk-driver.ts';

export interface GraphSearchStats {
  /** Nodes whose lists were walked through, and distances computed to codes. */
  readonly hops: number;
  readonly distances: number;
  /** Lists and code pages that were not in memory. */
  readonly listReads: number;
  readonly pageReads: number;
  /** Candidates measured by their originals, and originals that were asked for. */
  readonly refined: number;
  readonly originalReads: number;
  /** Of the walk, with what it had to read, and of what came after it; together where other threads walked. */
  readonly walkMs: number;
  readonly refineMs: number;
}

/** Parallel arrays. Distances: Euclidean, 1 - cos, or -dot; equal ones in the order of the nodes. */
export interface Candidates {
  readonly count: number;
  readonly nodes: Uint32Array;
  readonly distances: Float32Array;
  /** The record numbers of the nodes, where the walk that found them has come by all of them. */
  readonly records?: Uint32Array | undefined;
  readonly stats: GraphSearchStats;
}

export const noCandidates: Candidates = {
  count: 0,
  nodes: new Uint32Array(0),
  distances: new Float32Array(0),
  stats: {
    hops: 0,
    distances: 0,
    listReads: 0,
    pageReads: 0,
    refined: 0,
    originalReads: 0,
    walkMs: 0,
    refineMs: 0,
  },
};

/** Figures of several searches together. */
export function sumStats(left: GraphSearchStats, right: GraphSearchStats): GraphSearchStats {
  return {
    hops: left.hops + right.hops,
    distances: left.distances + right.distances,
    listReads: left.listReads + right.listReads,
    pageReads: left.pageReads + right.pageReads,
    refined: left.refined + right.refined,
    originalReads: left.originalReads + right.originalReads,
    walkMs: left.walkMs + right.walkMs,
    refineMs: left.refineMs + right.refineMs,
  };
}

/** The first `count` results of a walk that is done, with the distances that it, or its refinement, computed. */
export function readResults(
  kernels: Kernels,
  walk: WalkDriver,
  options: { readonly count: number; readonly metricCode: number },
): Candidates {
  const { u32 } = kernels.memory;
  const count = Math.min(options.count, walk.resultCount);
  const nodes = new Uint32Array(count);
  const distances = new Float32Array(count);
  const first = walk.resultsIndex;
  for (let i = 0; i < count; i++) {
    nodes[i] = u32[first + 2 * i];
    distances[i] = keyDistance(u32[first + 2 * i + 1]);
  }
  if (options.metricCode === METRIC_L2) takeRoots(distances);
  const records = walk.isRefined ? recordsOf(u32, walk, count) : undefined;
  return { count, nodes, distances, records, stats: statsOf(walk) };
}

/** Of results that are refined. */
function recordsOf(u32: Uint32Array, walk: WalkDriver, count: number): Uint32Array | undefined {
  const first = walk.field(WALK_RESULT_ERRORS) >>> 2;
  const records = u32.slice(first, first + count);
  return records.includes(NO_RECORD) ? undefined : records;
}

function statsOf(walk: WalkDriver): GraphSearchStats {
  const { hops, distances, listReads, pageReads, refined, walkMs, refineMs } = walk;
  const originalReads = refined;
  return { hops, distances, listReads, pageReads, refined, originalReads, walkMs, refineMs };
}

/** Squared distances may come out below zero by rounding. */
export function takeRoots(distances: Float32Array): void {
  for (let i = 0; i < distances.length; i++) distances[i] = Math.sqrt(Math.max(0, distances[i]));
}
