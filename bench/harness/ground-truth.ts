/**
 * Which answers are right. A hit counts by its distance, not by its id: data sets hold ties and
 * duplicates. Every distance is computed here, from the vectors, never taken from a subject.
 */
import type { GroundTruth, Vectors } from './vector-file.ts';

export type Metric = 'l2' | 'cosine' | 'dot';

/** Squared Euclidean distance, 1 − cosine, or the negative dot product, in double precision. */
export function exactDistance(
  metric: Metric,
  base: Vectors,
  row: number,
  queries: Vectors,
  query: number,
): number {
  const { dimension } = base;
  const a = base.values;
  const b = queries.values;
  const startA = row * dimension;
  const startB = query * dimension;
  return metric === 'l2'
    ? squaredDistance(a, startA, b, startB, dimension)
    : angularDistance(metric, a, startA, b, startB, dimension);
}

type Values = Vectors['values'];

function squaredDistance(
  a: Values,
  startA: number,
  b: Values,
  startB: number,
  dimension: number,
): number {
  let sum = 0;
  for (let i = 0; i < dimension; i++) {
    const difference = a[startA + i] - b[startB + i];
    sum += difference * difference;
  }
  return sum;
}

function angularDistance(
  metric: 'cosine' | 'dot',
  a: Values,
  startA: number,
  b: Values,
  startB: number,
  dimension: number,
): number {
  let dot = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = 0; i < dimension; i++) {
    const x = a[startA + i];
    const y = b[startB + i];
    dot += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return metric === 'dot' ? -dot : 1 - dot / Math.sqrt(squaresA * squaresB);
}

/** The `k` nearest rows of every query, by looking at all of them. */
export function bruteForce(
  metric: Metric,
  base: Vectors,
  queries: Vectors,
  k: number,
): GroundTruth {
  const ids = new Uint32Array(queries.rows * k);
  const distances = new Float32Array(queries.rows * k);
  // Bytes are widened once a query, not once a pair.
  const single = { rows: 1, dimension: base.dimension, values: new Float32Array(base.dimension) };
  for (let query = 0; query < queries.rows; query++) {
    const start = query * base.dimension;
    single.values.set(queries.values.subarray(start, start + base.dimension));
    nearestRows(metric, base, single, ids, distances, query * k, k);
  }
  return { queries: queries.rows, k, ids, distances };
}

/** Insertion into a sorted run of `k`: almost every row fails the first comparison. */
function nearestRows(
  metric: Metric,
  base: Vectors,
  query: Vectors,
  ids: Uint32Array,
  distances: Float32Array,
  offset: number,
  k: number,
): void {
  const nearest = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < base.rows; row++) {
    const distance = exactDistance(metric, base, row, query, 0);
    if (distance >= nearest[k - 1]) continue;
    let i = k - 1;
    for (; i > 0 && nearest[i - 1] > distance; i--) {
      nearest[i] = nearest[i - 1];
      ids[offset + i] = ids[offset + i - 1];
    }
    nearest[i] = distance;
    ids[offset + i] = row;
  }
  distances.set(nearest, offset);
}

/**
 * The share of the true `k` nearest that were found, over all queries. `hits` holds `k` row numbers a
 * query; a row number past the base means no hit. A hit counts if it is no farther than the true k-th,
 * with a tolerance of rounding only.
 */
export function recallAt(
  k: number,
  metric: Metric,
  base: Vectors,
  queries: Vectors,
  truth: GroundTruth,
  hits: Uint32Array,
): number {
  let found = 0;
  for (let query = 0; query < queries.rows; query++) {
    const farthest = truth.ids[query * truth.k + k - 1];
    const limit = exactDistance(metric, base, farthest, queries, query);
    const tolerance = 1e-6 * Math.abs(limit) + (metric === 'cosine' ? 1e-9 : 0);
    const distinct = new Set(hits.subarray(query * k, (query + 1) * k));
    for (const row of distinct) {
      if (row >= base.rows) continue;
      if (exactDistance(metric, base, row, queries, query) <= limit + tolerance) found++;
    }
  }
  return found / (queries.rows * k);
}

/** The metric that a ground truth was made with: the one that gives its distances. */
export function metricOf(base: Vectors, queries: Vectors, truth: GroundTruth): Metric {
  const sample = Math.min(truth.queries, 20);
  const errorOf = (metric: Metric): number => {
    let error = 0;
    for (let query = 0; query < sample; query++) {
      const expected = truth.distances[query * truth.k];
      const got = exactDistance(metric, base, truth.ids[query * truth.k], queries, query);
      error += Math.abs(got - expected) / (Math.abs(expected) + 1e-6);
    }
    return error / sample;
  };
  const l2 = errorOf('l2');
  const cosine = errorOf('cosine');
  if (!(Math.min(l2, cosine) < 0.01)) {
    throw new Error(
      'the ground truth fits neither squared l2 nor cosine distances of these vectors',
    );
  }
  return l2 <= cosine ? 'l2' : 'cosine';
}
