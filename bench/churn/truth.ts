/**
 * The exact answers for the living records of an epoch.
 *
 * One pass over every row that the workload ever uses keeps, for each query, the few hundred nearest;
 * the nearest living ones are then the first of those that live. A query for which too few of them do is
 * looked up among all the living.
 */
import { exactDistance } from '../harness/ground-truth.ts';
import { type GroundTruth, type Vectors, vectorAt } from '../harness/vector-file.ts';
import { type Living, usedRows, type Workload } from './workload.ts';

const KEPT = 400;

export class Truth {
  readonly #workload: Workload;
  readonly #kept: number;
  /** `queries × kept` rows, nearest first. */
  readonly #rows: Uint32Array;

  constructor(workload: Workload) {
    this.#workload = workload;
    const rows = usedRows(workload);
    this.#kept = Math.min(KEPT, rows.length);
    const { queries } = workload;
    this.#rows = new Uint32Array(queries.rows * this.#kept);
    for (let query = 0; query < queries.rows; query++) {
      const nearest = nearestRows(workload, rows, query, this.#kept);
      this.#rows.set(nearest, query * this.#kept);
    }
  }

  /** The `k` nearest of the living; ids, nearest first. Fewer than `k` living are an error. */
  of(living: Living, k: number): GroundTruth {
    const { queries } = this.#workload;
    if (living.size < k) throw new Error(`${living.size} living records are fewer than ${k}`);
    const idOf = new Map<number, number>();
    for (const [id, row] of living) idOf.set(row, id);
    const livingRows = Uint32Array.from(idOf.keys()).sort();
    const ids = new Uint32Array(queries.rows * k);
    const distances = new Float32Array(queries.rows * k);
    for (let query = 0; query < queries.rows; query++) {
      const kept = this.#rows.subarray(query * this.#kept, (query + 1) * this.#kept);
      const alive = kept.filter((row) => idOf.has(row)).subarray(0, k);
      const rows = alive.length === k ? alive : nearestRows(this.#workload, livingRows, query, k);
      for (let i = 0; i < k; i++) {
        ids[query * k + i] = idOf.get(rows[i])!;
        distances[query * k + i] = this.distance(rows[i], query);
      }
    }
    return { queries: queries.rows, k, ids, distances };
  }

  /** Squared Euclidean, 1 − cosine, or the negative dot product. */
  distance(row: number, query: number): number {
    const { metric, vectors, queries } = this.#workload;
    return exactDistance(metric, vectors, row, queries, query);
  }

  /**
   * recall@k of answers, `k` ids a query: a hit counts if it lives and is no farther than the true k-th,
   * with a tolerance of rounding only.
   */
  recall(truth: GroundTruth, living: Living, answers: Uint32Array): number {
    const { k, queries } = truth;
    let found = 0;
    for (let query = 0; query < queries; query++) {
      const limit = this.distance(living.get(truth.ids[query * k + k - 1])!, query);
      const tolerance = 1e-6 * Math.abs(limit) + 1e-9;
      for (const id of new Set(answers.subarray(query * k, (query + 1) * k))) {
        const row = living.get(id);
        if (row !== undefined && this.distance(row, query) <= limit + tolerance) found++;
      }
    }
    return found / (queries * k);
  }
}

/** Insertion into a sorted run: almost every row fails the first comparison. */
function nearestRows(
  { metric, vectors, queries }: Workload,
  candidates: Uint32Array,
  query: number,
  count: number,
): Uint32Array {
  const single: Vectors = {
    rows: 1,
    dimension: vectors.dimension,
    values: vectorAt(queries, query),
  };
  const rows = new Uint32Array(count);
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (const row of candidates) {
    const distance = exactDistance(metric, vectors, row, single, 0);
    if (distance >= distances[count - 1]) continue;
    let i = count - 1;
    for (; i > 0 && distances[i - 1] > distance; i--) {
      distances[i] = distances[i - 1];
      rows[i] = rows[i - 1];
    }
    distances[i] = distance;
    rows[i] = row;
  }
  return rows;
}
