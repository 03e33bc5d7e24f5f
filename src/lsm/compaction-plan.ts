/**
 * What to compact next: a pure function of a version's tables and the options.
 *
 * Leveled, with dynamic level sizes (Dong et al., "Optimizing space amplification in RocksDB", CIDR 2017,
 * section 3.1): the last level is as large as its data, each level above it may hold 1/T of the one
 * below, and the topmost level with a target, the *base*, takes what comes from L0. So at most 1/(T-1) of
 * the data is stale, whatever the size of the database.
 *
 * - Each level has a score, its fill over its target; the highest score of all trees goes first, from 1 on.
 * - L0 is scored by depth: the largest number of its tables over one key. Its inputs start with the oldest
 *   table and take in every L0 table that overlaps one of them, until none is left: an older version of a
 *   key never stays above a newer one.
 * - L0 goes to the base. What lies above the base (there was more data once) goes down before that: a level
 *   with data is never jumped over.
 * - Of a level, the table goes whose data below it is least, by its own size.
 * - A table that nothing below overlaps moves by a change of the version alone.
 */
import { assert } from '../base/assert.ts';
import { compareKeys } from './entry.ts';
import { LEVEL_COUNT, type TableMeta } from './version-format.ts';

const LAST_LEVEL = LEVEL_COUNT - 1;

export interface PlannedTable {
  readonly meta: TableMeta;
}

export interface PlanOptions {
  /** T. */
  readonly levelRatio: number;
  readonly level0Tables: number;
  /** The base is the first level, from below, whose target is not above this, in bytes. */
  readonly baseLevelBytes: number;
}

export interface CompactionPlan<T extends PlannedTable> {
  readonly tree: number;
  readonly inputLevel: number;
  readonly outputLevel: number;
  /** Of the input level: L0 newest first, else by key. With a full compaction, of all levels. */
  readonly inputs: readonly T[];
  /** Of the output level: all that overlap the inputs, by key. */
  readonly overlaps: readonly T[];
  /** The inputs may go down as they are. */
  readonly isTrivial: boolean;
}

type Levels<T> = readonly (readonly T[])[];

/** The most urgent compaction over all trees, or undefined. */
export function planCompaction<T extends PlannedTable>(
  trees: Iterable<readonly [tree: number, levels: Levels<T>]>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  let best: { tree: number; levels: Levels<T>; level: number; score: number } | undefined;
  for (const [tree, levels] of trees) {
    const targets = levelTargets(levels.map(levelBytes), options);
    for (let level = 0; level < LAST_LEVEL; level++) {
      const score =
        level === 0
          ? level0Depth(levels[0]) / options.level0Tables
          : levelBytes(levels[level]) / targets[level];
      if (score >= 1 && score > (best?.score ?? 0)) best = { tree, levels, level, score };
    }
  }
  if (best === undefined) return undefined;
  const { tree, levels, level } = best;
  return level === 0 ? planLevel0(tree, levels, options) : planLevel(tree, levels, level);
}

/** Brings all tables of a tree into the last level that has any; undefined when they are there. */
export function planFullCompaction<T extends PlannedTable>(
  tree: number,
  levels: Levels<T>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  const base = baseLevel(levelTargets(levels.map(levelBytes), options));
  const deepest = levels.findLastIndex((tables) => tables.length > 0);
  const outputLevel = Math.max(deepest, base);
  const inputs = levels.slice(0, outputLevel).flat();
  if (inputs.length === 0) return undefined;
  const inputLevel = levels.findIndex((tables) => tables.length > 0);
  const overlaps = levels[outputLevel];
  return { tree, inputLevel, outputLevel, inputs, overlaps, isTrivial: false };
}

/** The largest number of tables of L0 that one key can be in. */
export function level0Depth(tables: readonly PlannedTable[]): number {
  if (tables.length < 2) return tables.length;
  const byStart = [...tables].sort(bySmallestKey);
  let depth = 0;
  let open: PlannedTable[] = [];
  for (const table of byStart) {
    const { smallestHi, smallestLo } = table.meta;
    open = open.filter(
      ({ meta }) => compareKeys(meta.largestHi, meta.largestLo, smallestHi, smallestLo) >= 0,
    );
    open.push(table);
    depth = Math.max(depth, open.length);
  }
  return depth;
}

/**
 * The bytes that each level may hold, by level. Levels above the base have the target 0: what they hold
 * goes down. The last level has no bound.
 */
export function levelTargets(bytes: readonly number[], options: PlanOptions): number[] {
  const { levelRatio, baseLevelBytes } = options;
  assert(levelRatio > 1, 'each level is larger than the one above');
  const targets = new Array<number>(LEVEL_COUNT).fill(0);
  targets[LAST_LEVEL] = Number.POSITIVE_INFINITY;
  // The last level may still be empty while data waits above it: the largest level counts.
  let target = Math.max(...bytes.slice(1));
  for (let level = LAST_LEVEL - 1; level >= 1 && target > baseLevelBytes; level--) {
    target /= levelRatio;
    targets[level] = target;
  }
  return targets;
}

/** The topmost level below L0 with a target. */
export function baseLevel(targets: readonly number[]): number {
  return targets.findIndex((target) => target > 0);
}

function planLevel0<T extends PlannedTable>(
  tree: number,
  levels: Levels<T>,
  options: PlanOptions,
): CompactionPlan<T> {
  const top = levels[0];
  const taken = new Set<T>([top[top.length - 1]]);
  for (let count = 0; count < taken.size; ) {
    count = taken.size;
    for (const table of top) {
      if (!taken.has(table) && [...taken].some((other) => overlap(table.meta, other.meta))) {
        taken.add(table);
      }
    }
  }
  const inputs = top.filter((table) => taken.has(table));
  const base = baseLevel(levelTargets(levels.map(levelBytes), options));
  const highest = levels.findIndex((tables, level) => level > 0 && tables.length > 0);
  assert(highest === -1 || highest >= base, 'levels above the base are drained before L0');
  const range = keyRange(inputs);
  const overlaps = levels[base].filter(({ meta }) => overlap(meta, range));
  const isTrivial = inputs.length === 1 && overlaps.length === 0;
  return { tree, inputLevel: 0, outputLevel: base, inputs, overlaps, isTrivial };
}

function planLevel<T extends PlannedTable>(
  tree: number,
  levels: Levels<T>,
  level: number,
): CompactionPlan<T> {
  const below = levels[level + 1];
  let best: T | undefined;
  let bestShare = Number.POSITIVE_INFINITY;
  let from = 0;
  // Both levels are sorted: the overlaps of one table start where those of the one before did, or later.
  for (const table of levels[level]) {
    const { smallestHi, smallestLo, sizeBytes } = table.meta;
    while (from < below.length && isBefore(below[from].meta, smallestHi, smallestLo)) from++;
    let bytes = 0;
    for (let i = from; i < below.length && overlap(below[i].meta, table.meta); i++) {
      bytes += below[i].meta.sizeBytes;
    }
    const share = bytes / sizeBytes;
    if (share < bestShare) {
      bestShare = share;
      best = table;
    }
  }
  assert(best !== undefined, 'a level with a score has tables');
  const { meta } = best;
  const overlaps = below.filter((table) => overlap(table.meta, meta));
  return {
    tree,
    inputLevel: level,
    outputLevel: level + 1,
    inputs: [best],
    overlaps,
    isTrivial: overlaps.length === 0,
  };
}

function levelBytes(tables: readonly PlannedTable[]): number {
  let bytes = 0;
  for (const { meta } of tables) bytes += meta.sizeBytes;
  return bytes;
}

type KeyRange = Pick<TableMeta, 'smallestHi' | 'smallestLo' | 'largestHi' | 'largestLo'>;

/** From the smallest to the largest key of tables that overlap in a chain, so that there is no gap. */
function keyRange(tables: readonly PlannedTable[]): KeyRange {
  let { smallestHi, smallestLo, largestHi, largestLo } = tables[0].meta;
  for (const { meta } of tables) {
    if (compareKeys(meta.smallestHi, meta.smallestLo, smallestHi, smallestLo) < 0) {
      ({ smallestHi, smallestLo } = meta);
    }
    if (compareKeys(meta.largestHi, meta.largestLo, largestHi, largestLo) > 0) {
      ({ largestHi, largestLo } = meta);
    }
  }
  return { smallestHi, smallestLo, largestHi, largestLo };
}

/** Whether all of the range is before the key. */
function isBefore(range: KeyRange, hi: number, lo: number): boolean {
  return compareKeys(range.largestHi, range.largestLo, hi, lo) < 0;
}

function overlap(a: KeyRange, b: KeyRange): boolean {
  return !isBefore(a, b.smallestHi, b.smallestLo) && !isBefore(b, a.smallestHi, a.smallestLo);
}

function bySmallestKey(a: PlannedTable, b: PlannedTable): number {
  return compareKeys(a.meta.smallestHi, a.meta.smallestLo, b.meta.smallestHi, b.meta.smallestLo);
}
