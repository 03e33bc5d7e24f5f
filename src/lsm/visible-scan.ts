/**
 * The user's view of a sorted run of entries: each existing key of a range once, with its value at one
 * sequence. Deleted keys and newer versions do not show; MERGE chains come folded.
 */
import type { EntryCursor } from './cursor.ts';
import { DELETE, MERGE, SET } from './entry.ts';
import { foldOperands } from './fold.ts';
import type { MergeOperator } from './merge-operator.ts';

export interface VisibleScanOptions {
  readonly operator: MergeOperator | undefined;
  /** Entries above it do not exist for this scan. */
  readonly sequence: number;
  /** The range; both ends belong to it. */
  readonly fromHi: number;
  readonly fromLo: number;
  readonly toHi: number;
  readonly toLo: number;
}

export class VisibleScan {
  readonly #source: EntryCursor;
  readonly #options: VisibleScanOptions;
  #hi = 0;
  #lo = 0;
  /** The value when it had to be folded; else it is the source's. */
  #folded: Uint8Array | undefined;
  #state: 'new' | 'on entry' | 'ended' = 'new';

  /** Takes the source over: it is moved and closed by this scan alone. */
  constructor(source: EntryCursor, options: VisibleScanOptions) {
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
    return this.#folded ?? this.#source.value();
  }

  /** To the next existing key. False at the end, where the scan closes itself. */
  next(): boolean {
    if (this.#state === 'ended') return false;
    const source = this.#source;
    if (this.#state === 'on entry') this.#skipKey();
    else source.seek(this.#options.fromHi, this.#options.fromLo);
    this.#state = 'on entry';
    this.#folded = undefined;

    const { sequence, toHi, toLo } = this.#options;
    while (source.valid) {
      const hi = source.hi;
      const lo = source.lo;
      if (hi > toHi || (hi === toHi && lo > toLo)) break;
      if (source.sequence > sequence) {
        source.next();
        continue;
      }
      this.#hi = hi;
      this.#lo = lo;
      const kind = source.kind;
      if (kind === SET) return true;
      if (kind === MERGE) {
        this.#folded = this.#fold();
        return true;
      }
      this.#skipKey();
    }
    this.close();
    return false;
  }

  /** Idempotent. */
  close(): void {
    if (this.#state !== 'ended') this.#source.close();
    this.#state = 'ended';
  }

  /** Moves behind all versions of the present key. */
  #skipKey(): void {
    const source = this.#source;
    while (source.valid && source.lo === this.#lo && source.hi === this.#hi) source.next();
  }

  /** Folds the chain that the source stands on; leaves the source within or behind the key. */
  #fold(): Uint8Array {
    const source = this.#source;
    const operands: Uint8Array[] = [];
    let base: Uint8Array | undefined;
    while (source.valid && source.lo === this.#lo && source.hi === this.#hi) {
      const kind = source.kind;
      if (kind === DELETE) break;
      if (kind === SET) {
        base = source.value();
        break;
      }
      operands.push(source.value().slice());
      source.next();
    }
    return foldOperands(this.#options.operator, base, operands.reverse());
  }
}
