/**
 * The user's view of a sorted run of entries, from the largest key of a range to the smallest: the mirror
 * image of `visible-scan.ts`.
 *
 * Backwards, the oldest version of a key comes first, and what a version means is known only when those
 * above it have been seen. So a key is read whole: a SET or DELETE makes all before it void, operands
 * gather. The value is a copy in a buffer of the scan, because its source has moved on to the next key.
 */
import type { ReversibleCursor } from './cursor.ts';
import { DELETE, SET } from './entry.ts';
import { foldOperands } from './fold.ts';
import type { VisibleScanOptions } from './visible-scan.ts';

/** The part of a cursor that a walk from the end needs. */
export type ReverseSource = Pick<
  ReversibleCursor,
  | 'valid'
  | 'hi'
  | 'lo'
  | 'sequence'
  | 'kind'
  | 'value'
  | 'seekLast'
  | 'seekBefore'
  | 'prev'
  | 'close'
>;

const KEY_HALF_MAX = 0xffffffff;

export class VisibleReverseScan {
  readonly #source: ReverseSource;
  readonly #options: VisibleScanOptions;
  #hi = 0;
  #lo = 0;
  /** The last SET of the present key, when no operand is above it. */
  #kept: Uint8Array = new Uint8Array(256);
  #keptLength = 0;
  /** The value when it had to be folded. */
  #folded: Uint8Array | undefined;
  #state: 'new' | 'on entry' | 'ended' = 'new';

  /** The source is moved by this scan alone as long as it goes on, and closed at its end. */
  constructor(source: ReverseSource, options: VisibleScanOptions) {
    this.#source = source;
    this.#options = options;
  }

  get hi(): number {
    return this.#hi;
  }

  get lo(): number {
    return this.#lo;
  }

  /** Borrowed until the next call of `next` or `close`. */
  get value(): Uint8Array {
    return this.#folded ?? this.#kept.subarray(0, this.#keptLength);
  }

  /** To the existing key before. False at the end, where the scan closes itself. */
  next(): boolean {
    if (this.#state === 'ended') return false;
    const source = this.#source;
    if (this.#state === 'new') this.#start();
    this.#state = 'on entry';
    const { fromHi, fromLo } = this.#options;
    while (source.valid) {
      const hi = source.hi;
      const lo = source.lo;
      if (hi < fromHi || (hi === fromHi && lo < fromLo)) break;
      if (this.#readKey(hi, lo)) return true;
    }
    this.close();
    return false;
  }

  /** Idempotent. */
  close(): void {
    if (this.#state !== 'ended') this.#source.close();
    this.#state = 'ended';
  }

  #start(): void {
    const { toHi, toLo } = this.#options;
    if (toLo < KEY_HALF_MAX) this.#source.seekBefore(toHi, toLo + 1);
    else if (toHi < KEY_HALF_MAX) this.#source.seekBefore(toHi + 1, 0);
    else this.#source.seekLast();
  }

  /** Reads all versions of a key, oldest first; leaves the source before it. Whether the key exists. */
  #readKey(hi: number, lo: number): boolean {
    const source = this.#source;
    const { sequence } = this.#options;
    let operands: Uint8Array[] | undefined;
    let hasBase = false;
    while (source.valid && source.lo === lo && source.hi === hi) {
      if (source.sequence <= sequence) {
        const kind = source.kind;
        if (kind === SET) {
          this.#keep(source.value());
          hasBase = true;
          operands = undefined;
        } else if (kind === DELETE) {
          hasBase = false;
          operands = undefined;
        } else {
          operands ??= [];
          operands.push(source.value().slice());
        }
      }
      source.prev();
    }
    this.#hi = hi;
    this.#lo = lo;
    this.#folded = undefined;
    if (operands === undefined) return hasBase;
    const base = hasBase ? this.#kept.subarray(0, this.#keptLength) : undefined;
    this.#folded = foldOperands(this.#options.operator, base, operands);
    return true;
  }

  #keep(value: Uint8Array): void {
    const { length } = value;
    if (length > this.#kept.length) this.#kept = new Uint8Array(2 * length);
    this.#kept.set(value);
    this.#keptLength = length;
  }
}
