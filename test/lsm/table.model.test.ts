/** A table against the entries that it was made of: point reads, cursors, properties, checks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockCache } from '../../src/lsm/block-cache.ts';
import { compareKeys, SEQUENCE_MAX, SET } from '../../src/lsm/entry.ts';
import { keyHalf, keysOf, sortedEntries } from './arbitrary-entries.ts';
import { collectEntries, naiveRead } from './array-cursor.ts';
import { buildTable, openTable, readKey } from './build-table.ts';

const options = fc.record({
  blockBytes: fc.constantFrom(64, 128, 512, 4096),
  codec: fc.constantFrom('none' as const, 'lz4' as const),
  filterBitsPerKey: fc.constantFrom(0, 1, 10, 0.5),
});

test('a table answers as the entries that were written to it', () => {
  fc.assert(
    fc.property(
      sortedEntries,
      options,
      keyHalf,
      keyHalf,
      fc.boolean(),
      (entries, o, hi, lo, fillCache) => {
        // Frames of 64 bytes, so that most blocks span several and the cache is always too small.
        const cache = new BlockCache({ bytes: 64 * 64, frameBytes: 64 });
        const reader = openTable(buildTable(entries, o).bytes, cache);
        for (const key of keysOf(entries, hi, lo)) {
          for (const sequence of [...new Set(entries.map((e) => e.sequence)), 0, SEQUENCE_MAX]) {
            expect(readKey(reader, key.hi, key.lo, sequence)).toEqual(
              naiveRead(entries, key.hi, key.lo, sequence),
            );
          }
        }
        const cursor = reader.cursor({ fillCache });
        expect(cursor.valid).toBe(false);
        cursor.seekFirst();
        expect(collectEntries(cursor)).toEqual(entries);
        cursor.seek(hi, lo);
        expect(collectEntries(cursor)).toEqual(
          entries.filter((e) => compareKeys(e.hi, e.lo, hi, lo) >= 0),
        );
        cursor.close();
        const problems: string[] = [];
        reader.check((what) => problems.push(what));
        expect(problems).toEqual([]);
        reader.close();
        expect(cache.stats()).toMatchObject({ usedBytes: 0, chargedBytes: 0 });
      },
    ),
    { numRuns: 60 },
  );
});

test('properties count what is in the table', () => {
  fc.assert(
    fc.property(sortedEntries, options, (entries, o) => {
      const { bytes, properties } = buildTable(entries, {
        ...o,
        level: 3,
        epoch: 9,
        layout: 'hybrid',
      });
      const sequences = entries.map((e) => e.sequence);
      const last = entries[entries.length - 1];
      expect(properties).toMatchObject({
        ...o,
        level: 3,
        epoch: 9,
        layout: 'hybrid',
        mergeOperator: 'adjacency',
        entries: entries.length,
        sets: entries.filter((e) => e.kind === 1).length,
        merges: entries.filter((e) => e.kind === 2).length,
        deletes: entries.filter((e) => e.kind === 3).length,
        keys: new Set(entries.map((e) => `${e.hi} ${e.lo}`)).size,
        smallestHi: entries[0].hi,
        smallestLo: entries[0].lo,
        largestHi: last.hi,
        largestLo: last.lo,
        smallestSequence: Math.min(...sequences),
        largestSequence: Math.max(...sequences),
      });
      const reader = openTable(bytes);
      expect(reader.properties).toEqual(properties);
      expect(reader.sizeBytes).toBe(bytes.length);
    }),
  );
});

test('a filter keeps reads of absent keys from the blocks', () => {
  const value = new Uint8Array(8);
  const entries = Array.from({ length: 2000 }, (_, i) => {
    return { hi: 1, lo: 2 * i, sequence: i + 1, kind: SET, value } as const;
  });
  const lookupsWith = (filterBitsPerKey: number): number => {
    const cache = new BlockCache({ bytes: 64 * 4096 });
    const reader = openTable(buildTable(entries, { filterBitsPerKey }).bytes, cache);
    for (let i = 0; i < 2000; i++) readKey(reader, 1, 2 * i + 1, SEQUENCE_MAX);
    const { hits, misses } = cache.stats();
    return hits + misses;
  };
  expect(lookupsWith(0)).toBe(1999);
  expect(lookupsWith(10)).toBeLessThan(60);
});
