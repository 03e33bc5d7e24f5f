/**
 * The planner over random trees, of whatever shape another style, an ingestion or a crash may leave: each
 * plan, followed, changes nothing that a reader or a snapshot sees, and following them comes to an end in the
 * shape that the style promises.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  planCompaction,
  planFullCompaction,
  planQuietCompaction,
} from '../../src/lsm/compaction-plan.ts';
import type { CompactionPlan, PlanOptions } from '../../src/lsm/compaction-shape.ts';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { droppable, garbageAbove, garbageAllowed, garbageWithin } from '../../src/lsm/garbage.ts';
import { level0Depth, levelBytes, levelTargets } from '../../src/lsm/leveled-plan.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { LEVEL_COUNT } from '../../src/lsm/version-format.ts';
import { byEntryOrder, type Entry, naiveRead } from './array-cursor.ts';
import {
  cutTables,
  expectSound,
  follow,
  type ModelRuns,
  type ModelTable,
  readRuns,
  TREE,
} from './model-tree.ts';

const KEYS = 7;
const STEPS_MAX = 400;
const NO_IDS = new Uint32Array(0);

interface Case {
  readonly history: readonly Entry[];
  readonly runs: ModelRuns;
  readonly options: PlanOptions;
}

const write = fc.record({
  lo: fc.nat(KEYS - 1),
  kind: fc.constantFrom(SET, MERGE, DELETE),
});

const kase: fc.Arbitrary<Case> = fc
  .record({
    writes: fc.array(write, { minLength: 1, maxLength: 60, size: 'max' }),
    cuts: fc.array(fc.nat(60), { maxLength: 12, size: 'max' }),
    // Many runs in few levels: the upper ones, and those where leveled data rests.
    levels: fc.array(fc.constantFrom(0, 0, 1, 1, 2, 3, 4, 5, 6, 6), {
      minLength: 13,
      maxLength: 13,
    }),
    keysPerTable: fc.integer({ min: 1, max: 4 }),
    snapshots: fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 2 }),
    compaction: fc.constantFrom('leveled' as const, 'tiered' as const),
    levelRatio: fc.integer({ min: 2, max: 4 }),
    level0Tables: fc.integer({ min: 1, max: 4 }),
    baseLevelBytes: fc.constantFrom(50, 200),
  })
  .map(({ writes, cuts, levels, keysPerTable, snapshots, ...options }) => {
    const history = writes.map(({ lo, kind }, i) => entryOf(lo, i + 1, kind));
    const sorted = [...new Set([0, ...cuts, history.length])].sort((a, b) => b - a);
    const depths = levels.slice(0, sorted.length).sort((a, b) => a - b);
    const runs: ModelRuns[number][] = [];
    for (let i = 1; i < sorted.length; i++) {
      const entries = history.slice(sorted[i], sorted[i - 1]).sort(byEntryOrder);
      if (entries.length === 0) continue;
      const number = 200 - i;
      const tables = cutTables(entries, keysPerTable, number * 100);
      runs.push({ level: depths[i - 1], number, tables });
    }
    const held = snapshots.filter((sequence) => sequence <= history.length);
    return {
      history,
      runs,
      options: { ...options, tableBytes: 30, snapshots: held.sort((a, b) => a - b) },
    };
  });

function entryOf(lo: number, sequence: number, kind: Entry['kind']): Entry {
  const ids = Uint32Array.of(sequence % 5, 100 + sequence);
  const removed = Uint32Array.of((sequence + 1) % 5);
  const value =
    kind === SET ? encodeList(ids) : kind === MERGE ? encodeEdges(ids, removed) : NO_IDS;
  return { hi: 7, lo, sequence, kind, value: new Uint8Array(value) };
}

/** What everybody who may look sees. */
function viewOf(read: (lo: number, sequence: number) => Uint8Array | undefined, of: Case): string {
  const sequences = [...of.options.snapshots, of.history.length];
  return sequences
    .map((sequence) =>
      Array.from({ length: KEYS }, (_, lo) => read(lo, sequence)?.join() ?? '-').join(' '),
    )
    .join('\n');
}

type Planner = (runs: ModelRuns) => CompactionPlan<ModelTable> | undefined;

/** Follows plans to their end, looking after each. */
function followAll(of: Case, plan: Planner): ModelRuns {
  const { history, options } = of;
  const { snapshots } = options;
  const expected = viewOf((lo, sequence) => naiveRead(history, 7, lo, sequence), of);
  let { runs } = of;
  for (let step = 0; ; step++) {
    expect(step).toBeLessThan(STEPS_MAX);
    const next = plan(runs);
    if (next === undefined) return runs;
    expect(next.inputs.length).toBeGreaterThan(0);
    runs = follow(runs, next, { snapshots, version: 1000 + step, keysPerTable: 3 });
    expectSound(runs);
    expect(viewOf((lo, sequence) => readRuns(runs, 7, lo, sequence), of)).toBe(expected);
  }
}

function expectShape(runs: ModelRuns, options: PlanOptions): void {
  expect(level0Depth(runs)).toBeLessThan(options.level0Tables);
  const counts = Array.from(
    { length: LEVEL_COUNT },
    (_, level) => runs.filter((run) => run.level === level).length,
  );
  if (options.compaction === 'tiered') {
    for (const count of counts.slice(1)) expect(count).toBeLessThan(options.levelRatio);
    return;
  }
  const bytes = levelBytes(runs);
  const targets = levelTargets(bytes, options);
  for (let level = 1; level < LEVEL_COUNT; level++) {
    expect(counts[level]).toBeLessThanOrEqual(1);
    if (bytes[level] > 0) expect(bytes[level]).toBeLessThan(targets[level]);
  }
}

test('urgent plans keep every reader’s view and end in the shape of the style', () => {
  fc.assert(
    fc.property(kase, (of) => {
      const runs = followAll(of, (at) => planCompaction([[TREE, at]], of.options));
      expectShape(runs, of.options);
      if (of.options.snapshots.length > 0 || runs.length === 0) return;
      for (const { meta } of runs[runs.length - 1].tables) {
        expect(droppable(meta, []) / meta.entries).toBeLessThan(0.25);
      }
      if (of.options.compaction === 'tiered') return;
      for (const { level, tables } of runs.slice(0, -1)) {
        if (level === 0) continue;
        for (const { meta } of tables) expect(meta.deletes / meta.entries).toBeLessThan(0.5);
      }
    }),
    { numRuns: 400 },
  );
});

test('a quiet engine comes to rest with little garbage, whatever snapshots hold', () => {
  fc.assert(
    fc.property(kase, (of) => {
      const runs = followAll(of, (at) => planQuietCompaction([[TREE, at]], of.options));
      expectShape(runs, of.options);
      if (runs.length === 0) return;
      const { snapshots, tableBytes } = of.options;
      const garbage = garbageAbove(runs) + garbageWithin(runs, snapshots);
      expect(garbage).toBeLessThanOrEqual(garbageAllowed(runs, tableBytes));
    }),
    { numRuns: 400 },
  );
});

test('a full compaction leaves one run, clean unless a snapshot holds something', () => {
  fc.assert(
    fc.property(kase, (of) => {
      const runs = followAll(of, (at) => planFullCompactionAfterAll(at, of.options));
      expect(runs.length).toBeLessThanOrEqual(1);
      const tables = runs.flatMap((run) => run.tables);
      for (const { meta } of tables) expect(droppable(meta, of.options.snapshots)).toBe(0);
    }),
    { numRuns: 300 },
  );
});

/** As the engine does: what is urgent first. */
function planFullCompactionAfterAll(
  runs: ModelRuns,
  options: PlanOptions,
): CompactionPlan<ModelTable> | undefined {
  return planCompaction([[TREE, runs]], options) ?? planFullCompaction(TREE, runs, options);
}

test('everything deleted gives its space back, in either style', () => {
  for (const compaction of ['leveled', 'tiered'] as const) {
    const data = Array.from({ length: KEYS }, (_, lo) => entryOf(lo, lo + 1, SET));
    const deletes = Array.from({ length: KEYS }, (_, lo) => entryOf(lo, KEYS + lo + 1, DELETE));
    const history = [...data, ...deletes];
    const options: PlanOptions = {
      compaction,
      levelRatio: 4,
      level0Tables: 4,
      baseLevelBytes: 50,
      tableBytes: 30,
      snapshots: [],
    };
    const runs = [
      { level: 0, number: 9, tables: cutTables(deletes, 100, 9) },
      { level: 6, number: 3, tables: cutTables(data, 3, 3) },
    ];
    const of: Case = { history, runs, options };
    expect(followAll(of, (at) => planQuietCompaction([[TREE, at]], options))).toEqual([]);
    // A snapshot holds all of it, and nothing is written again and again for its sake.
    const held: Case = { ...of, options: { ...options, snapshots: [KEYS] } };
    const kept = followAll(held, (at) => planQuietCompaction([[TREE, at]], held.options));
    expect(kept.length).toBe(1);
    const freed: Case = { ...of, runs: kept };
    expect(followAll(freed, (at) => planCompaction([[TREE, at]], options))).toEqual([]);
  }
});

/** Sizes ask for nothing: every level has room. */
const roomy = { level0Tables: 100, baseLevelBytes: 1, tableBytes: 30, snapshots: [] };

test('chains of operands over too many runs are folded although sizes are small', () => {
  const base = {
    ...entryOf(1, 1, SET),
    value: encodeList(Uint32Array.from({ length: 4000 }, (_, id) => id)),
  };
  const history = [base, ...Array.from({ length: 9 }, (_, i) => entryOf(1, i + 2, MERGE))];
  // Four runs of L0, and one a level.
  const runs = [...history].reverse().map((entry, i) => ({
    level: Math.max(0, i - 3),
    number: 50 - i,
    tables: cutTables([entry], 1, 50 - i),
  }));
  for (const [compaction, levelRatio] of [
    ['leveled', 2],
    ['tiered', 100],
  ] as const) {
    const options: PlanOptions = { ...roomy, compaction, levelRatio };
    const plan = planCompaction([[TREE, runs]], options);
    expect(plan?.reason).toBe('chains');
    // With one operand less it is no chain.
    expect(planCompaction([[TREE, runs.slice(1)]], options)).toBeUndefined();
    const folded = followAll({ history, runs, options }, (at) =>
      planCompaction([[TREE, at]], options),
    );
    expect(folded.length).toBeLessThan(runs.length);
  }
});

test('runs that are merged among tiers stay below newer ones of their level', () => {
  const ids = Uint32Array.from({ length: 4000 }, (_, id) => id);
  const base = { ...entryOf(1, 1, SET), value: encodeList(ids) };
  const operands = Array.from({ length: 9 }, (_, i) => entryOf(1, i + 2, MERGE));
  const history = [base, ...operands, entryOf(1, 11, SET)];
  const runs = [...history].reverse().map((entry, i) => ({
    level: entry === base ? 6 : 1,
    number: 50 - i,
    tables: cutTables([entry], 1, 50 - i),
  }));
  const options: PlanOptions = { ...roomy, compaction: 'tiered', levelRatio: 100 };
  const folded = followAll({ history, runs, options }, (at) =>
    planCompaction([[TREE, at]], options),
  );
  expect(folded.map(({ level }) => level)).toEqual([1, 1, 6]);
});

test('a tombstone counts for as much as it hides', () => {
  const data = Array.from({ length: KEYS }, (_, lo) => ({
    ...entryOf(lo, lo + 1, SET),
    value: encodeList(Uint32Array.from({ length: 200 }, (_, id) => id)),
  }));
  const deletes = [1, 4].map((lo) => entryOf(lo, KEYS + lo, DELETE));
  for (const compaction of ['leveled', 'tiered'] as const) {
    const options: PlanOptions = { ...roomy, compaction, levelRatio: 10 };
    const runs = [
      { level: 0, number: 9, tables: cutTables(deletes, 100, 9) },
      { level: 6, number: 3, tables: cutTables(data, 3, 3) },
    ];
    expect(planCompaction([[TREE, runs]], options)).toBeUndefined();
    expect(planQuietCompaction([[TREE, runs]], options)?.reason).toBe('space');
    const updated = deletes.map((one) => ({ ...one, kind: SET }) as const);
    const few = [{ level: 0, number: 9, tables: cutTables(updated, 100, 9) }, runs[1]];
    expect(planQuietCompaction([[TREE, few]], options)).toBeUndefined();
  }
});

test('keys that ascend go down from L0 without being written again', () => {
  const history = Array.from({ length: KEYS }, (_, lo) => entryOf(lo, lo + 1, SET));
  for (const compaction of ['leveled', 'tiered'] as const) {
    const options: PlanOptions = {
      compaction,
      levelRatio: 4,
      level0Tables: 2,
      baseLevelBytes: 1000,
      tableBytes: 1000,
      snapshots: [],
    };
    const runs = [1, 0].map((i) => ({
      level: 0,
      number: 10 + i,
      tables: cutTables(history.slice(7 * i, 7 * i + 7), 3, 10 * i),
    }));
    const trivial: boolean[] = [];
    followAll({ history, runs, options }, (at) => {
      const plan = planCompaction([[TREE, at]], options);
      if (plan !== undefined) trivial.push(plan.isTrivial);
      return plan;
    });
    expect(trivial.length).toBeGreaterThan(0);
    expect(trivial).not.toContain(false);
  }
});

test('the most urgent tree goes first', () => {
  const options: PlanOptions = {
    compaction: 'leveled',
    levelRatio: 3,
    level0Tables: 3,
    baseLevelBytes: 100,
    tableBytes: 100,
    snapshots: [],
  };
  const top = (count: number): ModelRuns =>
    Array.from({ length: count }, (_, i) => ({
      level: 0,
      number: 9 - i,
      tables: cutTables([entryOf(1, 9 - i, SET)], 1, 9 - i),
    }));
  const trees = [
    [1, top(4)],
    [2, top(6)],
    [3, top(2)],
  ] as const;
  const plan = { tree: 2, inputLevel: 0, outputLevel: 6, reason: 'depth' };
  expect(planCompaction(trees, options)).toMatchObject(plan);
  expect(planCompaction([trees[2]], options)).toBeUndefined();
});
