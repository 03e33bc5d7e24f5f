/** The memtable against a sorted array: point reads, seeks and walks, while it grows. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SEQUENCE_MAX } from '../../src/lsm/entry.ts';
import { PointFold } from '../../src/lsm/fold.ts';
import { Memtable, TreeSlots } from '../../src/lsm/memtable.ts';
import { MemtableCursor } from '../../src/lsm/memtable-cursor.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { byEntryOrder, type Entry } from './array-cursor.ts';

const TREES = [3, 0, 255];
const half = fc.constantFrom(0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff);
const batches = fc.array(
  fc.array(
    fc.record({
      tree: fc.constantFrom(...TREES),
      hi: half,
      lo: fc.oneof(half, fc.nat(1000)),
      kind: fc.constantFrom(1 as const, 3 as const),
      size: fc.oneof({ weight: 4, arbitrary: fc.nat(50) }, { weight: 1, arbitrary: fc.nat(2000) }),
    }),
    { maxLength: 20 },
  ),
  { minLength: 1, maxLength: 20 },
);

test('a memtable behaves like a sorted array of entries', () => {
  fc.assert(
    fc.property(batches, half, fc.nat(), (list, lo, at) => {
      const memtable = new Memtable(new SharedArrayBuffer(20 * 20 * 2200), new TreeSlots(TREES));
      const model = new Map<number, Entry[]>(TREES.map((tree) => [tree, []]));
      const early = new MemtableCursor(memtable, TREES[0]);
      let sequence = 2 ** 32 - 20;
      for (const changes of list) {
        const batch = new WriteBatch();
        const first = sequence;
        for (const { tree, hi, lo, kind, size } of changes) {
          const value = new Uint8Array(kind === 1 ? size : 0).fill(sequence);
          if (kind === 1) batch.set(tree, hi, lo, value);
          else batch.delete(tree, hi, lo);
          model.get(tree)!.push({ hi, lo, sequence, kind, value });
          sequence++;
        }
        memtable.insert(batch.entryBytes(), batch.entryCount, first);
      }
      for (const [tree, entries] of model) {
        entries.sort(byEntryOrder);
        expect(memtable.entryCountOf(tree)).toBe(entries.length);
        expect(walk(new MemtableCursor(memtable, tree), 0, 0)).toEqual(entries);
        const limit = 2 ** 32 - 20 + (at % 60);
        expect(walk(new MemtableCursor(memtable, tree), 2, lo)).toEqual(
          entries.filter((entry) => entry.hi > 2 || (entry.hi === 2 && entry.lo >= lo)),
        );
        for (const bound of [SEQUENCE_MAX, limit]) expectReads(memtable, tree, entries, bound);
      }
      expect(walk(early, 0, 0)).toEqual(model.get(TREES[0]));
    }),
  );
});

function walk(cursor: MemtableCursor, hi: number, lo: number): Entry[] {
  const entries: Entry[] = [];
  for (cursor.seek(hi, lo); cursor.valid; cursor.next()) {
    const { hi, lo, sequence, kind } = cursor;
    entries.push({ hi, lo, sequence, kind, value: cursor.value().slice() });
  }
  return entries;
}

function expectReads(memtable: Memtable, tree: number, entries: Entry[], sequence: number): void {
  const fold = new PointFold(undefined);
  for (const { hi, lo } of [...entries, { hi: 5, lo: 5 }]) {
    fold.reset();
    const isFound = memtable.get(tree, hi, lo, sequence, fold);
    const newest = entries.find(
      (entry) => entry.hi === hi && entry.lo === lo && entry.sequence <= sequence,
    );
    expect(isFound).toBe(newest !== undefined);
    expect(fold.result()).toEqual(newest?.kind === 1 ? newest.value : undefined);
  }
}
