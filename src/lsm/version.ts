/**
 * Which tables make up the trees at one moment. A version never changes: a checkpoint or a compaction
 * makes the next one. Whoever reads from it for longer than one call retains it, and its tables stay.
 *
 * The tables of a tree lie in *runs*: sorted by key, without overlap, so that a key is in one table of a
 * run at most. A level holds any number of runs, ordered by their numbers: a flush adds one to L0, tiered
 * compaction one to the level that it writes to; leveled compaction writes into the one that is there. Of
 * one key, what an earlier run holds is newer than what any later run holds.
 */
import { assert } from '../base/assert.ts';
import { compareKeys } from './entry.ts';
import type { TableFile } from './table-file.ts';
import {
  LEVEL_COUNT,
  type PlacedTable,
  type StoredTree,
  type TableMeta,
} from './version-format.ts';

/** Tables that follow each other by key, without overlap. */
export interface Run<T = TableFile> {
  readonly level: number;
  /** Larger is newer, within a level: the number of the version that began it. */
  readonly number: number;
  readonly tables: readonly T[];
}

/** The runs of one tree, newest first: by level, then by descending number. None is empty. */
export type TreeRuns = readonly Run[];

export interface AddedTable {
  readonly level: number;
  readonly table: TableFile;
  /**
   * The run that the table joins. Default: a new one, the newest of its level, which all such tables of one
   * edit, tree and level share.
   */
  readonly run?: number | undefined;
}

export interface VersionEdit {
  readonly added: readonly AddedTable[];
  readonly removed: ReadonlySet<TableFile>;
  /** After a checkpoint: logs below it are not replayed any more. */
  readonly logNumber?: number | undefined;
  readonly sequence?: number | undefined;
}

export interface VersionState {
  readonly number: number;
  readonly logNumber: number;
  readonly sequence: number;
  readonly trees: readonly StoredTree[];
  /** By tree id. A tree without tables may be missing. */
  readonly runs: ReadonlyMap<number, TreeRuns>;
}

const NO_RUNS: TreeRuns = [];

export class Version {
  readonly number: number;
  readonly logNumber: number;
  readonly sequence: number;
  readonly trees: readonly StoredTree[];
  readonly #runs: ReadonlyMap<number, TreeRuns>;
  readonly #onUnused: (table: TableFile) => void;
  #references = 1;

  /** The maker holds the first reference. `onUnused` gets tables that no version names any more. */
  constructor(state: VersionState, onUnused: (table: TableFile) => void) {
    this.number = state.number;
    this.logNumber = state.logNumber;
    this.sequence = state.sequence;
    this.trees = state.trees;
    this.#runs = state.runs;
    this.#onUnused = onUnused;
    for (const table of this.tables()) table.retain();
  }

  runs(tree: number): TreeRuns {
    return this.#runs.get(tree) ?? NO_RUNS;
  }

  /** The tables of each level, of its newest run first. */
  levels(tree: number): TableFile[][] {
    const levels: TableFile[][] = Array.from({ length: LEVEL_COUNT }, () => []);
    for (const { level, tables } of this.runs(tree)) levels[level].push(...tables);
    return levels;
  }

  get treeIds(): number[] {
    return [...this.#runs.keys()].sort((a, b) => a - b);
  }

  /** All tables, by tree and run. */
  tables(): TableFile[] {
    return this.treeIds.flatMap((tree) => this.runs(tree).flatMap(({ tables }) => tables));
  }

  /** In the order of the version file. */
  placedTables(): PlacedTable[] {
    return this.treeIds.flatMap((tree) =>
      this.runs(tree).flatMap(({ level, number: run, tables }) =>
        tables.map(({ meta }) => ({ level, run, meta })),
      ),
    );
  }

  /** What the next version says. */
  edited(edit: VersionEdit, number: number, trees: readonly StoredTree[]): VersionState {
    const touched = new Set<number>();
    for (const table of edit.removed) touched.add(table.meta.tree);
    for (const { table } of edit.added) touched.add(table.meta.tree);
    const runs = new Map(this.#runs);
    for (const tree of touched) runs.set(tree, editRuns(this.runs(tree), tree, edit, number));
    return {
      number,
      trees,
      runs,
      logNumber: edit.logNumber ?? this.logNumber,
      sequence: edit.sequence ?? this.sequence,
    };
  }

  retain(): void {
    assert(this.#references > 0, 'a version that was given up is not taken again');
    this.#references++;
  }

  release(): void {
    assert(this.#references > 0, 'a version is released as often as it is retained');
    if (--this.#references > 0) return;
    for (const table of this.tables()) if (table.release()) this.#onUnused(table);
  }
}

/** Puts the tables of a decoded version into the runs that it names. */
export function placeTables(
  placed: readonly (AddedTable & { readonly run: number })[],
): Map<number, TreeRuns> {
  const byTree = new Map<number, (AddedTable & { readonly run: number })[]>();
  for (const one of placed) {
    const { tree } = one.table.meta;
    const others = byTree.get(tree);
    if (others === undefined) byTree.set(tree, [one]);
    else others.push(one);
  }
  return new Map([...byTree].map(([tree, tables]) => [tree, gatherRuns(tables)]));
}

/** The first table of a run whose largest key is not before (hi, lo); its length if none. */
export function seekLevel(tables: readonly TableFile[], hi: number, lo: number): number {
  let low = 0;
  let high = tables.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { largestHi, largestLo } = tables[middle].meta;
    if (largestHi < hi || (largestHi === hi && largestLo < lo)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the key lies between the table's smallest and largest one. */
function coversKey(meta: TableMeta, hi: number, lo: number): boolean {
  return (
    compareKeys(meta.smallestHi, meta.smallestLo, hi, lo) <= 0 &&
    compareKeys(hi, lo, meta.largestHi, meta.largestLo) <= 0
  );
}

/** Whether some table of these runs may have an entry of the key. O(runs × log tables), no file is read. */
export function mayContainKey(runs: TreeRuns, hi: number, lo: number): boolean {
  for (let r = 0; r < runs.length; r++) {
    const { tables } = runs[r];
    const i = seekLevel(tables, hi, lo);
    if (i < tables.length && coversKey(tables[i].meta, hi, lo)) return true;
  }
  return false;
}

function editRuns(runs: TreeRuns, tree: number, edit: VersionEdit, newRun: number): TreeRuns {
  const placed = runs.flatMap(({ level, number: run, tables }) =>
    tables.filter((table) => !edit.removed.has(table)).map((table) => ({ level, run, table })),
  );
  for (const { level, table, run = newRun } of edit.added) {
    if (table.meta.tree === tree) placed.push({ level, run, table });
  }
  return gatherRuns(placed);
}

function gatherRuns(placed: readonly (AddedTable & { readonly run: number })[]): TreeRuns {
  const runs = new Map<string, { level: number; number: number; tables: TableFile[] }>();
  for (const { level, run: number, table } of placed) {
    const name = `${level} ${number}`;
    const run = runs.get(name);
    if (run === undefined) runs.set(name, { level, number, tables: [table] });
    else run.tables.push(table);
  }
  for (const { tables } of runs.values()) {
    tables.sort(byKey);
    for (let i = 1; i < tables.length; i++) {
      const before = tables[i - 1].meta;
      const { smallestHi, smallestLo } = tables[i].meta;
      assert(
        compareKeys(before.largestHi, before.largestLo, smallestHi, smallestLo) < 0,
        'tables of a run do not overlap',
      );
    }
  }
  return [...runs.values()].sort((a, b) => a.level - b.level || b.number - a.number);
}

function byKey(a: TableFile, b: TableFile): number {
  return compareKeys(a.meta.smallestHi, a.meta.smallestLo, b.meta.smallestHi, b.meta.smallestLo);
}
