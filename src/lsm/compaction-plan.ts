/**
 * What to compact next: pure functions of a version's runs, the options and the snapshots. Either style
 * plans from whatever shape it finds, so a directory may be opened with another style at any time.
 *
 * Three questions, by urgency: what must be done lest reads, space or writes suffer (`planCompaction`); what
 * gives space back while nobody writes (`planQuietCompaction`); and what brings a tree into one run, because
 * the caller asked for it (`planFullCompaction`). Asked again after each plan is done, each comes to an end.
 */
import type { CompactionPlan, PlannedRuns, PlannedTable, PlanOptions } from './compaction-shape.ts';
import { tableToRewrite } from './garbage.ts';
import {
  baseLevel,
  type Candidate,
  levelBytes,
  leveledCandidate,
  levelTargets,
  planLeveledSpace,
  planRewrite,
} from './leveled-plan.ts';
import { planTieredSpace, tieredCandidate } from './tiered-plan.ts';
import { LEVEL_COUNT } from './version-format.ts';

export type Trees<T> = readonly (readonly [tree: number, runs: PlannedRuns<T>])[];

/** The most urgent compaction over all trees, or undefined. */
export function planCompaction<T extends PlannedTable>(
  trees: Trees<T>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  const candidateOf = options.compaction === 'tiered' ? tieredCandidate : leveledCandidate;
  let best: Candidate<T> | undefined;
  for (const [tree, runs] of trees) {
    const candidate = candidateOf(tree, runs, options);
    if (candidate !== undefined && candidate.score > (best?.score ?? 0)) best = candidate;
  }
  return best?.plan();
}

/**
 * While nobody writes: what is urgent, then the next step to where no tree keeps more garbage than a tenth
 * of its oldest run. Undefined when all are there.
 */
export function planQuietCompaction<T extends PlannedTable>(
  trees: Trees<T>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  const urgent = planCompaction(trees, options);
  if (urgent !== undefined) return urgent;
  const planSpace = options.compaction === 'tiered' ? planTieredSpace : planLeveledSpace;
  for (const [tree, runs] of trees) {
    const plan = planSpace(tree, runs, options);
    if (plan !== undefined) return plan;
  }
  return undefined;
}

/** Brings a tree into one run, without anything that may be dropped; undefined when it is so. */
export function planFullCompaction<T extends PlannedTable>(
  tree: number,
  runs: PlannedRuns<T>,
  options: PlanOptions,
): CompactionPlan<T> | undefined {
  if (runs.length === 0) return undefined;
  const oldest = runs[runs.length - 1];
  const outputLevel = restingLevel(runs, options);
  if (runs.length === 1 && oldest.level === outputLevel) {
    const stale = tableToRewrite(runs, options.snapshots, 0);
    return stale && planRewrite(tree, runs, stale, 'full');
  }
  const isAtRest = oldest.level === outputLevel;
  const above = isAtRest ? runs.slice(0, -1) : runs;
  const stale = tableToRewrite(runs, options.snapshots, 0);
  return {
    tree,
    reason: 'full',
    inputLevel: runs[0].level,
    outputLevel,
    outputRun: isAtRest ? oldest.number : undefined,
    inputs: above.flatMap(({ tables }) => tables),
    overlaps: isAtRest ? oldest.tables : [],
    older: [],
    isTrivial: runs.length === 1 && stale === undefined,
  };
}

/** The level that a full compaction writes to. */
function restingLevel(runs: PlannedRuns<PlannedTable>, options: PlanOptions): number {
  if (options.compaction === 'tiered') return LEVEL_COUNT - 1;
  return Math.max(runs[runs.length - 1].level, baseLevel(levelTargets(levelBytes(runs), options)));
}
