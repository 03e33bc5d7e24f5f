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
import { copyBytes, ValueStack } from './value-stack.ts';

/** One point read at a time; reused, so that a read allocates nothing but its result. */
export class PointFold {
  readonly #operator: MergeOperator | undefined;
  readonly #stack: ValueStack = new ValueStack();
  #isDone = false;

  /** `operator` is that of the tree; a tree without one has no MERGE entries. */
  constructor(operator: MergeOperator | undefined) {
    this.#operator = operator;
  }

  /** Ready for another key. */
  reset(): void {
    this.#stack.clear();
    this.#isDone = false;
  }

  /** Nothing older can change the result. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Takes the next older visible entry, whose value is `bytes[start, end)`. An operand is copied; a SET is
   * the last one that is taken, and must stay in place until the result is. Returns `isDone`; nothing may be
   * added afterwards.
   */
  add(kind: EntryKind, bytes: Uint8Array, start: number, end: number): boolean {
    assert(!this.#isDone, 'a finished fold takes no more entries');
    if (kind === MERGE) {
      this.#stack.push(bytes, start, end);
      return false;
    }
    if (kind === SET) this.#stack.setBase(bytes, start, end);
    this.#isDone = true;
    return true;
  }

  /** The value, or undefined when the key does not exist. The bytes are the caller's. Forgets the key. */
  result(): Uint8Array | undefined {
    const stack = this.#stack;
    let value: Uint8Array | undefined;
    if (stack.count > 0) {
      this.#fold();
      value = copyValue(stack.output, 0, stack.outputLength);
    } else if (stack.hasBase) {
      value = copyValue(stack.base, stack.baseStart, stack.baseEnd);
    }
    stack.clear();
    return value;
  }

  /**
   * Copies the value into `into` and returns its length, or -1 when the key does not exist. When the length
   * is larger than that of `into`, nothing is copied. Forgets the key.
   */
  resultInto(into: Uint8Array): number {
    const stack = this.#stack;
    let length = -1;
    if (stack.count > 0) {
      this.#fold();
      length = stack.outputLength;
      if (length <= into.length) copyBytes(stack.output, 0, length, into, 0);
    } else if (stack.hasBase) {
      const { base, baseStart, baseEnd } = stack;
      length = baseEnd - baseStart;
      if (length <= into.length) copyBytes(base, baseStart, baseEnd, into, 0);
    }
    stack.clear();
    return length;
  }

  #fold(): void {
    const operator = this.#operator;
    assert(operator !== undefined, 'a tree with MERGE entries has a merge operator');
    if (operator.mergeStack !== undefined) operator.mergeStack(this.#stack);
    else mergeCopies(operator, this.#stack);
  }
}

/** For operators that take arrays alone. */
function mergeCopies(operator: MergeOperator, stack: ValueStack): void {
  const { bytes, ends, count, base, baseStart, baseEnd } = stack;
  const operands: Uint8Array[] = [];
  for (let i = count - 1; i >= 0; i--) operands.push(bytes.subarray(stack.startOf(i), ends[i]));
  const below = stack.hasBase ? base.subarray(baseStart, baseEnd) : undefined;
  stack.output = operator.merge(below, operands);
  stack.outputLength = stack.output.length;
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
