/** What an iterator does, said with an index into a sorted array: a model for tests, and a stand-in. */
import type { EngineIterator, IteratorOptions, KeyBound } from '../../src/lsm/engine-options.ts';
import { compareKeys } from '../../src/lsm/entry.ts';

export interface KeyedValue {
  readonly hi: number;
  readonly lo: number;
  readonly value: Uint8Array;
}

export class ArrayIterator implements EngineIterator {
  readonly sequence = 0;
  /** In the iterator's order, within the bounds. */
  readonly #entries: readonly KeyedValue[];
  readonly #sign: number;
  /** -1: before the first; undefined: nowhere yet. */
  #index: number | undefined;

  /** `entries` ascend by key. */
  constructor(entries: readonly KeyedValue[], options: IteratorOptions = {}) {
    const { from, to, reverse = false } = options;
    const inside = entries.filter((entry) => isWithin(from, 1, entry) && isWithin(to, -1, entry));
    this.#entries = reverse ? inside.reverse() : inside;
    this.#sign = reverse ? -1 : 1;
  }

  get valid(): boolean {
    return this.#entries[this.#index ?? -1] !== undefined;
  }

  get hi(): number {
    return this.#entries[this.#index!].hi;
  }

  get lo(): number {
    return this.#entries[this.#index!].lo;
  }

  get value(): Uint8Array {
    return this.#entries[this.#index!].value;
  }

  first(): boolean {
    return this.#move(0);
  }

  last(): boolean {
    return this.#move(this.#entries.length - 1);
  }

  seek(hi: number, lo: number): boolean {
    const found = this.#entries.findIndex(
      (entry) => this.#sign * compareKeys(entry.hi, entry.lo, hi, lo) >= 0,
    );
    return this.#move(found < 0 ? this.#entries.length : found);
  }

  next(): boolean {
    return this.#move((this.#index ?? -1) + 1);
  }

  prev(): boolean {
    return this.#move((this.#index ?? this.#entries.length) - 1);
  }

  close(): void {
    this.#index = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #move(index: number): boolean {
    this.#index = Math.min(Math.max(index, -1), this.#entries.length);
    return this.valid;
  }
}

function isWithin(bound: KeyBound | undefined, sign: number, { hi, lo }: KeyedValue): boolean {
  if (bound === undefined) return true;
  const order = sign * compareKeys(hi, lo, bound.hi, bound.lo);
  return bound.exclusive === true ? order > 0 : order >= 0;
}
