/**
 * A tree whose tables are lists of entries, so that plans can be followed without an engine: what a plan
 * says is done with the fold of compaction, and reads go through the runs as those of the engine do.
 */
import { expect } from 'vitest';
import {
  bySmallestKey,
  type CompactionPlan,
  isBefore,
  overlap,
  type PlannedRun,
  type PlannedTable,
} from '../../src/lsm/compaction-shape.ts';
import { DELETE, MERGE } from '../../src/lsm/entry.ts';
import { PointFold } from '../../src/lsm/fold.ts';
import { FoldStream } from '../../src/lsm/fold-stream.ts';
import { adjacencyMerge } from '../../src/lsm/merge-operators.ts';
import { MergingCursor } from '../../src/lsm/merging-cursor.ts';
import { ArrayCursor, type Entry } from './array-cursor.ts';

export const TREE = 4;
const ENTRY_BYTES = 20;

export interface ModelTable extends PlannedTable {
  readonly entries: readonly Entry[];
}

export type ModelRuns = readonly PlannedRun<ModelTable>[];

/** Of sorted entries, at least one. */
export function modelTable(number: number, entries: readonly Entry[]): ModelTable {
  const first = entries[0];
  const last = entries[entries.length - 1];
  const sequences = entries.map(({ sequence }) => sequence);
  const meta = {
    number,
    tree: TREE,
    sizeBytes: entries.reduce((sum, { value }) => sum + ENTRY_BYTES + value.length, 0),
    entries: entries.length,
    smallestHi: first.hi,
    smallestLo: first.lo,
    largestHi: last.hi,
    largestLo: last.lo,
    smallestSequence: Math.min(...sequences),
    largestSequence: Math.max(...sequences),
    keys: new Set(entries.map(({ hi, lo }) => `${hi} ${lo}`)).size,
    merges: entries.filter(({ kind }) => kind === MERGE).length,
    deletes: entries.filter(({ kind }) => kind === DELETE).length,
  };
  return { meta, entries };
}

/** Cuts sorted entries into tables of `keys` keys each. */
export function cutTables(entries: readonly Entry[], keys: number, from: number): ModelTable[] {
  const tables: ModelTable[] = [];
  let open: Entry[] = [];
  let count = 0;
  for (const entry of entries) {
    const last = open.at(-1);
    const isNewKey = last === undefined || last.hi !== entry.hi || last.lo !== entry.lo;
    if (isNewKey && ++count > keys) {
      tables.push(modelTable(from + tables.length, open));
      open = [];
      count = 1;
    }
    open.push(entry);
  }
  if (open.length > 0) tables.push(modelTable(from + tables.length, open));
  return tables;
}

export interface Followed {
  readonly snapshots: readonly number[];
  /** Larger than all run numbers so far. */
  readonly version: number;
  readonly keysPerTable: number;
}

/** The runs after the plan, which must be one of these runs. */
export function follow(
  runs: ModelRuns,
  plan: CompactionPlan<ModelTable>,
  { snapshots, version, keysPerTable }: Followed,
): ModelRuns {
  const taken = new Set([...plan.inputs, ...plan.overlaps]);
  expect(taken.size).toBe(plan.inputs.length + plan.overlaps.length);
  const outputs = plan.isTrivial
    ? plan.inputs
    : cutTables(fold([...taken], plan, snapshots), keysPerTable, version * 1000);
  const kept = runs.map((run) => ({
    ...run,
    tables: run.tables.filter((table) => !taken.has(table)),
  }));
  const number = plan.outputRun ?? version;
  const isOutput = (run: PlannedRun<ModelTable>): boolean =>
    run.level === plan.outputLevel && run.number === number;
  const joined = kept.find(isOutput)?.tables ?? [];
  const output = { level: plan.outputLevel, number, tables: [...joined, ...outputs] };
  output.tables.sort(bySmallestKey);
  return [...kept.filter((run) => !isOutput(run)), output]
    .filter(({ tables }) => tables.length > 0)
    .sort((a, b) => a.level - b.level || b.number - a.number);
}

function fold(
  tables: readonly ModelTable[],
  { older }: CompactionPlan<ModelTable>,
  snapshots: readonly number[],
): Entry[] {
  const mayExistBelow = (hi: number, lo: number): boolean =>
    older.some((run) => run.tables.some(({ meta }) => covers(meta, hi, lo)));
  const source = new MergingCursor(tables.map(({ entries }) => new ArrayCursor(entries)));
  const stream = new FoldStream(source, { operator: adjacencyMerge, snapshots, mayExistBelow });
  const output: Entry[] = [];
  for (stream.start(); stream.valid; stream.next()) {
    const { hi, lo, sequence, kind } = stream;
    output.push({ hi, lo, sequence, kind, value: stream.value().slice() });
  }
  return output;
}

/** What `sequence` sees of a key, read as the engine reads. */
export function readRuns(
  runs: ModelRuns,
  hi: number,
  lo: number,
  sequence: number,
): Uint8Array | undefined {
  const result = new PointFold(adjacencyMerge);
  result.reset();
  for (const { tables } of runs) {
    const table = tables.find(({ meta }) => covers(meta, hi, lo));
    for (const entry of table?.entries ?? []) {
      if (entry.hi !== hi || entry.lo !== lo || entry.sequence > sequence) continue;
      if (result.add(entry.kind, entry.value, 0, entry.value.length)) return result.result();
    }
  }
  return result.result();
}

/** In their order, none empty, none with tables that overlap. */
export function expectSound(runs: ModelRuns): void {
  for (const [i, run] of runs.entries()) {
    expect(run.tables.length).toBeGreaterThan(0);
    const next = runs.at(i + 1);
    if (next !== undefined) {
      expect(run.level < next.level || run.number > next.number).toBe(true);
      expect(run.level).toBeLessThanOrEqual(next.level);
    }
    for (let t = 1; t < run.tables.length; t++) {
      expect(overlap(run.tables[t - 1].meta, run.tables[t].meta)).toBe(false);
    }
  }
}

function covers(meta: PlannedTable['meta'], hi: number, lo: number): boolean {
  const key = { smallestHi: hi, smallestLo: lo, largestHi: hi, largestLo: lo };
  return !isBefore(meta, hi, lo) && overlap(meta, key);
}
