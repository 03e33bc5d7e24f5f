import type { EntryKind } from './entry.ts';

/**
 * A position in a sorted run of entries, all versions included. A fresh cursor is not valid until the
 * first seek. `hi`, `lo`, `sequence`, `kind` and `value()` may be read only while `valid`.
 *
 * A cursor sees the run as it was when the cursor was made, or newer entries too if the run grows; it
 * never sees an entry twice or out of order.
 */
export interface EntryCursor {
  readonly valid: boolean;
  readonly hi: number;
  readonly lo: number;
  readonly sequence: number;
  readonly kind: EntryKind;

  /** The value, borrowed until the next move or `close`. */
  value(): Uint8Array;

  seekFirst(): void;

  /** To the first entry (the newest version) of the first key that is not before (hi, lo). */
  seek(hi: number, lo: number): void;

  /** To the next entry. Requires `valid`. */
  next(): void;

  /** Lets go of what the cursor pins. Idempotent; the cursor is not valid until it is sought again. */
  close(): void;
}

/**
 * A cursor that can be walked backwards too. Between two seeks it goes one way only: `next` follows `seek`
 * and `seekFirst`, `prev` follows `seekBefore` and `seekLast`. Whoever turns round seeks the key that he
 * stands on, which keeps the state of merges and levels simple, and turning round is rare.
 */
export interface ReversibleCursor extends EntryCursor {
  /** To the last entry: the oldest version of the last key. */
  seekLast(): void;

  /** To the last entry (the oldest version) of the last key before (hi, lo). */
  seekBefore(hi: number, lo: number): void;

  /** To the entry before. Requires `valid`. */
  prev(): void;
}
