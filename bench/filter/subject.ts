/** What the filter bench asks of stratavec and of each peer. */
import type { RangeFilter, Workload } from './workload.ts';

/** One pass over all queries. */
export interface FilteredRound {
  /** `queries × k`, nearest first; `NO_HIT` where there were fewer. */
  readonly ids: Uint32Array;
  readonly latenciesMs: Float64Array;
  /** How it was searched, of the last query, where the subject says so. */
  readonly plan: string;
}

export interface FilteredSubject {
  /** Stores the rows, with ids from 0 and an index of each field; returns effective options. */
  build(workload: Workload): Promise<Readonly<Record<string, string | number | boolean>>>;
  search(query: Float32Array, filter: RangeFilter, k: number): Promise<Found>;
  close(): Promise<void>;
}

export interface Found {
  readonly ids: readonly number[];
  readonly plan: string;
}

export const NO_HIT = 0xffffffff;
