/**
 * Merge operators give MERGE entries their meaning. They are pure, associative, named and built in
 * (`merge-operators.ts`): they run on every read and in every compaction, and a table records the name of the one
 * it was written with.
 *
 * Associative means: combining neighbouring operands first, in any grouping, changes no result.
 */
import type { ValueStack } from './value-stack.ts';

export interface MergeOperator {
  readonly name: string;

  /** The full value: `operands`, oldest first, applied to `base` (undefined: the key does not exist). */
  merge(base: Uint8Array | undefined, operands: readonly Uint8Array[]): Uint8Array;

  /** One operand with the effect of all of `operands`, oldest first. There is at least one. */
  combine(operands: readonly Uint8Array[]): Uint8Array;

  /** As `merge`, for point reads: from the operands and base of the stack to its output, without garbage. */
  mergeStack?(stack: ValueStack): void;
}
