/**
 * Leveled compaction with dynamic level sizes (Dong et al., "Optimizing space amplification in RocksDB",
 * CIDR 2017, section 3.1): one run a level; the last level is as large as its data, each level above it may
 * hold 1/T of the one below, and the topmost level with a target, the *base*, takes what comes from L0. So
 * at most 1/(T-1) of the data is stale, whatever the size of the database.
 *
 * - Each level has a score, its fill over its target; the highest score goes first, from 1 on. L0 is scored
 *   by its runs.
 * - Inputs of L0 start with a table of its oldest run and take in every table of L0 that overlaps one of
 *   them, until none is left: an older version of a key never stays above a newer one.
 * - L0 goes to the base. What lies above the base (there was more data once) goes down before that: a level
 *   with data is never jumped over. Neither is one with several runs, which tiered compaction or tables from
 *   outside leave behind: they are made one first, cluster by cluster.
 * - Of a level, the table goes whose data below it is least, by its own size.
 * - Tables that nothing below overlaps move by a change of the version alone.
 */
import { assert } from '../base/assert.ts';
import {
  bySmallestKey,
  bytesOf,
  type CompactionPlan,
  isBefore,
  type KeyRange,
  overlap,
  overlapping,
  type PlannedRun,
  type PlannedRuns,
  type PlannedTable,
  type PlanOptions,
  type PlanReason,
} from './compaction-shape.ts';
import { compareKeys } from './entry.ts';
import {
  garbageAbove,
  garbageAllowed,
  garbageWithin,
  type Picked,
  tableOfChains,
  tableOfTombstones,
  tableToRewrite,
} from './garbage.ts';
import { LEVEL_COUNT } from './version-format.ts';

const LAST_LEVEL = LEVEL_COUNT - 1;

/** A plan that is made when it is wanted, and how urgent it is: sizes from 1 on, all else below. */
export interface Candidate<T extends PlannedTable> {
  readonly score: number;
  readonly plan: () => CompactionPlan<T>;
}

/** The most urgent compaction of a tree, or undefined. */
export function leveledCandidate<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  options: PlanOptions,
): Candidate<T> | undefined {
  const crowded = levelWithSeveralRuns(runs);
  if (crowded !== undefined) {
    return { score: Number.POSITIVE_INFINITY, plan: () => planMergedLevel(tree, runs, crowded) };
  }
  const bytes = levelBytes(runs);
  const targets = levelTargets(bytes, options);
  let score = level0Depth(runs) / options.level0Tables;
  let level = 0;
  for (let deeper = 1; deeper < LAST_LEVEL; deeper++) {
    const fill = bytes[deeper] / targets[deeper];
    if (fill > score) {
      score = fill;
      level = deeper;
    }
  }
  if (score >= 1) return { score, plan: () => planFrom(tree, runs, level, options) };
  return leanCandidate(tree, runs, options);
}

/** Brings a tree of a quiet engine down to little garbage; undefined when it is there. */
export function planLeveledSpace<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  if (runs.length === 0) return undefined;
  const { snapshots, tableBytes } = options;
  const allowed = garbageAllowed(runs, tableBytes);
  const within = garbageWithin(runs, snapshots);
  if (within > allowed) {
    const pick = tableToRewrite(runs, snapshots, 0);
    return pick && planRewrite(tree, runs, pick, 'space');
  }
  if (runs.length === 1 || garbageAbove(runs) + within <= allowed) return undefined;
  if (runs[0].level === 0) return planLevel0(tree, runs, options, 'space');
  return planPush(tree, runs, leastOverlap(runs, 0), 'space');
}

/** Bytes below L0 beyond the targets of their levels. */
export function leveledDebt(runs: PlannedRuns<PlannedTable>, options: PlanOptions): number {
  const bytes = levelBytes(runs);
  const targets = levelTargets(bytes, options);
  let debt = 0;
  for (let level = 1; level < LAST_LEVEL; level++) {
    debt += Math.max(0, bytes[level] - targets[level]);
  }
  return debt;
}

/** Runs in L0. */
export function level0Depth(runs: PlannedRuns<PlannedTable>): number {
  const depth = runs.findIndex(({ level }) => level > 0);
  return depth === -1 ? runs.length : depth;
}

/** The bytes of each level. */
export function levelBytes(runs: PlannedRuns<PlannedTable>): number[] {
  const bytes = new Array<number>(LEVEL_COUNT).fill(0);
  for (const { level, tables } of runs) bytes[level] += bytesOf(tables);
  return bytes;
}

/**
 * The bytes that each level may hold, by level. Levels above the base have the target 0: what they hold
 * goes down. The last level has no bound.
 */
export function levelTargets(
  bytes: readonly number[],
  options: Pick<PlanOptions, 'levelRatio' | 'baseLevelBytes'>,
): number[] {
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

/** Writes one table of the oldest run anew, in its place. */
export function planRewrite<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  { index, table }: Picked<T>,
  reason: PlanReason,
): CompactionPlan<T> {
  assert(index === runs.length - 1, 'only at rest nothing older can exist');
  const { level, number } = runs[index];
  return {
    tree,
    reason,
    inputLevel: level,
    outputLevel: level,
    outputRun: number,
    inputs: [table],
    overlaps: [],
    older: [],
    isTrivial: false,
  };
}

/** What sizes do not ask for: tables whose tombstones, operands or released versions cost too much. */
function leanCandidate<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  { snapshots }: PlanOptions,
): Candidate<T> | undefined {
  if (runs.length === 0) return undefined;
  const tombstones = tableOfTombstones(runs);
  if (tombstones !== undefined) {
    return { score: 0.9, plan: () => planPush(tree, runs, tombstones, 'tombstones') };
  }
  const chains = tableOfChains(runs);
  if (chains !== undefined) {
    return { score: 0.8, plan: () => planPush(tree, runs, chains, 'chains') };
  }
  const released = tableToRewrite(runs, snapshots);
  if (released === undefined) return undefined;
  return { score: 0.7, plan: () => planRewrite(tree, runs, released, 'released') };
}

function planFrom<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  level: number,
  options: PlanOptions,
): CompactionPlan<T> {
  if (level === 0) return planLevel0(tree, runs, options, 'depth');
  const index = runs.findIndex((run) => run.level === level);
  assert(index >= 0, 'a level with a score has tables');
  const pick = leastOverlap(runs, index, level + 1);
  return planDown(tree, runs, { pick, outputLevel: level + 1, reason: 'size' });
}

function planLevel0<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  options: PlanOptions,
  reason: PlanReason,
): CompactionPlan<T> {
  const depth = level0Depth(runs);
  const top = runs.slice(0, depth).flatMap(({ tables }) => tables);
  const outputLevel = baseLevel(levelTargets(levelBytes(runs), options));
  const older = runs.slice(depth);
  assert(older.length === 0 || older[0].level >= outputLevel, 'levels above the base go first');
  const below = older.find(({ level }) => level === outputLevel);
  const oldest = runs[depth - 1].tables;
  const isSeeded = options.seededBugs?.has('inputs of L0 are not expanded to a fixed point');
  const groups = clusters(top);
  const members = new Set(groups.find((group) => group.includes(oldest[0])));
  const seed = isSeeded
    ? top.filter(({ meta }) => overlap(meta, oldest[0].meta))
    : top.filter((table) => members.has(table));
  const shared = {
    tree,
    reason,
    inputLevel: 0,
    outputLevel,
    outputRun: below?.number,
    older: older.filter((run) => run !== below),
  };
  const overlaps = overlapping(below?.tables ?? [], hull(seed));
  if (seed.length > 1 || overlaps.length > 0) {
    return { ...shared, inputs: seed, overlaps, isTrivial: false };
  }
  // The whole run may be such: keys that ascend, or a new range.
  const alone = new Set(groups.flatMap((group) => (group.length === 1 ? group : [])));
  const inputs = oldest.filter(
    (table) => alone.has(table) && overlapping(below?.tables ?? [], table.meta).length === 0,
  );
  return { ...shared, inputs, overlaps: [], isTrivial: true };
}

/** Down to the next run, wherever it is. */
function planPush<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  pick: Picked<T>,
  reason: PlanReason,
): CompactionPlan<T> {
  const outputLevel = runs[pick.index + 1].level;
  return planDown(tree, runs, { pick, outputLevel, reason });
}

/** One table into the run at `outputLevel`, which is the next one, or above the next one. */
function planDown<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  to: { readonly pick: Picked<T>; readonly outputLevel: number; readonly reason: PlanReason },
): CompactionPlan<T> {
  const { pick, outputLevel, reason } = to;
  const next: PlannedRun<T> | undefined = runs[pick.index + 1];
  assert(next === undefined || next.level >= outputLevel, 'no run is jumped over');
  const below = next?.level === outputLevel ? next : undefined;
  const overlaps = overlapping(below?.tables ?? [], pick.table.meta);
  return {
    tree,
    reason,
    inputLevel: runs[pick.index].level,
    outputLevel,
    outputRun: below?.number,
    inputs: [pick.table],
    overlaps,
    older: runs.slice(pick.index + 1).filter((run) => run !== below),
    isTrivial: overlaps.length === 0,
  };
}

/** Of a run, the table whose data in the run at `outputLevel` is least, by its own size. */
function leastOverlap<T extends PlannedTable>(
  runs: PlannedRuns<T>,
  index: number,
  outputLevel: number = runs[index + 1].level,
): Picked<T> {
  const next: PlannedRun<T> | undefined = runs[index + 1];
  const below = next?.level === outputLevel ? next.tables : [];
  let best = runs[index].tables[0];
  let bestShare = Number.POSITIVE_INFINITY;
  for (const table of runs[index].tables) {
    const share = bytesOf(overlapping(below, table.meta)) / table.meta.sizeBytes;
    if (share < bestShare) {
      bestShare = share;
      best = table;
    }
  }
  return { index, table: best };
}

/** The topmost level below L0 that holds several runs. */
function levelWithSeveralRuns(runs: PlannedRuns<PlannedTable>): number | undefined {
  return runs.find(({ level }, i) => level > 0 && runs[i + 1]?.level === level)?.level;
}

/** Makes one run of a level's runs: a cluster of tables that overlap is merged, the others just join. */
function planMergedLevel<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  level: number,
): CompactionPlan<T> {
  const of = runs.filter((run) => run.level === level);
  const oldest = of[of.length - 1];
  const tables = of.flatMap((run) => run.tables);
  const shared = {
    tree,
    reason: 'shape' as const,
    inputLevel: level,
    outputLevel: level,
    outputRun: oldest.number,
    overlaps: [],
    older: runs.filter((run) => run.level > level),
  };
  const cluster = clusters(tables).find((some) => some.length > 1);
  if (cluster !== undefined) {
    const members = new Set(cluster);
    const inputs = tables.filter((table) => members.has(table));
    return { ...shared, inputs, isTrivial: false };
  }
  const inputs = of.slice(0, -1).flatMap((run) => run.tables);
  return { ...shared, inputs, isTrivial: true };
}

/** Groups tables that overlap directly or through others, by key: no gap is within a group. */
function clusters<T extends PlannedTable>(tables: readonly T[]): T[][] {
  const groups: T[][] = [];
  /** The table of the last group that reaches farthest. */
  let farthest: T | undefined;
  for (const table of [...tables].sort(bySmallestKey)) {
    const { smallestHi, smallestLo, largestHi, largestLo } = table.meta;
    const isInside = farthest !== undefined && !isBefore(farthest.meta, smallestHi, smallestLo);
    if (isInside) groups[groups.length - 1].push(table);
    else groups.push([table]);
    const { meta } = farthest ?? table;
    if (!isInside || compareKeys(meta.largestHi, meta.largestLo, largestHi, largestLo) < 0) {
      farthest = table;
    }
  }
  return groups;
}

/** From the smallest to the largest key of tables that overlap in a chain, so that there is no gap. */
function hull(tables: readonly PlannedTable[]): KeyRange {
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
