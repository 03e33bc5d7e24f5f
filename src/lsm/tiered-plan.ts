/**
 * Tiered compaction: a level holds up to T runs, which are merged as a whole into one run of the next level.
 * An entry is written once a level, so far fewer bytes than leveled compaction writes; a read asks more runs,
 * and stale versions stay for longer.
 *
 * - The fullest level goes first: L0 by `level0Tables`, the others by T. The merge makes a new run, the
 *   newest of its level, and leaves the older ones of that level alone.
 * - Only a merge with the oldest run can drop a tombstone or a stale value there. So once the runs below L0
 *   have twice the bytes of the oldest one, tombstones counted as what they hide, everything is merged into
 *   the last level (RocksDB's universal compaction bounds space in the same way).
 * - When too many runs are full of operands, they are merged, so that a read does not fold them all.
 * - Runs without a common key become one run by a change of the version alone.
 */
import {
  areDisjoint,
  bytesOf,
  type CompactionPlan,
  type PlannedRuns,
  type PlannedTable,
  type PlanOptions,
  type PlanReason,
} from './compaction-shape.ts';
import {
  garbageAbove,
  garbageAllowed,
  garbageWithin,
  runsOfChains,
  tableToRewrite,
} from './garbage.ts';
import { type Candidate, level0Depth, planRewrite } from './leveled-plan.ts';
import { LEVEL_COUNT } from './version-format.ts';

const LAST_LEVEL = LEVEL_COUNT - 1;

/** Garbage above the oldest run, by its size, at which everything is merged. */
const GARBAGE_RATIO = 2;

/** The most urgent compaction of a tree, or undefined. */
export function tieredCandidate<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  options: PlanOptions,
): Candidate<T> | undefined {
  if (runs.length === 0) return undefined;
  const { level, score } = fullestLevel(runs, options);
  if (score >= 1) return { score, plan: () => planTier(tree, runs, level) };
  const settled = runs.slice(level0Depth(runs));
  if (settled.length > 1 && exceedsData(settled)) {
    return { score: 0.9, plan: () => planWhole(tree, runs, 'space') };
  }
  const chains = runsOfChains(runs);
  if (chains !== undefined) {
    const { first, last } = chains;
    return { score: 0.8, plan: () => planSlice(tree, runs, { first, last, reason: 'chains' }) };
  }
  const released = tableToRewrite(runs, options.snapshots);
  if (released === undefined) return undefined;
  return { score: 0.7, plan: () => planRewrite(tree, runs, released, 'released') };
}

/** Brings a tree of a quiet engine down to little garbage; undefined when it is there. */
export function planTieredSpace<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  { snapshots, tableBytes }: PlanOptions,
): CompactionPlan<T> | undefined {
  if (runs.length === 0) return undefined;
  const allowed = garbageAllowed(runs, tableBytes);
  const within = garbageWithin(runs, snapshots);
  if (runs.length > 1) {
    return garbageAbove(runs) + within > allowed ? planWhole(tree, runs, 'space') : undefined;
  }
  const pick = within > allowed ? tableToRewrite(runs, snapshots, 0) : undefined;
  return pick && planRewrite(tree, runs, pick, 'space');
}

/** Bytes of the runs below L0 that are too many in their level. */
export function tieredDebt(runs: PlannedRuns<PlannedTable>, { levelRatio }: PlanOptions): number {
  const counts = new Array<number>(LEVEL_COUNT).fill(0);
  let debt = 0;
  for (const { level, tables } of runs) {
    if (level > 0 && ++counts[level] > levelRatio) debt += bytesOf(tables);
  }
  return debt;
}

/** All runs into one of the last level. There are at least two. */
function planWhole<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  reason: PlanReason,
): CompactionPlan<T> {
  return {
    tree,
    reason,
    inputLevel: runs[0].level,
    outputLevel: LAST_LEVEL,
    outputRun: undefined,
    inputs: runs.flatMap(({ tables }) => tables),
    overlaps: [],
    older: [],
    isTrivial: false,
  };
}

function exceedsData(runs: PlannedRuns<PlannedTable>): boolean {
  return garbageAbove(runs) > GARBAGE_RATIO * bytesOf(runs[runs.length - 1].tables);
}

function fullestLevel(
  runs: PlannedRuns<PlannedTable>,
  { level0Tables, levelRatio }: PlanOptions,
): { readonly level: number; readonly score: number } {
  const counts = new Array<number>(LEVEL_COUNT).fill(0);
  for (const { level } of runs) counts[level]++;
  let best = { level: 0, score: counts[0] / level0Tables };
  for (let level = 1; level < LEVEL_COUNT; level++) {
    const score = counts[level] / levelRatio;
    if (score > best.score) best = { level, score };
  }
  return best;
}

/** The runs of a level into a new one of the next; of the last level, in their place. */
function planTier<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  level: number,
): CompactionPlan<T> {
  const first = runs.findIndex((run) => run.level === level);
  const last = runs.findLastIndex((run) => run.level === level);
  const plan = planSlice(tree, runs, { first, last, reason: 'depth' });
  if (level === LAST_LEVEL) return plan;
  return { ...plan, outputLevel: level + 1, outputRun: undefined };
}

/** Neighbouring runs into one, in the place of the oldest of them. */
function planSlice<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  slice: { readonly first: number; readonly last: number; readonly reason: PlanReason },
): CompactionPlan<T> {
  const { first, last, reason } = slice;
  const inputs = runs.slice(first, last + 1).flatMap(({ tables }) => tables);
  return {
    tree,
    reason,
    inputLevel: runs[first].level,
    outputLevel: runs[last].level,
    outputRun: runs[last].number,
    inputs,
    overlaps: [],
    older: runs.slice(last + 1),
    isTrivial: areDisjoint(inputs),
  };
}
