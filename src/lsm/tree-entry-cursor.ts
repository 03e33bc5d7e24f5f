/**
 * The entries that a checkpoint participant adds to one tree, packed so that they can be handed to another
 * thread without a copy, and a cursor over them.
 */
import { assert } from '../base/assert.ts';
import type { EntryCursor } from './cursor.ts';
import type { TreeEntry } from './engine-options.ts';
import { compareKeys, DELETE, type EntryKind, SET } from './entry.ts';
import type { SlicedWork } from './slices.ts';

/** By key: SET, or without a value DELETE. The value of entry i ends at `ends[i]` of `bytes`. */
export interface PackedEntries {
  /** Of all of them. */
  readonly sequence: number;
  readonly hi: Uint32Array<ArrayBuffer>;
  readonly lo: Uint32Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  readonly ends: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Copies entries, which come in any order, no key twice. */
export function packEntries(entries: readonly TreeEntry[], sequence: number): PackedEntries {
  const { packed, work } = packingEntries(entries, sequence);
  work(() => false);
  return packed;
}

/** As `packEntries`, slice by slice: `packed` is complete when the work is done. */
export function packingEntries(
  entries: readonly TreeEntry[],
  sequence: number,
): { readonly packed: PackedEntries; readonly work: SlicedWork } {
  const sorted = [...entries].sort((a, b) => compareKeys(a.hi, a.lo, b.hi, b.lo));
  const size = sorted.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  const packed: PackedEntries = {
    sequence,
    hi: new Uint32Array(sorted.length),
    lo: new Uint32Array(sorted.length),
    kinds: new Uint8Array(sorted.length),
    ends: new Float64Array(sorted.length),
    bytes: new Uint8Array(size),
  };
  let end = 0;
  let i = 0;
  const work = (isOver: () => boolean): boolean => {
    while (i < sorted.length) {
      const { hi, lo, value } = sorted[i];
      const isFirst = i === 0;
      assert(
        isFirst || compareKeys(packed.hi[i - 1], packed.lo[i - 1], hi, lo) < 0,
        'a participant adds each key once',
      );
      packed.hi[i] = hi;
      packed.lo[i] = lo;
      packed.kinds[i] = value === undefined ? DELETE : SET;
      if (value !== undefined) packed.bytes.set(value, end);
      end += value?.length ?? 0;
      packed.ends[i++] = end;
      if (isOver()) return i === sorted.length;
    }
    return true;
  };
  return { packed, work };
}

export class TreeEntryCursor implements EntryCursor {
  readonly #entries: PackedEntries;
  #index: number;

  constructor(entries: PackedEntries) {
    this.#entries = entries;
    this.#index = entries.hi.length;
  }

  get valid(): boolean {
    return this.#index < this.#entries.hi.length;
  }

  get hi(): number {
    return this.#entries.hi[this.#index];
  }

  get lo(): number {
    return this.#entries.lo[this.#index];
  }

  get sequence(): number {
    return this.#entries.sequence;
  }

  get kind(): EntryKind {
    return this.#entries.kinds[this.#index] as EntryKind;
  }

  value(): Uint8Array {
    const { ends, bytes } = this.#entries;
    const start = this.#index === 0 ? 0 : ends[this.#index - 1];
    return bytes.subarray(start, ends[this.#index]);
  }

  seekFirst(): void {
    this.#index = 0;
  }

  seek(hi: number, lo: number): void {
    const entries = this.#entries;
    let index = 0;
    while (
      index < entries.hi.length &&
      compareKeys(entries.hi[index], entries.lo[index], hi, lo) < 0
    ) {
      index++;
    }
    this.#index = index;
  }

  next(): void {
    this.#index++;
  }

  close(): void {
    this.#index = this.#entries.hi.length;
  }
}
