/**
 * What a reader sees of one key: its entries at or below the reader's sequence, newest first, folded.
 *
 *   SET                    its value
 *   DELETE, or no entry    nothing
 *   MERGE ... SET          the operands applied to the value
 *   MERGE ... DELETE       the operands applied to nothing
 *   MERGE ... (no more)    the operands applied to nothing
 *
 * `PointFold` is fed by the memtables, then the tables of L0, newest first, then each deeper level, and
 * says when nothing older can matter.
 */
import { assert } from '../base/assert.ts';
import { type EntryKind, MERGE, SET } from './entry.ts';
import type { MergeOperator } from './merge-operator.ts';
import { copyValue } from './value-copy.ts';

/** One point read at a time; reused, so that a read allocates nothing but its result. */
export class PointFold {
  readonly #operator: MergeOperator | undefined;
  /** Newest first while being fed. */
  #operands: Uint8Array[] = [];
  #base: Uint8Array | undefined;
  #isDone = false;

  /** `operator` is that of the tree; a tree without one has no MERGE entries. */
  constructor(operator: MergeOperator | undefined) {
    this.#operator = operator;
  }

  /** Ready for another key. */
  reset(): void {
    if (this.#operands.length > 0) this.#operands = [];
    this.#base = undefined;
    this.#isDone = false;
  }

  /** Nothing older can change the result. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Takes the next older visible entry, whose value is `bytes[start, end)`, copied. Returns `isDone`;
   * nothing may be added afterwards.
   */
  add(kind: EntryKind, bytes: Uint8Array, start: number, end: number): boolean {
    assert(!this.#isDone, 'a finished fold takes no more entries');
    if (kind === MERGE) {
      this.#operands.push(copyValue(bytes, start, end));
      return false;
    }
    if (kind === SET) this.#base = copyValue(bytes, start, end);
    this.#isDone = true;
    return true;
  }

  /** The value, or undefined when the key does not exist. The bytes are the caller's. */
  result(): Uint8Array | undefined {
    const operands = this.#operands;
    if (operands.length === 0) return this.#base;
    return foldOperands(this.#operator, this.#base, operands.reverse());
  }
}

/** Applies `operands`, oldest first, to `base`. */
export function foldOperands(
  operator: MergeOperator | undefined,
  base: Uint8Array | undefined,
  operands: readonly Uint8Array[],
): Uint8Array {
  assert(operator !== undefined, 'a tree with MERGE entries has a merge operator');
  return operator.merge(base, operands);
}
