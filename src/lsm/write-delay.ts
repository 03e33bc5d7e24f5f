/**
 * Backpressure, early and smooth: by how much the acknowledgement of a commit is put off, so that those who
 * write go no faster than compaction can follow, long before a checkpoint has to stop and wait for it.
 *
 * Debt is measured from three sides, each from a soft limit, below which nothing is delayed, to a hard one:
 * the runs of L0, the sealed memtables, and the bytes that compaction owes. The largest of them counts. The
 * delay is a time per byte, which rises with the square of the debt, so that it sets in gently: writers find
 * the place on the curve where debt neither grows nor shrinks.
 */
import { assert } from '../base/assert.ts';

/** What compaction and flushes are behind by. */
export interface WriteDebt {
  /** Of the tree that has most. */
  readonly level0Runs: number;
  readonly sealedMemtables: number;
  /** Bytes beyond the targets of their levels, over all trees. */
  readonly pendingBytes: number;
}

export interface WriteDelayOptions {
  readonly level0Tables: number;
  readonly memtableBytes: number;
}

/** A checkpoint waits for compaction from this many times the runs of L0 that start one. */
export const STALL_FACTOR = 3;

/** Bytes owed, in memtables, at which delays begin and at which they are full. */
const PENDING_SOFT = 16;
const PENDING_HARD = 64;
/** One sealed memtable is what a checkpoint under way leaves; a third means that flushes are behind. */
const SEALED_SOFT = 1;
const SEALED_HARD = 3;
/** The rate to which writers are held at the hard limit, in bytes a second. */
const LEAST_BYTES_PER_SECOND = 1 << 20;

/** How far the debt is between its soft limit, 0, and its hard one, 1. */
export function debtShare(debt: WriteDebt, options: WriteDelayOptions): number {
  const { level0Tables, memtableBytes } = options;
  const { level0Runs, sealedMemtables, pendingBytes } = debt;
  return Math.max(
    share(level0Runs, level0Tables, STALL_FACTOR * level0Tables),
    share(sealedMemtables, SEALED_SOFT, SEALED_HARD),
    share(pendingBytes / memtableBytes, PENDING_SOFT, PENDING_HARD),
  );
}

/** Milliseconds by which the acknowledgement of each byte of a commit is put off. */
export function delayPerByteMs(debt: WriteDebt, options: WriteDelayOptions): number {
  const behind = debtShare(debt, options);
  return (behind * behind * 1000) / LEAST_BYTES_PER_SECOND;
}

function share(value: number, soft: number, hard: number): number {
  assert(soft < hard, 'the soft limit comes first');
  return Math.min(1, Math.max(0, (value - soft) / (hard - soft)));
}
