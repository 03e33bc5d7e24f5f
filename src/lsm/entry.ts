/**
 * What one entry of a tree is: a key (two u32), a sequence number, a kind and a value.
 *
 * Entries are ordered by key ascending, then by sequence descending, so that the newest version of a
 * key comes first. No two entries of one tree have the same key and sequence.
 */

/** The value as it is from here on: everything older of the key is hidden. */
export const SET = 1;
/** An operand of the tree's merge operator, applied to what is older. */
export const MERGE = 2;
/** The key is gone: everything older of the key is hidden. */
export const DELETE = 3;

export type EntryKind = typeof SET | typeof MERGE | typeof DELETE;

/** The largest sequence number: reading at it sees everything. */
export const SEQUENCE_MAX: number = Number.MAX_SAFE_INTEGER;

/** Negative, zero or positive as key a is before, at or behind key b. */
export function compareKeys(hiA: number, loA: number, hiB: number, loB: number): number {
  return hiA !== hiB ? hiA - hiB : loA - loB;
}

/** Whether entry a comes strictly before entry b: by key ascending, then sequence descending. */
export function isEntryBefore(
  hiA: number,
  loA: number,
  sequenceA: number,
  hiB: number,
  loB: number,
  sequenceB: number,
): boolean {
  if (hiA !== hiB) return hiA < hiB;
  if (loA !== loB) return loA < loB;
  return sequenceA > sequenceB;
}
