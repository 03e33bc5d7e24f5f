/**
 * A run of entries in columns, read in place. All integers are little-endian.
 *
 *   offset  size        field
 *        0     4        count            at least 1
 *        4     4        flags            bit 0: keyHi is a column; bit 1: sequenceHigh is a column
 *        8     4        keyHi            of all entries, when it is not a column, else 0
 *       12     4        sequenceHigh     of all entries, when it is not a column, else 0
 *       16     4·count  keyLo
 *              4·count  keyHi            only with flag bit 0
 *              4·count  sequenceLow
 *              4·count  sequenceHigh     only with flag bit 1; sequence = high · 2^32 + low < 2^53
 *              4·count  valueEnd         ends of the values, from the start of the first; the last is their size
 *              count    kind             1 SET, 2 MERGE, 3 DELETE
 *              …        values, without gaps, to the end of the block
 *
 * Entries are in entry order. A block starts at a multiple of 8, in the file and in memory.
 */
import { type EntryKind, isEntryBefore } from './entry.ts';

export const BLOCK_HEADER_SIZE = 16;
/** What an entry takes besides its value: keyLo, sequenceLow, valueEnd and kind. */
export const BLOCK_ENTRY_SIZE = 13;
export const FLAG_KEY_HI_COLUMN = 1;
export const FLAG_SEQUENCE_HIGH_COLUMN = 2;

const SEQUENCE_HIGH_END = 2 ** 21;
const TWO_32 = 2 ** 32;

/**
 * Where the columns of one block lie. Column positions are indexes into `u32`; `kinds` and `values` are
 * positions in `u8`. Both arrays cover the same memory. Written by `openBlock` and the cache only.
 */
export class Block {
  u8: Uint8Array;
  u32: Uint32Array;
  /** Position of the block in `u8`, a multiple of 8. */
  start: number;
  count = 0;
  keyLo = 0;
  /** 0: no column, all are `constantHi`. */
  keyHi = 0;
  constantHi = 0;
  sequenceLow = 0;
  /** 0: no column, all are `constantSequenceHigh`. */
  sequenceHigh = 0;
  constantSequenceHigh = 0;
  valueEnd = 0;
  kinds = 0;
  values = 0;
  /** Users that the bytes must stay in place for. */
  pins = 0;
  /** Used since the cache's hand last passed. */
  isReferenced = false;
  /** The cache owns the memory. */
  isCached = false;

  constructor(u8: Uint8Array, u32: Uint32Array, start: number) {
    this.u8 = u8;
    this.u32 = u32;
    this.start = start;
  }
}

/** A block over memory of its own, with room for `length` bytes. */
export function allocateBlock(length: number): Block {
  const buffer = new ArrayBuffer(Math.ceil(length / 8) * 8);
  return new Block(new Uint8Array(buffer), new Uint32Array(buffer), 0);
}

/**
 * Finds the columns of the `length` bytes at `block.start` and checks everything that readers rely on, so
 * that no later access leaves the block. Returns what is wrong, or undefined.
 */
export function openBlock(block: Block, length: number): string | undefined {
  const { u8, u32, start } = block;
  if (length < BLOCK_HEADER_SIZE) return 'block shorter than its header';
  const head = start >>> 2;
  const count = u32[head];
  const flags = u32[head + 1];
  if (count === 0 || count > length / BLOCK_ENTRY_SIZE) return 'impossible entry count';
  if (flags > (FLAG_KEY_HI_COLUMN | FLAG_SEQUENCE_HIGH_COLUMN)) return 'unknown block flags';

  let column = head + 4;
  block.count = count;
  block.keyLo = column;
  column += count;
  block.keyHi = (flags & FLAG_KEY_HI_COLUMN) !== 0 ? column : 0;
  if (block.keyHi !== 0) column += count;
  block.constantHi = u32[head + 2];
  block.sequenceLow = column;
  column += count;
  block.sequenceHigh = (flags & FLAG_SEQUENCE_HIGH_COLUMN) !== 0 ? column : 0;
  if (block.sequenceHigh !== 0) column += count;
  block.constantSequenceHigh = u32[head + 3];
  block.valueEnd = column;
  block.kinds = (column + count) * 4;
  block.values = block.kinds + count;
  const valuesSize = start + length - block.values;
  if (valuesSize < 0) return 'columns longer than the block';
  return checkColumns(block, u8, u32, valuesSize);
}

function checkColumns(
  block: Block,
  u8: Uint8Array,
  u32: Uint32Array,
  valuesSize: number,
): string | undefined {
  const { count, kinds, valueEnd } = block;
  let end = 0;
  for (let i = 0; i < count; i++) {
    const next = u32[valueEnd + i];
    if (next < end) return 'value ends before it starts';
    end = next;
    const kind = u8[kinds + i];
    if (kind < 1 || kind > 3) return 'unknown entry kind';
    const high =
      block.sequenceHigh === 0 ? block.constantSequenceHigh : u32[block.sequenceHigh + i];
    if (high >= SEQUENCE_HIGH_END) return 'impossible sequence number';
    if (i > 0 && !isOrdered(block, i)) return 'entries out of order';
  }
  return end === valuesSize ? undefined : 'values do not fill the block';
}

function isOrdered(block: Block, index: number): boolean {
  const before = index - 1;
  return isEntryBefore(
    blockHi(block, before),
    block.u32[block.keyLo + before],
    blockSequence(block, before),
    blockHi(block, index),
    block.u32[block.keyLo + index],
    blockSequence(block, index),
  );
}

export function blockHi(block: Block, index: number): number {
  return block.keyHi === 0 ? block.constantHi : block.u32[block.keyHi + index];
}

export function blockSequence(block: Block, index: number): number {
  const { u32, sequenceHigh } = block;
  const high = sequenceHigh === 0 ? block.constantSequenceHigh : u32[sequenceHigh + index];
  return high * TWO_32 + u32[block.sequenceLow + index];
}

export function blockKind(block: Block, index: number): EntryKind {
  return block.u8[block.kinds + index] as EntryKind;
}

/** Position in `u8` of the first byte of a value. */
export function blockValueStart(block: Block, index: number): number {
  return index === 0 ? block.values : block.values + block.u32[block.valueEnd + index - 1];
}

/** Position in `u8` behind the last byte of a value. */
export function blockValueEnd(block: Block, index: number): number {
  return block.values + block.u32[block.valueEnd + index];
}

/** Index of the first entry whose key is not before (hi, lo); `count` when there is none. */
export function seekBlock(block: Block, hi: number, lo: number): number {
  const { u32, count, keyLo, keyHi } = block;
  let low = 0;
  let high = count;
  if (keyHi === 0) {
    if (block.constantHi !== hi) return block.constantHi < hi ? count : 0;
    // Where keys follow each other without gaps, the first says where the others are.
    const guess = lo - u32[keyLo];
    if (guess > 0 && guess < count && u32[keyLo + guess] === lo && u32[keyLo + guess - 1] < lo) {
      return guess;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (u32[keyLo + middle] < lo) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    const middleHi = u32[keyHi + middle];
    if (middleHi < hi || (middleHi === hi && u32[keyLo + middle] < lo)) low = middle + 1;
    else high = middle;
  }
  return low;
}
