/**
 * The planner over random shapes: every plan keeps newer entries above older ones, its result is a valid
 * version, and following the plans comes to an end with every level within its target.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CompactionPlan,
  level0Depth,
  levelTargets,
  type PlannedTable,
  planCompaction,
  planFullCompaction,
} from '../../src/lsm/compaction-plan.ts';
import { LEVEL_COUNT, type TableMeta } from '../../src/lsm/version-format.ts';

const options = { levelRatio: 3, level0Tables: 3, baseLevelBytes: 100 };
const TREE = 4;

function table(number: number, from: number, to: number, sizeBytes: number): PlannedTable {
  const meta: TableMeta = {
    number,
    tree: TREE,
    sizeBytes,
    entries: 1,
    smallestHi: from,
    smallestLo: 0,
    largestHi: to,
    largestLo: 0xffffffff,
    smallestSequence: 0,
    largestSequence: 0,
  };
  return { meta };
}

const range = fc.tuple(fc.nat(40), fc.nat(12), fc.integer({ min: 1, max: 300 }));

/** Levels below L0 get gaps between tables, of which each has its own size. */
const shape: fc.Arbitrary<PlannedTable[][]> = fc
  .tuple(
    fc.array(range, { maxLength: 12 }),
    fc.array(fc.array(range, { maxLength: 10 }), { minLength: 6, maxLength: 6 }),
  )
  .map(([top, lower]) => {
    let number = 100;
    const levels = [top.map(([from, width, size]) => table(number--, from, from + width, size))];
    for (const ranges of lower) {
      let position = 0;
      levels.push(
        ranges.map(([, width, size], i) => {
          const from = position + (i % 3);
          position = from + width + 1;
          return table(number--, from, from + width, size);
        }),
      );
    }
    return levels;
  });

function overlaps(a: PlannedTable, b: PlannedTable): boolean {
  return a.meta.smallestHi <= b.meta.largestHi && b.meta.smallestHi <= a.meta.largestHi;
}

/** Puts one table for all inputs where the plan says. */
function follow(levels: PlannedTable[][], plan: CompactionPlan<PlannedTable>): PlannedTable[][] {
  const taken = new Set([...plan.inputs, ...plan.overlaps]);
  const next = levels.map((tables) => tables.filter((one) => !taken.has(one)));
  const all = [...taken].map(({ meta }) => meta);
  const output = table(
    Math.min(...all.map(({ number }) => number)),
    Math.min(...all.map(({ smallestHi }) => smallestHi)),
    Math.max(...all.map(({ largestHi }) => largestHi)),
    all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  next[plan.outputLevel].push(output);
  next[plan.outputLevel].sort((a, b) => a.meta.smallestHi - b.meta.smallestHi);
  return next;
}

function expectSound(levels: PlannedTable[][], plan: CompactionPlan<PlannedTable>): void {
  expect(plan.inputs.length).toBeGreaterThan(0);
  expect(plan.outputLevel).toBeGreaterThan(plan.inputLevel);
  // Nothing older than an input stays above the output, over the same keys.
  const taken = new Set([...plan.inputs, ...plan.overlaps]);
  for (const input of plan.inputs) {
    const level = levels.findIndex((tables) => tables.includes(input));
    for (let below = level; below < plan.outputLevel; below++) {
      for (const other of levels[below]) {
        const isOlder = below > level || other.meta.number < input.meta.number;
        if (isOlder && overlaps(input, other)) expect(taken.has(other)).toBe(true);
      }
    }
  }
  if (plan.isTrivial) expect([plan.inputs.length, plan.overlaps.length]).toEqual([1, 0]);
  const next = follow(levels, plan)[plan.outputLevel];
  for (let i = 1; i < next.length; i++) expect(overlaps(next[i - 1], next[i])).toBe(false);
}

test('plans are sound, come to an end, and leave every level within its target', () => {
  fc.assert(
    fc.property(shape, (start) => {
      let levels = start;
      for (let count = 0; ; count++) {
        expect(count).toBeLessThan(300);
        const plan = planCompaction([[TREE, levels]], options);
        if (plan === undefined) break;
        expectSound(levels, plan);
        levels = follow(levels, plan);
      }
      const bytes = levels.map((tables) => tables.reduce((sum, t) => sum + t.meta.sizeBytes, 0));
      const targets = levelTargets(bytes, options);
      expect(level0Depth(levels[0])).toBeLessThan(options.level0Tables);
      for (let level = 1; level < LEVEL_COUNT; level++) {
        if (bytes[level] > 0) expect(bytes[level]).toBeLessThan(targets[level]);
      }
    }),
  );
});

test('a full compaction leaves one level, and then nothing to do', () => {
  fc.assert(
    fc.property(shape, (start) => {
      let levels = start;
      for (let count = 0; ; count++) {
        expect(count).toBeLessThan(3);
        const plan = planFullCompaction(TREE, levels, options);
        if (plan === undefined) break;
        expectSound(levels, plan);
        levels = follow(levels, plan);
      }
      expect(levels.filter((tables) => tables.length > 0).length).toBeLessThanOrEqual(1);
      expect(levels[0]).toEqual([]);
    }),
  );
});

test('the most urgent tree goes first', () => {
  const top = (count: number) => [
    Array.from({ length: count }, (_, i) => table(9 - i, 0, 1, 10)),
    ...Array.from({ length: LEVEL_COUNT - 1 }, () => []),
  ];
  const trees = [
    [1, top(4)],
    [2, top(6)],
    [3, top(2)],
  ] as const;
  expect(planCompaction(trees, options)).toMatchObject({ tree: 2, inputLevel: 0, outputLevel: 6 });
  expect(planCompaction([trees[2]], options)).toBeUndefined();
});
