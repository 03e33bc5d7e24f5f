/** What a participant adds, in any order, is walked by key and found by seeking, as from a sorted array. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, DELETE, SET } from '../../src/lsm/entry.ts';
import { packEntries, packingEntries, TreeEntryCursor } from '../../src/lsm/tree-entry-cursor.ts';
import { ArrayCursor, collectEntries, type Entry } from './array-cursor.ts';

const half = fc.constantFrom(0, 1, 2, 0x80000000, 0xffffffff);
const added = fc.uniqueArray(
  fc.record({
    hi: half,
    lo: half,
    value: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
  }),
  { maxLength: 12, comparator: (a, b) => a.hi === b.hi && a.lo === b.lo },
);

test('packed entries are those that were given', () => {
  fc.assert(
    fc.property(added, half, half, (list, hi, lo) => {
      const expected = list
        .map(
          (each): Entry => ({
            hi: each.hi,
            lo: each.lo,
            sequence: 7,
            kind: each.value === undefined ? DELETE : SET,
            value: each.value ?? new Uint8Array(0),
          }),
        )
        .sort((a, b) => compareKeys(a.hi, a.lo, b.hi, b.lo));
      const given = list.map((each) => ({ tree: 1, ...each }));
      const cursor = new TreeEntryCursor(packEntries(given, 7));
      expect(cursor.valid).toBe(false);
      cursor.seekFirst();
      expect(collectEntries(cursor)).toEqual(expected);
      const model = new ArrayCursor(expected);
      for (const each of [cursor, model]) each.seek(hi, lo);
      expect(collectEntries(cursor)).toEqual(collectEntries(model));
      cursor.seekFirst();
      cursor.close();
      expect(cursor.valid).toBe(false);
    }),
  );
});

test('entries are packed slice by slice', () => {
  const entries = Array.from({ length: 50 }, (_, lo) => {
    const value = lo % 7 === 0 ? undefined : Uint8Array.of(lo);
    return { tree: 1, hi: 3, lo, value };
  });
  const { packed, work } = packingEntries(entries.toReversed(), 7);
  let slices = 1;
  while (!work(() => true)) slices++;
  expect(slices).toBe(50);
  expect(packed).toEqual(packEntries(entries, 7));
});
