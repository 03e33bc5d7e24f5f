/** The rules of the engine over a sorted array: no files, no memtable, nothing to trust but the folds. */

import type {
  EngineIterator,
  IteratorOptions,
  Scan,
  ScanRange,
} from '../../../src/lsm/engine-options.ts';
import { DELETE, type EntryKind, MERGE, SEQUENCE_MAX, SET } from '../../../src/lsm/entry.ts';
import { FoldStream } from '../../../src/lsm/fold-stream.ts';
import type { EdgeBatch } from '../../../src/lsm/graph/graph-layout.ts';
import { adjacencyMerge } from '../../../src/lsm/merge-operators.ts';
import { VisibleScan } from '../../../src/lsm/visible-scan.ts';
import { ArrayCursor, byEntryOrder, type Entry } from '../array-cursor.ts';
import { ArrayIterator, type KeyedValue } from '../array-iterator.ts';
import type { LayoutEngine } from './layout.suite.ts';

export class ArrayEngine implements LayoutEngine {
  #entries: Entry[] = [];
  #sequence = 0;

  newBatch(): EdgeBatch & { readonly changes: Omit<Entry, 'sequence'>[] } {
    const changes: Omit<Entry, 'sequence'>[] = [];
    const add = (kind: EntryKind, hi: number, lo: number, value: Uint8Array): void => {
      changes.push({ hi, lo, kind, value: value.slice() });
    };
    return {
      changes,
      set: (_, hi, lo, value) => add(SET, hi, lo, value),
      merge: (_, hi, lo, operand) => add(MERGE, hi, lo, operand),
      delete: (_, hi, lo) => add(DELETE, hi, lo, new Uint8Array(0)),
    };
  }

  async commit(batch: ReturnType<ArrayEngine['newBatch']>): Promise<void> {
    for (const change of batch.changes) {
      this.#entries.push({ ...change, sequence: ++this.#sequence });
    }
    this.#entries.sort(byEntryOrder);
  }

  /** A compaction: of everything, or of the newer part. */
  async shake(step: number): Promise<void> {
    const above = step % 2 === 0 ? 0 : this.#sequence / 2;
    const below = this.#entries.filter((entry) => entry.sequence <= above);
    const stream = new FoldStream(
      new ArrayCursor(this.#entries.filter((entry) => entry.sequence > above)),
      {
        operator: adjacencyMerge,
        snapshots: [],
        mayExistBelow: (hi, lo) => below.some((entry) => entry.hi === hi && entry.lo === lo),
      },
    );
    const folded: Entry[] = [];
    for (stream.start(); stream.valid; stream.next()) {
      const { hi, lo, sequence, kind } = stream;
      folded.push({ hi, lo, sequence, kind, value: stream.value().slice() });
    }
    this.#entries = [...below, ...folded].sort(byEntryOrder);
  }

  get(tree: number, hi: number, lo: number, sequence?: number): Uint8Array | undefined {
    const scan = this.scan(tree, { fromHi: hi, fromLo: lo, toHi: hi, toLo: lo, sequence });
    return scan.next() ? scan.value.slice() : undefined;
  }

  getInto(tree: number, hi: number, lo: number, into: Uint8Array, sequence?: number): number {
    const value = this.get(tree, hi, lo, sequence);
    if (value !== undefined && value.length <= into.length) into.set(value);
    return value?.length ?? -1;
  }

  scan(_: number, range: ScanRange): Scan {
    const { sequence = SEQUENCE_MAX, ...bounds } = range;
    const options = { ...bounds, sequence, operator: adjacencyMerge };
    return new VisibleScan(new ArrayCursor(this.#entries), options);
  }

  iterator(tree: number, options: IteratorOptions = {}): EngineIterator {
    const all = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };
    const scan = this.scan(tree, { ...all, sequence: options.sequence });
    const entries: KeyedValue[] = [];
    while (scan.next()) entries.push({ hi: scan.hi, lo: scan.lo, value: scan.value.slice() });
    return new ArrayIterator(entries, options);
  }

  async close(): Promise<void> {}
}
