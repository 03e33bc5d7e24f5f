/**
 * What a churn run does: a base, then epochs of insertions, replacements and deletions. A *row* is a
 * vector of the table; an *id* is what a record is called. They differ where a record's vector is replaced.
 */
import type { Metric } from '../harness/ground-truth.ts';
import type { Vectors } from '../harness/vector-file.ts';

export interface Epoch {
  /** From 0. */
  readonly number: number;
  /** Records that are given a vector: new ones, or old ones whose vector is replaced. */
  readonly ids: Uint32Array;
  /** `rows[i]` is the vector of `ids[i]`. */
  readonly rows: Uint32Array;
  readonly deleted: Uint32Array;
  /** Recall is measured at its end. */
  readonly isMeasured: boolean;
}

export interface Workload {
  readonly name: string;
  readonly dataset: string;
  readonly metric: Metric;
  readonly vectors: Vectors;
  readonly queries: Vectors;
  readonly base: Pick<Epoch, 'ids' | 'rows'>;
  readonly epochs: readonly Epoch[];
}

/** Which row each living id has, as of some epoch. */
export type Living = Map<number, number>;

/** Applies the base. */
export function livingBase({ base }: Workload): Living {
  const living: Living = new Map();
  for (let i = 0; i < base.ids.length; i++) living.set(base.ids[i], base.rows[i]);
  return living;
}

/** Applies an epoch: deletions first, so that an id may come back within it. */
export function applyEpoch(living: Living, { ids, rows, deleted }: Epoch): void {
  for (const id of deleted) {
    if (!living.delete(id)) throw new Error(`the trace deletes ${id}, which is not there`);
  }
  for (let i = 0; i < ids.length; i++) living.set(ids[i], rows[i]);
}

/** What lives when all epochs have passed, in the order in which it came. */
export function livingAtEnd(workload: Workload): Workload['base'] {
  const living = livingBase(workload);
  for (const epoch of workload.epochs) applyEpoch(living, epoch);
  return { ids: Uint32Array.from(living.keys()), rows: Uint32Array.from(living.values()) };
}

/** Rows that the workload ever uses, each once, ascending. */
export function usedRows({ base, epochs }: Workload): Uint32Array {
  const used = new Set<number>(base.rows);
  for (const { rows } of epochs) for (const row of rows) used.add(row);
  return Uint32Array.from(used).sort();
}
