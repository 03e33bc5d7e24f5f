/**
 * What a tree keeps without need, estimated from what its version says of each table: entries that newer
 * ones hide, tombstones and what they hide, versions that a snapshot held, operands that wait for a fold.
 *
 * The *oldest run* is what data comes to rest in; of a key, it holds the last entry, and whatever lies in
 * the runs above it may hide one there. So all bytes above it count as garbage, and so does an average entry
 * of the oldest run for each tombstone.
 */
import { bytesOf, overlapping, type PlannedRuns, type PlannedTable } from './compaction-shape.ts';
import type { TableMeta } from './version-format.ts';

/** A table goes down when this share of its entries are tombstones. */
const TOMBSTONE_SHARE = 0.5;
/** A table of the oldest run is written anew when this share of its entries could go. */
const RELEASED_SHARE = 0.25;
/** A quiet engine keeps no more garbage than this share of the oldest run. */
const QUIET_SHARE = 0.1;
/** Tables count as full of operands when this share of their keys have one. */
const OPERAND_SHARE = 0.5;
/** More runs full of operands than this, over one range, and a read there folds too many. */
const OPERANDS_MAX = 8;

/** A table, and the position of its run. */
export interface Picked<T> {
  readonly index: number;
  readonly table: T;
}

/** Entries of a table in the oldest run that writing it anew would drop or fold, now: all, or none. */
export function droppable(meta: TableMeta, snapshots: readonly number[]): number {
  if (snapshots.length > 0 && snapshots[0] < meta.largestSequence) return 0;
  return meta.entries - meta.keys + meta.deletes + meta.merges;
}

/** Bytes above the oldest run, and those of the entries in it that tombstones hide, about. */
export function garbageAbove(runs: PlannedRuns<PlannedTable>): number {
  const oldest = runs[runs.length - 1];
  let bytes = 0;
  let deletes = 0;
  for (const run of runs) {
    if (run === oldest) break;
    bytes += bytesOf(run.tables);
    for (const { meta } of run.tables) deletes += meta.deletes;
  }
  const oldestBytes = bytesOf(oldest.tables);
  const keys = oldest.tables.reduce((sum, { meta }) => sum + meta.keys, 0);
  return bytes + Math.min(oldestBytes, (deletes * oldestBytes) / Math.max(1, keys));
}

/** Bytes of the oldest run that writing its tables anew would drop, about. */
export function garbageWithin(
  runs: PlannedRuns<PlannedTable>,
  snapshots: readonly number[],
): number {
  let bytes = 0;
  for (const { meta } of runs[runs.length - 1].tables) {
    const share = Math.min(1, droppable(meta, snapshots) / meta.entries);
    bytes += share * meta.sizeBytes;
  }
  return bytes;
}

/** What a quiet engine may keep. */
export function garbageAllowed(runs: PlannedRuns<PlannedTable>, tableBytes: number): number {
  return Math.max(tableBytes, QUIET_SHARE * bytesOf(runs[runs.length - 1].tables));
}

/** The table below L0, above the oldest run, with the largest share of tombstones, if it is large. */
export function tableOfTombstones<T extends PlannedTable>(
  runs: PlannedRuns<T>,
): Picked<T> | undefined {
  let best: Picked<T> | undefined;
  let bestShare = 0;
  for (let index = 0; index < runs.length - 1; index++) {
    if (runs[index].level === 0) continue;
    for (const table of runs[index].tables) {
      const share = table.meta.deletes / table.meta.entries;
      if (share < TOMBSTONE_SHARE || share <= bestShare) continue;
      bestShare = share;
      best = { index, table };
    }
  }
  return best;
}

/** The table of the oldest run of which the largest share could go, if it is at least `leastShare`. */
export function tableToRewrite<T extends PlannedTable>(
  runs: PlannedRuns<T>,
  snapshots: readonly number[],
  leastShare: number = RELEASED_SHARE,
): Picked<T> | undefined {
  const index = runs.length - 1;
  let best: Picked<T> | undefined;
  let bestShare = 0;
  for (const table of runs[index].tables) {
    const share = droppable(table.meta, snapshots) / table.meta.entries;
    if (share < leastShare || share <= bestShare) continue;
    bestShare = share;
    best = { index, table };
  }
  return best;
}

/**
 * The newest table below L0 over whose range too many runs are full of operands, its own and the next one
 * among them.
 */
export function tableOfChains<T extends PlannedTable>(runs: PlannedRuns<T>): Picked<T> | undefined {
  if (runs.length <= OPERANDS_MAX) return undefined;
  for (let index = 0; index < runs.length - 1; index++) {
    if (runs[index].level === 0) continue;
    for (const table of runs[index].tables) {
      if (!isFullOfOperands([table])) continue;
      const full = runs.filter(({ tables }) => isFullOfOperands(overlapping(tables, table.meta)));
      const next = overlapping(runs[index + 1].tables, table.meta);
      if (full.length > OPERANDS_MAX && isFullOfOperands(next)) return { index, table };
    }
  }
  return undefined;
}

/** The first and the last of the runs full of operands, when they are too many. */
export function runsOfChains(
  runs: PlannedRuns<PlannedTable>,
): { readonly first: number; readonly last: number } | undefined {
  const full = runs.flatMap(({ tables }, index) => (isFullOfOperands(tables) ? [index] : []));
  return full.length > OPERANDS_MAX ? { first: full[0], last: full[full.length - 1] } : undefined;
}

function isFullOfOperands(tables: readonly PlannedTable[]): boolean {
  let merges = 0;
  let keys = 0;
  for (const { meta } of tables) {
    merges += meta.merges;
    keys += meta.keys;
  }
  return keys > 0 && merges >= OPERAND_SHARE * keys;
}
