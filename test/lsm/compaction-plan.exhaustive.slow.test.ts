/**
 * Every history of at most three writes to two keys, cut into runs in every way, on every choice of levels
 * that matters, under either style and with every set of at most two snapshots: plans, followed to their end,
 * change nothing that anybody may see, and a quiet end holds nothing that could go.
 */
import { expect, test } from 'vitest';
import { planCompaction, planQuietCompaction } from '../../src/lsm/compaction-plan.ts';
import type { CompactionPlan, PlanOptions } from '../../src/lsm/compaction-shape.ts';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { droppable } from '../../src/lsm/garbage.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { byEntryOrder, type Entry, naiveRead } from './array-cursor.ts';
import {
  cutTables,
  follow,
  type ModelRuns,
  type ModelTable,
  readRuns,
  TREE,
} from './model-tree.ts';

const KEYS = [0, 1];
const SEQUENCES = 3;
const NO_IDS = new Uint32Array(0);

const writes: ((lo: number, sequence: number) => Entry)[] = [
  (lo, sequence) => entry(lo, sequence, SET, encodeList(Uint32Array.of(0, sequence))),
  (lo, sequence) => entry(lo, sequence, MERGE, encodeEdges(Uint32Array.of(9 + sequence), NO_IDS)),
  (lo, sequence) => entry(lo, sequence, DELETE, new Uint8Array(0)),
];

function entry(lo: number, sequence: number, kind: Entry['kind'], value: Uint8Array): Entry {
  return { hi: 7, lo, sequence, kind, value };
}

/** Oldest first. */
function* histories(): Generator<Entry[]> {
  const choices = 1 + KEYS.length * writes.length;
  for (let code = 1; code < choices ** SEQUENCES; code++) {
    const entries: Entry[] = [];
    for (let sequence = 1, rest = code; sequence <= SEQUENCES; sequence++) {
      const choice = (rest % choices) - 1;
      rest = Math.floor(rest / choices);
      if (choice < 0) continue;
      entries.push(writes[choice % writes.length](Math.floor(choice / writes.length), sequence));
    }
    yield entries;
  }
}

/** Of the newest run first: as flushes, tiers and levels leave them. */
const levelChoices = [
  [0, 0, 0],
  [0, 0, 6],
  [0, 5, 6],
  [0, 6, 6],
  [4, 5, 6],
  [6, 6, 6],
];

const snapshotSets: number[][] = [[]];
for (let a = 1; a <= SEQUENCES; a++) {
  snapshotSets.push([a]);
  for (let b = a + 1; b <= SEQUENCES; b++) snapshotSets.push([a, b]);
}

/** Cut between sequences where `cuts` has a bit. */
function runsOf(history: readonly Entry[], cuts: number, levels: readonly number[]): ModelRuns {
  const groups: Entry[][] = [[]];
  for (const one of history) {
    if ((cuts & (1 << one.sequence)) !== 0 && groups[0].length > 0) groups.unshift([]);
    groups[0].push(one);
  }
  return groups.map((group, i) => ({
    level: levels[i + levels.length - groups.length],
    number: 90 - i,
    tables: cutTables(group.sort(byEntryOrder), 1, 1000 - 10 * i),
  }));
}

function viewOf(
  read: (lo: number, sequence: number) => Uint8Array | undefined,
  snapshots: readonly number[],
): string {
  return [...snapshots, SEQUENCES]
    .map((sequence) => KEYS.map((lo) => read(lo, sequence)?.join() ?? '-').join(' '))
    .join('|');
}

type Planner = (runs: ModelRuns, options: PlanOptions) => CompactionPlan<ModelTable> | undefined;

function expectUnchanged(
  start: ModelRuns,
  of: PlanOptions,
  planner: Planner,
  view: string,
): ModelRuns {
  let runs = start;
  for (let step = 0; ; step++) {
    const plan = planner(runs, of);
    if (plan === undefined) return runs;
    const { snapshots } = of;
    runs = follow(runs, plan, { snapshots, version: 2000 + step, keysPerTable: 1 });
    const seen = viewOf((lo, sequence) => readRuns(runs, 7, lo, sequence), snapshots);
    if (seen !== view || step > 20) expect({ start, of, runs, plan, step, seen }).toBe(view);
  }
}

const urgent: Planner = (runs, options) => planCompaction([[TREE, runs]], options);
const quiet: Planner = (runs, options) => planQuietCompaction([[TREE, runs]], options);

test('plans over every small tree keep every view', () => {
  const options = { levelRatio: 2, level0Tables: 2, baseLevelBytes: 30, tableBytes: 1 };
  for (const history of histories()) {
    for (const snapshots of snapshotSets) {
      const view = viewOf((lo, sequence) => naiveRead(history, 7, lo, sequence), snapshots);
      for (const cuts of [0b0000, 0b0100, 0b1000, 0b1100]) {
        for (const levels of levelChoices) {
          const start = runsOf(history, cuts, levels);
          for (const compaction of ['leveled', 'tiered'] as const) {
            const of: PlanOptions = { ...options, compaction, snapshots };
            expectUnchanged(start, of, urgent, view);
            const rest = expectUnchanged(start, of, quiet, view);
            if (rest.length > 1 || snapshots.length > 0) continue;
            for (const { meta } of rest.flatMap(({ tables }) => tables)) {
              if (droppable(meta, []) > 0) expect({ start, of, rest }).toBe('clean');
            }
          }
        }
      }
    }
  }
});
