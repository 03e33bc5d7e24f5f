/** Entries dealt to several sources come out as one sorted run. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, SET } from '../../src/lsm/entry.ts';
import { MergingCursor } from '../../src/lsm/merging-cursor.ts';
import { ArrayCursor, byEntryOrder, collectEntries, type Entry } from './array-cursor.ts';

const key = fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff);
const dealt = fc.record({ hi: key, lo: key, source: fc.nat(4) });

test('a merged run is the sorted union of its sources', () => {
  fc.assert(
    fc.property(fc.array(dealt, { maxLength: 40 }), key, key, (list, hi, lo) => {
      const sources: Entry[][] = [[], [], [], [], []];
      const all = list.map(({ hi, lo, source }, i) => {
        const sequence = i * 0x40000000;
        const entry = { hi, lo, sequence, kind: SET, value: Uint8Array.of(i) } as const;
        sources[source].push(entry);
        return entry;
      });
      all.sort(byEntryOrder);
      const cursors = sources.map((entries) => new ArrayCursor(entries.sort(byEntryOrder)));
      const merged = new MergingCursor(cursors);

      merged.seekFirst();
      expect(collectEntries(merged)).toEqual(all);
      merged.seek(hi, lo);
      expect(collectEntries(merged)).toEqual(
        all.filter((entry) => compareKeys(entry.hi, entry.lo, hi, lo) >= 0),
      );
      merged.close();
      expect(merged.valid).toBe(false);
      expect(cursors.every((cursor) => cursor.isClosed)).toBe(true);
    }),
  );
});
