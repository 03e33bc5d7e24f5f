/** Collects entries and writes them as one block; the byte table is at the head of `block.ts`. */
import { assert } from '../base/assert.ts';
import {
  BLOCK_ENTRY_SIZE,
  BLOCK_HEADER_SIZE,
  FLAG_KEY_HI_COLUMN,
  FLAG_SEQUENCE_HIGH_COLUMN,
} from './block.ts';
import type { EntryKind } from './entry.ts';

const TWO_32 = 2 ** 32;

/** Reused from block to block. The caller adds entries in entry order. */
export class BlockBuilder {
  #count = 0;
  #keyHi = new Uint32Array(64);
  #keyLo = new Uint32Array(64);
  #sequenceHigh = new Uint32Array(64);
  #sequenceLow = new Uint32Array(64);
  #valueEnd = new Uint32Array(64);
  #kinds = new Uint8Array(64);
  #values = new Uint8Array(4096);
  #valuesSize = 0;
  #isHiConstant = true;
  #isSequenceHighConstant = true;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the block as it is. */
  get size(): number {
    return this.#sizeWith(this.#count, this.#isHiConstant, this.#isSequenceHighConstant);
  }

  /** Key of the last entry. Requires one. */
  get lastHi(): number {
    return this.#keyHi[this.#count - 1];
  }

  get lastLo(): number {
    return this.#keyLo[this.#count - 1];
  }

  /** Bytes of the block if an entry with a value of `valueSize` bytes were added. */
  sizeAfter(hi: number, sequence: number, valueSize: number): number {
    const high = Math.floor(sequence / TWO_32);
    const isHiConstant = this.#isHiConstant && (this.#count === 0 || hi === this.#keyHi[0]);
    const isHighConstant =
      this.#isSequenceHighConstant && (this.#count === 0 || high === this.#sequenceHigh[0]);
    return this.#sizeWith(this.#count + 1, isHiConstant, isHighConstant) + valueSize;
  }

  add(hi: number, lo: number, sequence: number, kind: EntryKind, value: Uint8Array): void {
    const index = this.#count;
    if (index === this.#keyLo.length) this.#growColumns();
    const end = this.#valuesSize + value.length;
    assert(end < TWO_32, 'values of a block are shorter than 4 GiB');
    if (end > this.#values.length) this.#values = grow(this.#values, 2 * end);
    const high = Math.floor(sequence / TWO_32);
    this.#keyHi[index] = hi;
    this.#keyLo[index] = lo;
    this.#sequenceHigh[index] = high;
    this.#sequenceLow[index] = sequence - high * TWO_32;
    this.#kinds[index] = kind;
    this.#values.set(value, this.#valuesSize);
    this.#valueEnd[index] = end;
    this.#valuesSize = end;
    if (hi !== this.#keyHi[0]) this.#isHiConstant = false;
    if (high !== this.#sequenceHigh[0]) this.#isSequenceHighConstant = false;
    this.#count = index + 1;
  }

  /** Writes the block at the start of `target`, which has room for `size` bytes and is aligned to 4. */
  write(target: Uint8Array): void {
    const count = this.#count;
    assert(count > 0, 'a block is never empty');
    const u32 = new Uint32Array(target.buffer, target.byteOffset, target.byteLength >>> 2);
    u32[0] = count;
    u32[1] =
      (this.#isHiConstant ? 0 : FLAG_KEY_HI_COLUMN) |
      (this.#isSequenceHighConstant ? 0 : FLAG_SEQUENCE_HIGH_COLUMN);
    u32[2] = this.#isHiConstant ? this.#keyHi[0] : 0;
    u32[3] = this.#isSequenceHighConstant ? this.#sequenceHigh[0] : 0;
    let column = BLOCK_HEADER_SIZE >>> 2;
    column = putColumn(u32, column, this.#keyLo, count);
    if (!this.#isHiConstant) column = putColumn(u32, column, this.#keyHi, count);
    column = putColumn(u32, column, this.#sequenceLow, count);
    if (!this.#isSequenceHighConstant) column = putColumn(u32, column, this.#sequenceHigh, count);
    column = putColumn(u32, column, this.#valueEnd, count);
    target.set(this.#kinds.subarray(0, count), 4 * column);
    target.set(this.#values.subarray(0, this.#valuesSize), 4 * column + count);
  }

  clear(): void {
    this.#count = 0;
    this.#valuesSize = 0;
    this.#isHiConstant = true;
    this.#isSequenceHighConstant = true;
  }

  #sizeWith(count: number, isHiConstant: boolean, isSequenceHighConstant: boolean): number {
    const optional = (isHiConstant ? 0 : 4) + (isSequenceHighConstant ? 0 : 4);
    return BLOCK_HEADER_SIZE + count * (BLOCK_ENTRY_SIZE + optional) + this.#valuesSize;
  }

  #growColumns(): void {
    const capacity = 2 * this.#keyLo.length;
    this.#keyHi = growColumn(this.#keyHi, capacity);
    this.#keyLo = growColumn(this.#keyLo, capacity);
    this.#sequenceHigh = growColumn(this.#sequenceHigh, capacity);
    this.#sequenceLow = growColumn(this.#sequenceLow, capacity);
    this.#valueEnd = growColumn(this.#valueEnd, capacity);
    this.#kinds = grow(this.#kinds, capacity);
  }
}

function putColumn(
  target: Uint32Array,
  position: number,
  source: Uint32Array,
  count: number,
): number {
  target.set(source.subarray(0, count), position);
  return position + count;
}

function growColumn(column: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(column);
  return grown;
}

function grow(bytes: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(capacity);
  grown.set(bytes);
  return grown;
}
