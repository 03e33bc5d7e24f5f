/**
 * What compaction writes out of what it reads: the fewest entries that every open snapshot, and every
 * later reader, sees the same through.
 *
 * Snapshots cut the sequence numbers into stripes: two entries of a key are in one stripe when every
 * snapshot sees both or neither. Of each key and stripe at most one entry is put out:
 *
 *   SET first                that SET
 *   DELETE first             that DELETE; nothing, in the oldest stripe, if nothing older can exist below
 *   MERGE ... SET            SET of the fold
 *   MERGE ... DELETE         SET of the fold over nothing
 *   MERGE ... end of stripe  MERGE of the combined operands, removals kept; SET of the fold over nothing,
 *                            in the oldest stripe, if nothing older can exist below
 *
 * It has the sequence of the newest entry folded into it. Pure: it knows no file and no level.
 */
import { assert } from '../base/assert.ts';
import type { EntryCursor } from './cursor.ts';
import { DELETE, type EntryKind, MERGE, SET } from './entry.ts';
import { foldOperands } from './fold.ts';
import type { MergeOperator } from './merge-operator.ts';
import { NO_BUGS, type SeededBugs } from './seeded-bugs.ts';

export interface FoldStreamOptions {
  readonly operator: MergeOperator | undefined;
  /** Sequences that readers hold, ascending. */
  readonly snapshots: readonly number[];
  /** Whether an entry of this key, older than all of the source's, may exist outside the source. */
  readonly mayExistBelow: (hi: number, lo: number) => boolean;
  readonly seededBugs?: SeededBugs | undefined;
}

export class FoldStream {
  readonly #source: EntryCursor;
  readonly #options: FoldStreamOptions;
  readonly #snapshots: readonly number[];
  readonly #dropsUnderSnapshots: boolean;
  readonly #dropsAboveOlder: boolean;
  readonly #repeatsOperand: boolean;
  #valid = false;
  #hi = 0;
  #lo = 0;
  #sequence = 0;
  #kind: EntryKind = SET;
  /** The largest snapshot below the present stripe, -1 in the oldest stripe. */
  #floor = -1;
  /** The value when it was made here; else it is the source's. */
  #made: Uint8Array | undefined;

  /** Moves `source`; the caller closes it. */
  constructor(source: EntryCursor, options: FoldStreamOptions) {
    const { seededBugs = NO_BUGS } = options;
    this.#source = source;
    this.#options = options;
    this.#dropsUnderSnapshots = seededBugs.has('a tombstone is dropped under a snapshot');
    this.#dropsAboveOlder = seededBugs.has('a tombstone is dropped above older entries');
    this.#repeatsOperand = seededBugs.has('compaction applies an operand twice');
    const isBlind = seededBugs.has('compaction does not see the snapshots');
    this.#snapshots = isBlind ? [] : options.snapshots;
  }

  get valid(): boolean {
    return this.#valid;
  }

  get hi(): number {
    return this.#hi;
  }

  get lo(): number {
    return this.#lo;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get kind(): EntryKind {
    return this.#kind;
  }

  /** Borrowed until `next`. */
  value(): Uint8Array {
    return this.#made ?? this.#source.value();
  }

  /** To the first entry. */
  start(): void {
    this.#source.seekFirst();
    this.#advance();
  }

  /** To the next entry. Requires `valid`. */
  next(): void {
    assert(this.#valid, 'a stream moves only while it stands on an entry');
    this.#skipStripe();
    this.#advance();
  }

  /** Puts out the entry for the stripe that the source stands at the start of, or for a later one. */
  #advance(): void {
    const source = this.#source;
    this.#made = undefined;
    while (source.valid) {
      this.#hi = source.hi;
      this.#lo = source.lo;
      this.#sequence = source.sequence;
      this.#kind = source.kind;
      this.#floor = stripeFloor(this.#snapshots, this.#sequence);
      if (this.#kind === DELETE && this.#isNothingOlder()) {
        this.#skipStripe();
        continue;
      }
      if (this.#kind === MERGE) this.#foldStripe();
      this.#valid = true;
      return;
    }
    this.#valid = false;
  }

  /** Moves the source behind the entries of the present key and stripe. */
  #skipStripe(): void {
    const source = this.#source;
    while (this.#isInStripe()) source.next();
  }

  #isInStripe(): boolean {
    const source = this.#source;
    return (
      source.valid &&
      source.lo === this.#lo &&
      source.hi === this.#hi &&
      source.sequence > this.#floor
    );
  }

  /** Whether nothing that the present stripe hides can exist outside of the source. */
  #isNothingOlder(): boolean {
    if (this.#floor >= 0 && !this.#dropsUnderSnapshots) return false;
    if (this.#kind === DELETE && this.#dropsAboveOlder) return true;
    return !this.#options.mayExistBelow(this.#hi, this.#lo);
  }

  /** Folds the operands that the source stands on with what they meet in their stripe. */
  #foldStripe(): void {
    const source = this.#source;
    const { operator } = this.#options;
    const operands: Uint8Array[] = [];
    let base: Uint8Array | undefined;
    let isComplete = false;
    while (!isComplete && this.#isInStripe()) {
      const kind = source.kind;
      if (kind === MERGE) {
        operands.push(source.value().slice());
        source.next();
      } else {
        if (kind === SET) base = source.value();
        isComplete = true;
      }
    }
    operands.reverse();
    if (this.#repeatsOperand) operands.push(operands[0]);
    if (isComplete || this.#isNothingOlder()) {
      this.#kind = SET;
      this.#made = foldOperands(operator, base, operands);
    } else if (operands.length === 1) {
      this.#made = operands[0];
    } else {
      assert(operator !== undefined, 'a tree with MERGE entries has a merge operator');
      this.#made = operator.combine(operands);
    }
  }
}

/** The largest of the ascending `snapshots` that does not see `sequence`, or -1. */
function stripeFloor(snapshots: readonly number[], sequence: number): number {
  let low = 0;
  let high = snapshots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (snapshots[middle] < sequence) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? -1 : snapshots[low - 1];
}
