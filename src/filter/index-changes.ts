/**
 * Entries of the tree `fields` that a commit adds and removes, gathered by key, so that a batch writes one
 * operand a key. An entry says: the record has a value of this code in this field.
 *
 *   key hi   collection << 8 | number       0 the namespace, 2 to 253 fields, 254 times of expiry
 *   key lo   code >> 48 << 16 | record >> 16
 *   value    set of pairs: code >> 16 & 0xffffffff, (code & 0xffff) << 16 | record & 0xffff
 *
 * Code and record are in it whole, and a list is of one chunk of 65,536 records.
 */

import { encodePairOperand, NO_PAIRS, type PairSet } from '../lsm/pair-set.ts';
import type { Code } from './index-code.ts';

/** An operand of the tree `fields`. */
export interface FieldEntry {
  readonly hi: number;
  readonly lo: number;
  readonly value: Uint8Array;
}

/** Changes of one key, in the order in which they came. */
interface KeyChanges {
  readonly high: number[];
  readonly low: number[];
  readonly isAdded: boolean[];
}

/** `hi` of the keys of a field. */
export function fieldHi(collection: number, number: number): number {
  return ((collection << 8) | number) >>> 0;
}

export class FieldChanges {
  readonly #collection: number;
  /** By number * 2^32 + lo. */
  readonly #keys = new Map<number, KeyChanges>();

  constructor(collection: number) {
    this.#collection = collection;
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** An entry that a commit both adds and removes stays as it was: only a record that keeps it has both. */
  add(number: number, code: Code, record: number): void {
    this.#change(number, code, record, true);
  }

  remove(number: number, code: Code, record: number): void {
    this.#change(number, code, record, false);
  }

  /** In no order of keys. */
  *entries(): Generator<FieldEntry> {
    for (const [key, changes] of this.#keys) {
      const number = Math.floor(key / 0x100000000);
      const value = encodeChanges(changes);
      const hi = fieldHi(this.#collection, number);
      if (value !== undefined) yield { hi, lo: key >>> 0, value };
    }
  }

  #change(number: number, { high, low }: Code, record: number, isAdded: boolean): void {
    const lo = ((high & 0xffff0000) | (record >>> 16)) >>> 0;
    const key = number * 0x100000000 + lo;
    let changes = this.#keys.get(key);
    if (changes === undefined) {
      changes = { high: [], low: [], isAdded: [] };
      this.#keys.set(key, changes);
    }
    changes.high.push(((high << 16) | (low >>> 16)) >>> 0);
    changes.low.push(((low << 16) | (record & 0xffff)) >>> 0);
    changes.isAdded.push(isAdded);
  }
}

/** Undefined: nothing changes. */
function encodeChanges({ high, low, isAdded }: KeyChanges): Uint8Array | undefined {
  const order = Uint32Array.from(high, (_, i) => i);
  order.sort((a, b) => high[a] - high[b] || low[a] - low[b]);
  const added: number[] = [];
  const removed: number[] = [];
  for (let i = 0; i < order.length; ) {
    const first = order[i];
    let isInBoth = false;
    let end = i + 1;
    for (; end < order.length; end++) {
      const next = order[end];
      if (high[next] !== high[first] || low[next] !== low[first]) break;
      isInBoth ||= isAdded[next] !== isAdded[first];
    }
    if (!isInBoth) (isAdded[first] ? added : removed).push(first);
    i = end;
  }
  if (added.length === 0 && removed.length === 0) return undefined;
  const select = (which: number[]): PairSet => {
    if (which.length === 0) return NO_PAIRS;
    const pick = (all: number[]): Uint32Array => Uint32Array.from(which, (i) => all[i]);
    return { high: pick(high), low: pick(low), count: which.length };
  };
  return encodePairOperand({ added: select(added), removed: select(removed) });
}
