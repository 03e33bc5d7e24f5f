/** What the churn bench asks of a subject. Each one works in a process of its own. */
import type { Metric } from '../harness/ground-truth.ts';
import type { Value } from '../harness/report.ts';
import type { Epoch, Workload } from './workload.ts';

/** Equal for all subjects of a run. */
export interface IndexOptions {
  readonly dimension: number;
  readonly metric: Metric;
  readonly m: number;
  readonly efConstruction: number;
  readonly seed: number;
}

export interface LoadFigures {
  readonly seconds: number;
  readonly config: Readonly<Record<string, Value>>;
}

/** What happened in an epoch. Searches run between batches, never beside one. */
export interface EpochFigures {
  /** Inside the calls that write. */
  readonly writeSeconds: number;
  /** Of whole calls that write a batch. */
  readonly writeLatenciesMs: Float64Array;
  readonly searchLatenciesMs: Float64Array;
}

export interface Answers {
  /** `queries × k` ids; `NO_HIT` where there was no further hit. */
  readonly ids: Uint32Array;
  readonly latenciesMs: Float64Array;
}

export interface ChurnSubject {
  /** Makes the index and fills it with the base; `build`: by the bulk build, where there is one. */
  load(workload: Workload, build: boolean): Promise<LoadFigures>;
  /** `searches` a batch, with the queries in turn, at `ef`. */
  run(epoch: Epoch, searches: number, ef: number): Promise<EpochFigures>;
  /** Waits until no work goes on in the background. Returns the seconds that took. */
  settle(): Promise<number>;
  searchAll(k: number, ef: number): Promise<Answers>;
  /** The times of so many searches for ten hits, with the queries in turn. */
  searchSome(count: number, ef: number): Promise<number[]>;
  /** Cumulated figures of storage, names with their unit; empty when there are none. */
  storage(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

export const BATCH = 100;
/** Stands in `Answers.ids` where a search gave fewer than k hits. */
export const NO_HIT = 0xffffffff;

/** The parts of an epoch: batches of writes, with the share of the deletions that goes before each. */
export function* batchesOf({ ids, rows, deleted }: Epoch): Generator<{
  readonly ids: Uint32Array;
  readonly rows: Uint32Array;
  readonly deleted: Uint32Array;
}> {
  const count = Math.max(1, Math.ceil(Math.max(ids.length, deleted.length) / BATCH));
  for (let batch = 0; batch < count; batch++) {
    const cut = (array: Uint32Array): Uint32Array =>
      array.subarray(
        Math.floor((batch * array.length) / count),
        Math.floor(((batch + 1) * array.length) / count),
      );
    yield { ids: cut(ids), rows: cut(rows), deleted: cut(deleted) };
  }
}
