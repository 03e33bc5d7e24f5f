/** The index of a table finds what a look at every block finds, however its keys are spread. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seekTableIndex, type TableIndex } from '../../src/lsm/table-index.ts';

interface Key {
  readonly hi: number;
  readonly lo: number;
}

function indexOf(keys: readonly Key[]): TableIndex {
  const column = (of: (key: Key) => number) => Uint32Array.from(keys, of);
  const rest = new Uint32Array(keys.length);
  const [lastLo, lastHi] = [column(({ lo }) => lo), column(({ hi }) => hi)];
  return { blockCount: keys.length, lastLo, lastHi, unit: rest, length: rest, entryCount: rest };
}

/** Last keys of blocks: now dense, now equal (many versions of one key), now far apart. */
const lastKeys = fc
  .tuple(
    fc.array(fc.constantFrom(0, 0, 1, 7, 5000), { minLength: 1, maxLength: 80 }),
    fc.constantFrom(0, 0, 3),
  )
  .map(([steps, above]) => {
    let lo = 0;
    return steps.map((step, i) => {
      lo += step;
      return { hi: steps.length - i <= above ? 2 : 1, lo };
    });
  });

test('a seek finds the first block whose last key is not before the key', () => {
  fc.assert(
    fc.property(lastKeys, fc.array(fc.nat({ max: 90_000 }), { maxLength: 20 }), (keys, others) => {
      const index = indexOf(keys);
      const near = keys.flatMap(({ lo }) => [lo - 1, lo, lo + 1]).filter((lo) => lo >= 0);
      for (const hi of [0, 1, 2]) {
        for (const lo of [0, ...near, ...others]) {
          const found = keys.findIndex((key) => key.hi > hi || (key.hi === hi && key.lo >= lo));
          expect(seekTableIndex(index, hi, lo)).toBe(found < 0 ? keys.length : found);
        }
      }
    }),
    { numRuns: 60 },
  );
});
