/** Reads entries of the tree `fields`: which records have a value whose code lies in a range. */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { type PairSet, pairCount, readPairs } from '../lsm/pair-set.ts';
import { fieldHi } from './index-changes.ts';
import { type Code, compareCodes } from './index-code.ts';

/** A key costs half a microsecond. */
const GUESS_KEYS_MAX = 1000;

/** Which entries: those of one field with codes from `from` to `to`, both inclusive. */
export interface CodeRange {
  readonly engine: LsmEngine;
  readonly tree: number;
  readonly collection: number;
  readonly number: number;
  readonly from: Code;
  readonly to: Code;
  readonly sequence: number;
}

/** Entries of one key: those of `pairs` from index `start` to before `end`. */
export interface CodeSlice {
  /** The top 16 bits of the codes. */
  readonly prefix: number;
  /** The upper 16 bits of the record numbers, in place. */
  readonly chunk: number;
  readonly pairs: PairSet;
  readonly start: number;
  readonly end: number;
}

/**
 * The entries of a range, in pieces of up to 65,536 records, by (top bits of the code, chunk of the record, code).
 * The caller may pause between pieces, on a snapshot; it ends the generator.
 */
export function* codeSlices(range: CodeRange): Generator<CodeSlice, undefined> {
  const { from, to } = range;
  assert(compareCodes(from, to) <= 0, 'a range of codes goes upwards');
  const scan = openScan(range);
  try {
    while (scan.next()) {
      const pairs = readPairs(scan.value);
      if (pairs === undefined) throw damaged();
      const prefix = scan.lo >>> 16;
      const chunk = (scan.lo << 16) >>> 0;
      const start = prefix === from.high >>> 16 ? lowerBound(pairs, from) : 0;
      const end = prefix === to.high >>> 16 ? upperBound(pairs, to) : pairs.count;
      if (start < end) yield { prefix, chunk, pairs, start, end };
    }
  } finally {
    scan.close();
  }
}

/**
 * At least as many as there are entries in the range, as a guess: what their keys hold, and `beyond` where there
 * are more keys than are worth a look. Reads no list.
 */
export function guessCount(range: CodeRange, beyond: number): number {
  const scan = openScan(range);
  let count = 0;
  try {
    for (let keys = 0; scan.next(); keys++) {
      if (keys === GUESS_KEYS_MAX) return count + beyond;
      const pairs = pairCount(scan.value);
      if (pairs < 0) throw damaged();
      count += pairs;
    }
  } finally {
    scan.close();
  }
  return count;
}

function openScan({ engine, tree, collection, number, from, to, sequence }: CodeRange) {
  const hi = fieldHi(collection, number);
  const fromLo = (from.high & 0xffff0000) >>> 0;
  const toLo = (to.high | 0xffff) >>> 0;
  return engine.scan(tree, { fromHi: hi, toHi: hi, fromLo, toLo, sequence });
}

/** The code of an entry. */
export function codeAt({ prefix, pairs }: CodeSlice, index: number): Code {
  const high = ((prefix << 16) | (pairs.high[index] >>> 16)) >>> 0;
  return { high, low: ((pairs.high[index] << 16) | (pairs.low[index] >>> 16)) >>> 0 };
}

/** The record of an entry. */
export function recordAt({ chunk, pairs }: CodeSlice, index: number): number {
  return (chunk | (pairs.low[index] & 0xffff)) >>> 0;
}

/** Index of the first pair whose code, of a common prefix, is not below `code`. */
function lowerBound(pairs: PairSet, code: Code): number {
  const high = ((code.high << 16) | (code.low >>> 16)) >>> 0;
  const low = (code.low << 16) >>> 0;
  let from = 0;
  let to = pairs.count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const h = pairs.high[middle];
    if (h < high || (h === high && pairs.low[middle] < low)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Index of the first pair whose code, of a common prefix, is above `code`. */
function upperBound(pairs: PairSet, code: Code): number {
  const high = ((code.high << 16) | (code.low >>> 16)) >>> 0;
  const low = ((code.low << 16) | 0xffff) >>> 0;
  let from = 0;
  let to = pairs.count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const h = pairs.high[middle];
    if (h < high || (h === high && pairs.low[middle] <= low)) from = middle + 1;
    else to = middle;
  }
  return from;
}

function damaged(): CorruptionError {
  return new CorruptionError('a list of records is malformed', { file: 'tree fields', offset: 0 });
}
