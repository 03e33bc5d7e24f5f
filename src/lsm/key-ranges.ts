/**
 * Where entries may be, as plain numbers: the smallest and the largest key of each table, run by run. Small
 * enough to be sent to another thread, and enough to tell that a key is in none of the tables.
 */
import { compareKeys } from './entry.ts';
import type { TableMeta } from './version-format.ts';

/** Of each run, in key order, four numbers a table: smallest hi, lo, largest hi, lo. */
export type KeyRanges = readonly Uint32Array[];

const RANGE_WORDS = 4;

export function keyRangesOf(
  runs: readonly { readonly tables: readonly { readonly meta: TableMeta }[] }[],
): KeyRanges {
  return runs.map(({ tables }) => {
    const words = new Uint32Array(RANGE_WORDS * tables.length);
    for (let i = 0; i < tables.length; i++) {
      const { smallestHi, smallestLo, largestHi, largestLo } = tables[i].meta;
      words.set([smallestHi, smallestLo, largestHi, largestLo], RANGE_WORDS * i);
    }
    return words;
  });
}

/** Whether the key lies within the range of some table. O(runs × log tables). */
export function isInRanges(runs: KeyRanges, hi: number, lo: number): boolean {
  for (let r = 0; r < runs.length; r++) if (isInRun(runs[r], hi, lo)) return true;
  return false;
}

function isInRun(words: Uint32Array, hi: number, lo: number): boolean {
  let low = 0;
  let high = words.length / RANGE_WORDS;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = RANGE_WORDS * middle;
    if (compareKeys(words[at + 2], words[at + 3], hi, lo) < 0) low = middle + 1;
    else high = middle;
  }
  const at = RANGE_WORDS * low;
  return at < words.length && compareKeys(words[at], words[at + 1], hi, lo) <= 0;
}
