/**
 * Sets of pairs of u32 as bytes: what an index keeps of one key, such as (rest of a value, record number).
 *
 *   set      varint count, then runs of pairs of equal `high`, ascending:
 *              varint high, less the one before less 1
 *              varint count of the run less 1
 *              varint low, then each low less the one before less 1
 *   operand  set of added pairs, set of removed pairs; no pair is in both
 *
 * Pairs are strictly ascending by (high, low), so a set has one encoding only. Varints are LEB128 of u32.
 */
import { assert } from '../base/assert.ts';
import { VARINT_SIZE_MAX, VarintReader, varintSize, writeVarint } from '../base/varint.ts';

/** The first `count` pairs are a set, strictly ascending. */
export interface PairSet {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly count: number;
}

/** Pairs added and removed; none is in both. */
export interface PairOperand {
  readonly added: PairSet;
  readonly removed: PairSet;
}

export const NO_PAIRS: PairSet = { high: new Uint32Array(0), low: new Uint32Array(0), count: 0 };

/** A run of one pair takes three numbers. */
const PAIR_SIZE_MAX = 3 * VARINT_SIZE_MAX;

export function encodePairs(set: PairSet): Uint8Array {
  const bytes = new Uint8Array(VARINT_SIZE_MAX + PAIR_SIZE_MAX * set.count);
  return bytes.slice(0, writePairs(bytes, 0, set));
}

export function encodePairOperand({ added, removed }: PairOperand): Uint8Array {
  const room = 2 * VARINT_SIZE_MAX + PAIR_SIZE_MAX * (added.count + removed.count);
  const bytes = new Uint8Array(room);
  return bytes.slice(0, writePairs(bytes, writePairs(bytes, 0, added), removed));
}

/** The number of pairs of an encoded set; looks at its head alone. -1 when malformed. */
export function pairCount(bytes: Uint8Array): number {
  return new VarintReader(bytes).next();
}

/** The pairs of an encoded set, or undefined when no encoder wrote the bytes. */
export function readPairs(bytes: Uint8Array): PairSet | undefined {
  const reader = new VarintReader(bytes);
  const set = nextPairs(reader);
  return reader.position === bytes.length ? set : undefined;
}

/** As `readPairs`, of an operand. */
export function readPairOperand(bytes: Uint8Array): PairOperand | undefined {
  const reader = new VarintReader(bytes);
  const added = nextPairs(reader);
  const removed = added && nextPairs(reader);
  if (added === undefined || removed === undefined) return undefined;
  if (reader.position !== bytes.length || haveCommonPair(added, removed)) return undefined;
  return { added, removed };
}

/** The pairs of `source` without those of `removed`, and those of `added`. May be an argument. */
export function applyPairs(source: PairSet, removed: PairSet, added: PairSet): PairSet {
  if (source.count === 0) return added;
  if (removed.count === 0 && added.count === 0) return source;
  const high = new Uint32Array(source.count + added.count);
  const low = new Uint32Array(high.length);
  return { high, low, count: applyInto({ source, removed, added }, high, low) };
}

function applyInto(
  { source, removed, added }: { source: PairSet; removed: PairSet; added: PairSet },
  high: Uint32Array,
  low: Uint32Array,
): number {
  let count = 0;
  let r = 0;
  let a = 0;
  for (let i = 0; i < source.count; i++) {
    const h = source.high[i];
    const l = source.low[i];
    while (a < added.count && isBelow(added, a, h, l)) {
      high[count] = added.high[a];
      low[count++] = added.low[a++];
    }
    while (r < removed.count && isBelow(removed, r, h, l)) r++;
    const isAdded = a < added.count && added.high[a] === h && added.low[a] === l;
    const isRemoved = r < removed.count && removed.high[r] === h && removed.low[r] === l;
    if (isAdded) a++;
    if (isRemoved && !isAdded) continue;
    high[count] = h;
    low[count++] = l;
  }
  while (a < added.count) {
    high[count] = added.high[a];
    low[count++] = added.low[a++];
  }
  return count;
}

function isBelow(set: PairSet, index: number, high: number, low: number): boolean {
  const h = set.high[index];
  return h < high || (h === high && set.low[index] < low);
}

function haveCommonPair(a: PairSet, b: PairSet): boolean {
  let i = 0;
  let j = 0;
  while (i < a.count && j < b.count) {
    if (isBelow(a, i, b.high[j], b.low[j])) i++;
    else if (isBelow(b, j, a.high[i], a.low[i])) j++;
    else return true;
  }
  return false;
}

function writePairs(target: Uint8Array, start: number, { high, low, count }: PairSet): number {
  let position = writeVarint(target, start, count);
  let expected = 0;
  for (let i = 0; i < count; ) {
    const h = high[i];
    let end = i + 1;
    while (end < count && high[end] === h) end++;
    assert(h >= expected, 'pairs of a set are strictly ascending');
    position = writeVarint(target, position, h - expected);
    position = writeVarint(target, position, end - i - 1);
    expected = h + 1;
    for (let next = 0; i < end; i++) {
      assert(low[i] >= next, 'pairs of a set are strictly ascending');
      position = writeVarint(target, position, low[i] - next);
      next = low[i] + 1;
    }
  }
  return position;
}

/** The set at the reader's position; undefined when malformed. */
function nextPairs(reader: VarintReader): PairSet | undefined {
  const count = nextShortest(reader);
  // A pair takes a byte at least.
  if (count < 0 || count > reader.bytes.length - reader.position) return undefined;
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  let expected = 0;
  for (let i = 0; i < count; ) {
    const delta = nextShortest(reader);
    const rest = nextShortest(reader);
    const h = expected + delta;
    if (delta < 0 || rest < 0 || h > 0xffffffff || rest >= count - i) return undefined;
    const end = i + rest + 1;
    high.fill(h, i, end);
    if (!readLows(reader, low, i, end)) return undefined;
    i = end;
    expected = h + 1;
  }
  return { high, low, count };
}

function readLows(reader: VarintReader, low: Uint32Array, from: number, to: number): boolean {
  let expected = 0;
  for (let i = from; i < to; i++) {
    const delta = nextShortest(reader);
    const value = expected + delta;
    if (delta < 0 || value > 0xffffffff) return false;
    low[i] = value;
    expected = value + 1;
  }
  return true;
}

/** Only the shortest form of a number is taken: a set has one encoding. */
function nextShortest(reader: VarintReader): number {
  const { bytes, position } = reader;
  if (position < bytes.length && bytes[position] < 0x80) {
    reader.position = position + 1;
    return bytes[position];
  }
  const value = reader.next();
  return value >= 0 && reader.position - position === varintSize(value) ? value : -1;
}
