/**
 * Reads: a point read asks the memtables, then L0, newest first, then each level, until its fold is done;
 * a scan merges cursors over the same.
 */
import type { EntryCursor } from './cursor.ts';
import type { EngineCore, SealedMemtable } from './engine-core.ts';
import type { Scan, ScanRange } from './engine-options.ts';
import { compareKeys } from './entry.ts';
import type { PointFold } from './fold.ts';
import { LevelCursor } from './level-cursor.ts';
import { MemtableCursor } from './memtable-cursor.ts';
import { MergingCursor } from './merging-cursor.ts';
import type { SharedMemtable } from './shared-memtable.ts';
import type { TableFile } from './table-file.ts';
import { seekLevel, type TreeLevels, type Version } from './version.ts';
import { VisibleScan } from './visible-scan.ts';

/** The value of a key as `sequence` sees it, in bytes of its own; undefined when there is none. */
export function readValue(
  core: EngineCore,
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
): Uint8Array | undefined {
  const { fold } = core.tree(tree);
  fold.reset();
  if (!core.active.memtable.get(tree, hi, lo, sequence, fold)) {
    const { sealed } = core;
    if (sealed.length === 0 || !readSealed(sealed, tree, hi, lo, sequence, fold)) {
      readTables(core.versions.current.levels(tree), hi, lo, sequence, fold);
    }
  }
  return fold.result();
}

function readSealed(
  sealed: readonly SealedMemtable[],
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
  fold: PointFold,
): boolean {
  for (let i = 0; i < sealed.length; i++) {
    if (sealed[i].shared.memtable.get(tree, hi, lo, sequence, fold)) return true;
  }
  return false;
}

function readTables(
  levels: TreeLevels,
  hi: number,
  lo: number,
  sequence: number,
  fold: PointFold,
): boolean {
  const top = levels[0];
  for (let i = 0; i < top.length; i++) {
    const { smallestHi, smallestLo, largestHi, largestLo } = top[i].meta;
    if (smallestHi > hi || (smallestHi === hi && smallestLo > lo)) continue;
    if (largestHi < hi || (largestHi === hi && largestLo < lo)) continue;
    if (top[i].reader().get(hi, lo, sequence, fold)) return true;
  }
  for (let level = 1; level < levels.length; level++) {
    const tables = levels[level];
    if (tables.length === 0) continue;
    const i = seekLevel(tables, hi, lo);
    if (i === tables.length) continue;
    const { smallestHi, smallestLo } = tables[i].meta;
    if (smallestHi > hi || (smallestHi === hi && smallestLo > lo)) continue;
    if (tables[i].reader().get(hi, lo, sequence, fold)) return true;
  }
  return false;
}

/** The visible entries of a range. Holds memtables and tables until it is closed. */
export function openScan(core: EngineCore, tree: number, range: ScanRange): Scan {
  const { sequence = core.appliedSequence, fromHi, fromLo, toHi, toLo } = range;
  const { operator } = core.tree(tree);
  const memtables = [core.active, ...core.sealed.map(({ shared }) => shared)];
  const version = core.versions.current;
  for (const shared of memtables) shared.retain();
  version.retain();
  const sources: EntryCursor[] = memtables
    .filter(({ memtable }) => memtable === core.active.memtable || memtable.entryCountOf(tree) > 0)
    .map(({ memtable }) => new MemtableCursor(memtable, tree));
  try {
    for (const [level, tables] of version.levels(tree).entries()) {
      const touched = tables.filter((table) => isInRange(table, range));
      if (level === 0) {
        for (const table of touched) sources.push(table.reader().cursor());
      } else if (touched.length > 0) {
        sources.push(new LevelCursor(touched));
      }
    }
  } catch (error) {
    giveBack(memtables, version);
    throw error;
  }
  const source = sources.length === 1 ? sources[0] : new MergingCursor(sources);
  const scan = new VisibleScan(source, { operator, sequence, fromHi, fromLo, toHi, toLo });
  return new EngineScan(scan, { memtables, version, open: core.scans });
}

/** What a scan holds until it ends. */
interface Held {
  readonly memtables: readonly SharedMemtable[];
  readonly version: Version;
  /** The set of open scans that it belongs to. */
  readonly open: Set<Scan>;
}

class EngineScan implements Scan {
  readonly #scan: VisibleScan;
  readonly #held: Held;
  #isClosed = false;

  constructor(scan: VisibleScan, held: Held) {
    this.#scan = scan;
    this.#held = held;
    held.open.add(this);
  }

  get hi(): number {
    return this.#scan.hi;
  }

  get lo(): number {
    return this.#scan.lo;
  }

  get value(): Uint8Array {
    return this.#scan.value;
  }

  next(): boolean {
    if (this.#scan.next()) return true;
    this.close();
    return false;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#scan.close();
    const { memtables, version, open } = this.#held;
    open.delete(this);
    giveBack(memtables, version);
  }
}

function giveBack(memtables: readonly SharedMemtable[], version: Version): void {
  for (const shared of memtables) shared.release();
  version.release();
}

function isInRange({ meta }: TableFile, range: ScanRange): boolean {
  return (
    compareKeys(meta.smallestHi, meta.smallestLo, range.toHi, range.toLo) <= 0 &&
    compareKeys(range.fromHi, range.fromLo, meta.largestHi, meta.largestLo) <= 0
  );
}
