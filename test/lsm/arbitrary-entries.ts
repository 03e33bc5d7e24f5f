/** Random sorted entries of one tree: few keys, long chains, canonical values. */
import fc from 'fast-check';
import { DELETE, MERGE, SET } from '../../src/lsm/entry.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { byEntryOrder, type Entry } from './array-cursor.ts';

/** Both halves of keys come from it, the borders of signed and unsigned included. */
export const keyHalf: fc.Arbitrary<number> = fc.constantFrom(
  0,
  1,
  2,
  0x7fffffff,
  0x80000000,
  0xffffffff,
);

/** Small ones, and both sides of where the high half begins. */
const sequence = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.integer({ min: 2 ** 32 - 30, max: 2 ** 32 + 30 }),
  fc.constant(Number.MAX_SAFE_INTEGER),
);

const ids = fc
  .uniqueArray(fc.nat(40), { maxLength: 10 })
  .map((list) => Uint32Array.from(list).sort());

const change = fc.oneof(
  ids.map((list) => ({ kind: SET, value: encodeList(list) }) as const),
  fc.tuple(ids, ids).map(
    ([added, all]) =>
      ({
        kind: MERGE,
        value: encodeEdges(
          added,
          all.filter((id) => !added.includes(id)),
        ),
      }) as const,
  ),
  fc.constant({ kind: DELETE, value: new Uint8Array(0) } as const),
);

const entry: fc.Arbitrary<Entry> = fc
  .record({ hi: keyHalf, lo: keyHalf, sequence, change })
  .map(({ change, ...key }) => ({ ...key, ...change }));

export const sortedEntries: fc.Arbitrary<Entry[]> = fc
  .uniqueArray(entry, {
    minLength: 1,
    maxLength: 120,
    selector: (e) => `${e.hi} ${e.lo} ${e.sequence}`,
  })
  .map((entries) => entries.sort(byEntryOrder));

/** Every key of the entries, and one more. */
export function keysOf(
  entries: readonly Entry[],
  hi: number,
  lo: number,
): { readonly hi: number; readonly lo: number }[] {
  const keys = new Map([...entries, { hi, lo }].map((e) => [`${e.hi} ${e.lo}`, e]));
  return [...keys.values()];
}
