/** Sets of record numbers as bits in words of 32: free functions over `Uint32Array`s of equal length. */
import { type Random, seededRandom } from '../base/random.ts';

export type RecordSet = Uint32Array;

export function emptySet(records: number): RecordSet {
  return new Uint32Array((records + 31) >>> 5);
}

/** All record numbers below `records`. */
export function fullSet(records: number): RecordSet {
  const set = emptySet(records).fill(0xffffffff);
  if ((records & 31) !== 0) set[set.length - 1] = 2 ** (records & 31) - 1;
  return set;
}

export function hasRecord(set: RecordSet, record: number): boolean {
  return ((set[record >>> 5] >>> (record & 31)) & 1) === 1;
}

export function addRecord(set: RecordSet, record: number): void {
  set[record >>> 5] |= 1 << (record & 31);
}

export function countRecords(set: RecordSet): number {
  let count = 0;
  for (let i = 0; i < set.length; i++) {
    let word = set[i];
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/** Those in both; a new set. */
export function intersect(a: RecordSet, b: RecordSet): RecordSet {
  const set = new Uint32Array(a.length);
  for (let i = 0; i < set.length; i++) set[i] = a[i] & b[i];
  return set;
}

/** Those in either; a new set. */
export function unite(a: RecordSet, b: RecordSet): RecordSet {
  const set = new Uint32Array(a.length);
  for (let i = 0; i < set.length; i++) set[i] = a[i] | b[i];
  return set;
}

/** Those in the first and not in the second; a new set. */
export function subtract(a: RecordSet, b: RecordSet): RecordSet {
  const set = new Uint32Array(a.length);
  for (let i = 0; i < set.length; i++) set[i] = a[i] & ~b[i];
  return set;
}

/** Ascending. The set may change behind the record that was given last. */
export function* recordsOf(set: RecordSet): Generator<number, undefined> {
  for (let i = 0; i < set.length; i++) {
    for (let word = set[i]; word !== 0; word &= word - 1) {
      yield i * 32 + (31 - Math.clz32(word & -word));
    }
  }
}

/** One of each `size`-th part of the set, anywhere in it, or all; ascending. `count` is the size of the set. */
export function sampleRecords(set: RecordSet, count: number, size: number): Uint32Array {
  const sample = new Uint32Array(Math.min(count, size));
  const random = seededRandom(count);
  let rank = 0;
  let next = 0;
  let wanted = sampledRank(next, { count, size: sample.length, random });
  for (let i = 0; i < set.length && next < sample.length; i++) {
    for (let word = set[i]; word !== 0 && next < sample.length; word &= word - 1) {
      if (rank++ < wanted) continue;
      sample[next++] = i * 32 + (31 - Math.clz32(word & -word));
      wanted = sampledRank(next, { count, size: sample.length, random });
    }
  }
  return sample;
}

function sampledRank(
  index: number,
  of: { readonly count: number; readonly size: number; readonly random: Random },
): number {
  const from = Math.floor((index * of.count) / of.size);
  const to = Math.floor(((index + 1) * of.count) / of.size);
  return from + Math.floor(of.random() * (to - from));
}
