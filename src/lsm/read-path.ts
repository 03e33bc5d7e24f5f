/**
 * Reads: a point read asks the memtables, then the runs of tables, newest first, until its fold is done;
 * a scan merges cursors over the same.
 */
import { assert } from '../base/assert.ts';
import type { EngineCore, SealedMemtable } from './engine-core.ts';
import type { Scan, ScanRange } from './engine-options.ts';
import type { PointFold } from './fold.ts';
import { MergingCursor } from './merging-cursor.ts';
import { ReadSources } from './read-sources.ts';
import { seekLevel, type TreeRuns } from './version.ts';
import { VisibleScan } from './visible-scan.ts';

/** The value of a key as `sequence` sees it, in bytes of its own; undefined when there is none. */
export function readValue(
  core: EngineCore,
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
): Uint8Array | undefined {
  return gather(core, tree, hi, lo, sequence).result();
}

/** As `readValue`, into bytes of the caller's: the length of the value, or -1. */
export function readValueInto(
  core: EngineCore,
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
  into: Uint8Array,
): number {
  return gather(core, tree, hi, lo, sequence).resultInto(into);
}

/** Whether a memtable has something of a key that `sequence` sees. */
export function isInMemtables(
  core: EngineCore,
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
): boolean {
  sequence = visible(core, sequence);
  if (core.active.memtable.has(tree, hi, lo, sequence)) return true;
  const { sealed } = core;
  for (let i = 0; i < sealed.length; i++) {
    if (sealed[i].shared.memtable.has(tree, hi, lo, sequence)) return true;
  }
  return false;
}

function gather(
  core: EngineCore,
  tree: number,
  hi: number,
  lo: number,
  sequence: number,
): PointFold {
  assert(hi >>> 0 === hi && lo >>> 0 === lo, 'a key is two u32');
  const { fold } = core.tree(tree);
  sequence = visible(core, sequence);
  fold.reset();
  if (!core.active.memtable.get(tree, hi, lo, sequence, fold)) {
    const { sealed } = core;
    if (sealed.length === 0 || !readSealed(sealed, tree, hi, lo, sequence, fold)) {
      readTables(core.versions.current.runs(tree), hi, lo, sequence, fold);
    }
  }
  return fold;
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

/** What is above the applied sequence is a part of a commit that is being made. */
function visible({ appliedSequence }: EngineCore, sequence: number): number {
  return sequence > appliedSequence ? appliedSequence : sequence;
}

/** Run by run, newest first; in each, one table at most may hold the key. */
function readTables(
  runs: TreeRuns,
  hi: number,
  lo: number,
  sequence: number,
  fold: PointFold,
): boolean {
  for (let r = 0; r < runs.length; r++) {
    const { tables } = runs[r];
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
  const { fromHi, fromLo, toHi, toLo } = range;
  assert(fromHi >>> 0 === fromHi && fromLo >>> 0 === fromLo, 'a range begins with two u32');
  assert(toHi >>> 0 === toHi && toLo >>> 0 === toLo, 'a range ends with two u32');
  const sequence = visible(core, range.sequence ?? core.appliedSequence);
  const { operator } = core.tree(tree);
  const sources = new ReadSources(core, tree, range);
  const { cursors } = sources;
  const source = cursors.length === 1 ? cursors[0] : new MergingCursor(cursors);
  const scan = new VisibleScan(source, { operator, sequence, fromHi, fromLo, toHi, toLo });
  return new EngineScan(scan, { sources, open: core.scans });
}

/** What a scan holds until it ends. */
interface Held {
  readonly sources: ReadSources;
  /** The set of open scans that it belongs to. */
  readonly open: EngineCore['scans'];
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
    const { sources, open } = this.#held;
    open.delete(this);
    sources.release();
  }
}
