/**
 * Measures recall at a row of beam widths, each with the earliest stop that hardly loses anything, with queries made of stored vectors: each is pushed away from one
 * of its neighbours by half their distance, and left out of its own answer, so that it is about as hard to
 * answer as a query from outside. The truth is an exact scan where that is cheap, else a very wide walk.
 */
import { type Random, seededRandom } from '../base/random.ts';
import type { Candidates } from '../hnsw/candidates.ts';
import type { GraphIndex } from '../hnsw/graph-index.ts';
import type { PagedSpace } from '../paged/paged-space.ts';
import type { Metric } from './options.ts';
import type { Beam, RecallCurve } from './recall-curve.ts';
import { TimeSlice } from './time-slice.ts';

/** A vector space, as far as measuring goes. */
export interface MeasuredSpace {
  readonly graph: GraphIndex;
  readonly vectors: PagedSpace;
  readonly options: { readonly dimension: number; readonly metric: Metric; readonly seed: number };
}

export interface MeasureCurveOptions {
  readonly k: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Queries at the most and at the least, and numbers that all searches for truths multiply in between. */
const QUERIES_MAX = 100;
const QUERIES_MIN = 16;
const WORK_NUMBERS = 1e9;
/** Vectors times dimension up to which an exact scan is cheap. */
const EXACT_NUMBERS = 2 ** 23;
const TRUTH_EF = 512;
const EF_LEAST = 8;
const STEP = Math.SQRT2;
/** Beyond it there is nothing to tell apart. */
const RECALL_ENOUGH = 0.9995;
/** From late to early. Which one costs recall differs from set to set. */
const STOPS = [0.2, 0.14, 0.1, 0.07] as const;
/**
 * What a stop may lose, as a share of what is missing without one. Little: how far neighbours are from each other,
 * and so what a stop does, differs more between these queries and those to come than what a width does.
 */
const LOSS = 0.1;

/** A query with the node that it was made of, and the distance of its k-th neighbour. */
interface Query {
  readonly node: number;
  readonly vector: Float32Array;
  readonly reach: number;
}

/** Undefined when there are hardly more than k vectors. In slices of time; ABORTED. */
export async function measureCurve(
  space: MeasuredSpace,
  options: MeasureCurveOptions,
): Promise<RecallCurve | undefined> {
  const { k, signal } = options;
  const { live } = space.vectors.counters;
  if (live < 2 * (k + 1)) return undefined;
  const queries = await makeQueries(space, options);
  if (queries.length === 0) return undefined;
  const points: [number, number, number][] = [];
  const widest = Math.min(truthEf(k), live);
  for (let ef = Math.max(k + 1, EF_LEAST); ; ef = Math.min(widest, Math.ceil(ef * STEP))) {
    const plain = await recallWith(space, queries, { k, ef, stop: 0, signal });
    let [recall, earliest] = [plain, 0];
    for (const stop of space.options.metric === 'dot' ? [] : STOPS) {
      const reached = await recallWith(space, queries, { k, ef, stop, signal });
      if (1 - reached > (1 + LOSS) * (1 - plain)) break;
      [recall, earliest] = [reached, stop];
    }
    points.push([ef, recall, earliest]);
    if (plain >= RECALL_ENOUGH || ef >= widest) return { k, points };
  }
}

async function recallWith(
  { graph }: MeasuredSpace,
  queries: readonly Query[],
  { k, ...beam }: Beam & Pick<MeasureCurveOptions, 'k' | 'signal'>,
): Promise<number> {
  const slice = new TimeSlice();
  let found = 0;
  for (const { node, vector, reach } of queries) {
    const candidates = await graph.search(vector, { k: k + 1, ...beam });
    found += countWithin(candidates, node, reach, k);
    if (slice.isOver) await slice.yield();
  }
  return found / (k * queries.length);
}

async function makeQueries(
  space: MeasuredSpace,
  { k, seed, signal }: MeasureCurveOptions,
): Promise<Query[]> {
  const { graph, vectors, options } = space;
  const { live } = vectors.counters;
  const random = seededRandom(seed);
  const slice = new TimeSlice();
  const queries: Query[] = [];
  let work = 0;
  for (let tries = 0; tries < 8 * QUERIES_MAX && queries.length < QUERIES_MAX; tries++) {
    if (queries.length >= QUERIES_MIN && work > WORK_NUMBERS) break;
    const node = livingNode(space, random);
    if (node < 0) continue;
    const vector = await pushedAway(space, node, random, signal);
    const isCheap = live * options.dimension <= EXACT_NUMBERS;
    const truth = isCheap
      ? await graph.searchExact(vector, { k: k + 1, signal })
      : await graph.search(vector, { k: k + 1, ef: Math.min(truthEf(k), live), signal });
    work += (isCheap ? live : truth.stats.distances) * options.dimension;
    const distances = truth.distances.filter((_, i) => truth.nodes[i] !== node);
    if (distances.length >= k) queries.push({ node, vector, reach: distances[k - 1] });
    if (slice.isOver) await slice.yield();
  }
  return queries;
}

function truthEf(k: number): number {
  return Math.max(TRUTH_EF, 8 * k);
}

/** A node at random, or -1 when the place is empty. */
function livingNode({ vectors }: MeasuredSpace, random: Random): number {
  const places = vectors.counters.pages * vectors.geometry.slotsPerPage;
  const node = Math.floor(random() * places);
  return vectors.isLive(node) ? node : -1;
}

async function pushedAway(
  { graph, vectors }: MeasuredSpace,
  node: number,
  random: Random,
  signal: AbortSignal,
): Promise<Float32Array> {
  const vector = vectors.readVector(node);
  const { nodes } = await graph.search(vector, { k: 8, ef: 32, signal });
  const others = [...nodes].filter((other) => other !== node && vectors.isLive(other));
  if (others.length === 0) return vector;
  const other = vectors.readVector(others[Math.floor(random() * others.length)]);
  return vector.map((value, i) => value + 0.5 * (value - other[i]));
}

/** How many of the k true neighbours were found; equal distances are as good as each other. */
function countWithin(
  { count, nodes, distances }: Candidates,
  left: number,
  reach: number,
  k: number,
): number {
  let found = 0;
  for (let i = 0; i < count; i++) {
    if (nodes[i] !== left && distances[i] <= reach * (1 + 1e-6) + 1e-9) found++;
  }
  return Math.min(found, k);
}
