/**
 * What planners see and say: the runs of a tree as a version has them, and a plan. Plain data and the
 * arithmetic of key ranges; the rules of either style are in `leveled-plan.ts` and `tiered-plan.ts`.
 */
import type { CompactionStyle } from './engine-options.ts';
import { compareKeys } from './entry.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import type { TableMeta } from './version-format.ts';

export interface PlannedTable {
  readonly meta: TableMeta;
}

/** Tables by key, without overlap. */
export interface PlannedRun<T> {
  readonly level: number;
  /** Larger is newer, within a level. */
  readonly number: number;
  readonly tables: readonly T[];
}

/** Newest first: by level, then by descending number. */
export type PlannedRuns<T> = readonly PlannedRun<T>[];

export interface PlanOptions {
  readonly compaction: CompactionStyle;
  /** T. */
  readonly levelRatio: number;
  /** Runs of L0 that start a compaction. */
  readonly level0Tables: number;
  /** Leveled: the base is the first level, from below, whose target is not above this, in bytes. */
  readonly baseLevelBytes: number;
  /** Less garbage than one table is not worth a compaction of a quiet engine, in bytes. */
  readonly tableBytes: number;
  /** Sequences that readers hold, ascending. */
  readonly snapshots: readonly number[];
  readonly seededBugs?: SeededBugs | undefined;
}

/** Why a compaction was chosen. */
export type PlanReason =
  /** Too many runs in L0, or in a level of tiers. */
  | 'depth'
  /** A level beyond its target. */
  | 'size'
  /** A level of another style: several runs where one belongs. */
  | 'shape'
  /** A table full of tombstones. */
  | 'tombstones'
  /** Reads of a range fold too many operands. */
  | 'chains'
  /** Versions that a released snapshot had kept. */
  | 'released'
  /** More garbage than data is worth. */
  | 'space'
  /** The caller asked for all of it. */
  | 'full';

export interface CompactionPlan<T extends PlannedTable> {
  readonly tree: number;
  readonly reason: PlanReason;
  readonly inputLevel: number;
  readonly outputLevel: number;
  /** The run that the outputs join; undefined: a new one, the newest of the output level. */
  readonly outputRun: number | undefined;
  /** Of one or several runs, newest first, by key within a run. */
  readonly inputs: readonly T[];
  /** Of the output run: all that overlap the inputs, by key. */
  readonly overlaps: readonly T[];
  /** All runs that may hold entries older than the inputs, other than the inputs and overlaps. */
  readonly older: PlannedRuns<T>;
  /** The inputs may take their new place as they are. */
  readonly isTrivial: boolean;
}

/** No tables of `a` and `b` hold keys between each other's ends. Both ends are inclusive. */
export type KeyRange = Pick<TableMeta, 'smallestHi' | 'smallestLo' | 'largestHi' | 'largestLo'>;

export function overlap(a: KeyRange, b: KeyRange): boolean {
  return !isBefore(a, b.smallestHi, b.smallestLo) && !isBefore(b, a.smallestHi, a.smallestLo);
}

/** Whether all of the range is before the key. */
export function isBefore(range: KeyRange, hi: number, lo: number): boolean {
  return compareKeys(range.largestHi, range.largestLo, hi, lo) < 0;
}

/** The tables of a run that overlap `range`, by key. O(log tables + found). */
export function overlapping<T extends PlannedTable>(tables: readonly T[], range: KeyRange): T[] {
  const found: T[] = [];
  for (let i = firstNotBefore(tables, range.smallestHi, range.smallestLo); i < tables.length; i++) {
    if (!overlap(tables[i].meta, range)) break;
    found.push(tables[i]);
  }
  return found;
}

/** Whether no two of the tables overlap, whatever their order. */
export function areDisjoint(tables: readonly PlannedTable[]): boolean {
  const sorted = [...tables].sort(bySmallestKey);
  return sorted.every((table, i) => i === 0 || !overlap(sorted[i - 1].meta, table.meta));
}

export function bySmallestKey(a: PlannedTable, b: PlannedTable): number {
  return compareKeys(a.meta.smallestHi, a.meta.smallestLo, b.meta.smallestHi, b.meta.smallestLo);
}

export function bytesOf(tables: readonly PlannedTable[]): number {
  let bytes = 0;
  for (const { meta } of tables) bytes += meta.sizeBytes;
  return bytes;
}

function firstNotBefore(tables: readonly PlannedTable[], hi: number, lo: number): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(tables[middle].meta, hi, lo)) low = middle + 1;
    else high = middle;
  }
  return low;
}
