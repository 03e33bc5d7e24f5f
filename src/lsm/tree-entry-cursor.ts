/** A cursor over the entries that a checkpoint participant adds to one tree. */
import { assert } from '../base/assert.ts';
import type { EntryCursor } from './cursor.ts';
import type { TreeEntry } from './engine-options.ts';
import { compareKeys, DELETE, type EntryKind, SET } from './entry.ts';

const NO_VALUE = new Uint8Array(0);

export class TreeEntryCursor implements EntryCursor {
  readonly #entries: readonly TreeEntry[];
  readonly #sequence: number;
  #index: number;

  /** In any order; no key twice. All are SET, or without a value DELETE, at `sequence`. */
  constructor(entries: readonly TreeEntry[], sequence: number) {
    this.#entries = [...entries].sort((a, b) => compareKeys(a.hi, a.lo, b.hi, b.lo));
    this.#sequence = sequence;
    this.#index = entries.length;
    for (let i = 1; i < entries.length; i++) {
      const before = this.#entries[i - 1];
      const { hi, lo } = this.#entries[i];
      assert(compareKeys(before.hi, before.lo, hi, lo) < 0, 'a participant adds each key once');
    }
  }

  get valid(): boolean {
    return this.#index < this.#entries.length;
  }

  get hi(): number {
    return this.#entries[this.#index].hi;
  }

  get lo(): number {
    return this.#entries[this.#index].lo;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get kind(): EntryKind {
    return this.#entries[this.#index].value === undefined ? DELETE : SET;
  }

  value(): Uint8Array {
    return this.#entries[this.#index].value ?? NO_VALUE;
  }

  seekFirst(): void {
    this.#index = 0;
  }

  seek(hi: number, lo: number): void {
    const index = this.#entries.findIndex((entry) => compareKeys(entry.hi, entry.lo, hi, lo) >= 0);
    this.#index = index === -1 ? this.#entries.length : index;
  }

  next(): void {
    this.#index++;
  }

  close(): void {
    this.#index = this.#entries.length;
  }
}
