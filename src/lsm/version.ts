/**
 * Which tables make up the trees at one moment. A version never changes: a checkpoint or a compaction
 * makes the next one. Whoever reads from it for longer than one call retains it, and its tables stay.
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

/** The tables of one tree by level: L0 newest first, the others by key, without overlap. */
export type TreeLevels = readonly (readonly TableFile[])[];

export interface VersionEdit {
  readonly added: readonly { readonly level: number; readonly table: TableFile }[];
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
  readonly levels: ReadonlyMap<number, TreeLevels>;
}

const NO_LEVELS: TreeLevels = Array.from({ length: LEVEL_COUNT }, () => []);

export class Version {
  readonly number: number;
  readonly logNumber: number;
  readonly sequence: number;
  readonly trees: readonly StoredTree[];
  readonly #levels: ReadonlyMap<number, TreeLevels>;
  readonly #onUnused: (table: TableFile) => void;
  #references = 1;

  /** The maker holds the first reference. `onUnused` gets tables that no version names any more. */
  constructor(state: VersionState, onUnused: (table: TableFile) => void) {
    this.number = state.number;
    this.logNumber = state.logNumber;
    this.sequence = state.sequence;
    this.trees = state.trees;
    this.#levels = state.levels;
    this.#onUnused = onUnused;
    for (const table of this.tables()) table.retain();
  }

  levels(tree: number): TreeLevels {
    return this.#levels.get(tree) ?? NO_LEVELS;
  }

  get treeIds(): number[] {
    return [...this.#levels.keys()].sort((a, b) => a - b);
  }

  /** All tables, by tree and level. */
  tables(): TableFile[] {
    return this.treeIds.flatMap((tree) => this.levels(tree).flat());
  }

  /** In the order of the version file. */
  placedTables(): PlacedTable[] {
    return this.treeIds.flatMap((tree) =>
      this.levels(tree).flatMap((tables, level) => tables.map(({ meta }) => ({ level, meta }))),
    );
  }

  /** What the next version says. */
  edited(edit: VersionEdit, number: number, trees: readonly StoredTree[]): VersionState {
    const touched = new Set<number>();
    for (const table of edit.removed) touched.add(table.meta.tree);
    for (const { table } of edit.added) touched.add(table.meta.tree);
    const levels = new Map(this.#levels);
    for (const tree of touched) {
      levels.set(
        tree,
        this.levels(tree).map((tables, level) => editLevel(tables, level, tree, edit)),
      );
    }
    return {
      number,
      trees,
      levels,
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

/** Puts tables where they belong; `CORRUPTION` was excluded when the version was decoded. */
export function placeTables(
  placed: readonly { readonly level: number; readonly table: TableFile }[],
): Map<number, TreeLevels> {
  const trees = new Map<number, TableFile[][]>();
  for (const { level, table } of placed) {
    const { tree } = table.meta;
    let levels = trees.get(tree);
    if (levels === undefined) {
      levels = Array.from({ length: LEVEL_COUNT }, () => []);
      trees.set(tree, levels);
    }
    levels[level].push(table);
  }
  return trees;
}

/** The first table of a sorted level whose largest key is not before (hi, lo); its length if none. */
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
export function coversKey(meta: TableMeta, hi: number, lo: number): boolean {
  return (
    compareKeys(meta.smallestHi, meta.smallestLo, hi, lo) <= 0 &&
    compareKeys(hi, lo, meta.largestHi, meta.largestLo) <= 0
  );
}

/** Whether some table of the tree, at `fromLevel` or deeper, may have an entry of the key. */
export function mayContainKey(
  levels: TreeLevels,
  fromLevel: number,
  hi: number,
  lo: number,
): boolean {
  for (let level = fromLevel; level < levels.length; level++) {
    const tables = levels[level];
    if (level === 0) {
      if (tables.some(({ meta }) => coversKey(meta, hi, lo))) return true;
      continue;
    }
    const i = seekLevel(tables, hi, lo);
    if (i < tables.length && coversKey(tables[i].meta, hi, lo)) return true;
  }
  return false;
}

function editLevel(
  tables: readonly TableFile[],
  level: number,
  tree: number,
  edit: VersionEdit,
): TableFile[] {
  const kept = tables.filter((table) => !edit.removed.has(table));
  for (const { level: target, table } of edit.added) {
    if (target === level && table.meta.tree === tree) kept.push(table);
  }
  kept.sort(level === 0 ? newestFirst : byKey);
  for (let i = 1; i < kept.length && level > 0; i++) {
    const before = kept[i - 1].meta;
    const { smallestHi, smallestLo } = kept[i].meta;
    assert(
      compareKeys(before.largestHi, before.largestLo, smallestHi, smallestLo) < 0,
      'tables of a level below L0 do not overlap',
    );
  }
  return kept;
}

function newestFirst(a: TableFile, b: TableFile): number {
  return b.meta.number - a.meta.number;
}

function byKey(a: TableFile, b: TableFile): number {
  return compareKeys(a.meta.smallestHi, a.meta.smallestLo, b.meta.smallestHi, b.meta.smallestLo);
}
