/**
 * How many Bloom filter bits a key gets in a new table of some level.
 *
 * `uniform`: `filterBitsPerKey` everywhere. `monkey` (Dayan, Athanassoulis, Idreos, "Monkey: optimal navigable
 * key-value store", SIGMOD 2017): a read of an absent key asks a filter per run, so what counts is the sum of
 * their false positive rates, and for a given number of bits in all it is least when each rate is
 * proportional to the keys of its level. A level has T times the keys of the one above it; so the levels
 * above the last get ln T / ln² 2 bits more a key each, and the last, which has nearly all keys, pays for
 * it: at T = 10 and 10 bits, 9.5 instead of 10 there, and 14.3, 19.1, … above.
 *
 * With `lastLevelFilter: false` the last level has none, and no part in the budget.
 */
import { assert } from '../base/assert.ts';
import type { PlannedRuns, PlannedTable, PlanOptions } from './compaction-shape.ts';
import type { TreeSpec } from './engine-options.ts';
import { baseLevel, levelBytes, levelTargets } from './leveled-plan.ts';
import { LEVEL_COUNT } from './version-format.ts';

const LAST_LEVEL = LEVEL_COUNT - 1;
/** ln² 2: a key's b bits let through exp(-b ln² 2) of the absent keys. */
const LN2_SQUARED = Math.LN2 ** 2;
/** More bits than this buy nothing: a 32-byte block of the filter sets eight of its bits a key. */
const BITS_MAX = 24;
/** Of a tree that says nothing of it. */
export const DEFAULT_FILTER_BITS = 10;

/** Where a new table goes. */
export interface FilterPlace {
  readonly level: number;
  /** Below L0, and no run holds anything older than the table. */
  readonly isLast: boolean;
}

/** Bits per key of a new table's filter; 0: none. Pure; O(tables) at most. */
export function filterBitsOf(
  spec: TreeSpec,
  runs: PlannedRuns<PlannedTable>,
  place: FilterPlace,
  options: Pick<PlanOptions, 'compaction' | 'levelRatio' | 'baseLevelBytes'>,
): number {
  const {
    filterBitsPerKey = DEFAULT_FILTER_BITS,
    filterBits = 'uniform',
    lastLevelFilter = true,
  } = spec;
  if (!lastLevelFilter && place.isLast) return 0;
  if (filterBits === 'uniform' || filterBitsPerKey === 0) return filterBitsPerKey;
  const { heightOfTop, height } = heights(runs, place.level, options);
  return monkeyBits(filterBitsPerKey, {
    heightOfTop,
    levelRatio: options.levelRatio,
    hasLast: lastLevelFilter,
  })[height];
}

export interface MonkeyShape {
  /** Of L0 above the last level, in levels that hold data. */
  readonly heightOfTop: number;
  readonly levelRatio: number;
  /** Whether the last level has filters. */
  readonly hasLast: boolean;
}

/**
 * Bits per key by height above the last level, for the same number of bits in all as `bitsPerKey` on each
 * level that has filters. Never more than 24 a key.
 */
export function monkeyBits(bitsPerKey: number, shape: MonkeyShape): number[] {
  const { heightOfTop, levelRatio, hasLast } = shape;
  assert(levelRatio > 1, 'each level is larger than the one above');
  const step = Math.log(levelRatio) / LN2_SQUARED;
  const keys = Array.from({ length: heightOfTop + 1 }, (_, height) => levelRatio ** -height);
  if (!hasLast && heightOfTop > 0) keys[0] = 0;
  const budget = bitsPerKey * keys.reduce((sum, count) => sum + count, 0);
  // A level whose share would be negative gets none, and the others share what there is.
  for (let lowest = 0; ; lowest++) {
    let count = 0;
    let raised = 0;
    for (let height = lowest; height <= heightOfTop; height++) {
      count += keys[height];
      raised += keys[height] * height * step;
    }
    const base = count === 0 ? -1 : (budget - raised) / count;
    if (base + lowest * step <= 0 && lowest < heightOfTop) continue;
    return keys.map((_, height) =>
      height < lowest || (height === 0 && keys[0] === 0)
        ? 0
        : Math.min(BITS_MAX, Math.max(0, base + height * step)),
    );
  }
}

function heights(
  runs: PlannedRuns<PlannedTable>,
  level: number,
  options: Pick<PlanOptions, 'compaction' | 'levelRatio' | 'baseLevelBytes'>,
): { readonly heightOfTop: number; readonly height: number } {
  if (options.compaction === 'tiered') {
    const deepest = Math.max(1, level, ...runs.map((run) => run.level));
    return { heightOfTop: deepest, height: deepest - level };
  }
  const heightOfTop = LAST_LEVEL - baseLevel(levelTargets(levelBytes(runs), options)) + 1;
  return {
    heightOfTop,
    height: Math.min(heightOfTop, level === 0 ? LEVEL_COUNT : LAST_LEVEL - level),
  };
}
