/**
 * How long work in slices may hold the event loop, and did. What somebody asks meanwhile waits for the rest of
 * the slice: as long as questions come, slices are about as long as a part of one insertion. When nobody has asked
 * for a while they are long, and cost fewer turns of the event loop. Where others take long turns themselves, short
 * slices would only starve the work (`fair-share.ts`).
 */
import { FairShare, SLICE_MS_MAX } from './fair-share.ts';
import { TurnClock } from './turn-clock.ts';

/** Whoever asked so lately is likely to ask again, in ms. */
const LATELY_MS = 50;
/** A turn of the event loop costs a few microseconds. */
const SHORT_MS = 0.1;

/** What takes slices by a pace: plans and sweeps, and pages that a checkpoint writes. */
export type PacedWork = 'plans' | 'pages';

export class Pace {
  /** Of plans and sweeps: one of them at a time. */
  readonly writing: TurnClock;
  readonly #now: () => number;
  readonly #share = new FairShare();
  #askedAt: number = Number.NEGATIVE_INFINITY;
  readonly #longestMs: Record<PacedWork, number> = { plans: 0, pages: 0 };

  /** `now` is a clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.writing = new TurnClock({ now });
  }

  /** Somebody asks, and is to be answered soon. */
  noteQuestion(): void {
    this.#askedAt = this.#now();
  }

  /** How long a slice may be now. */
  get sliceMs(): number {
    return this.#sliceAt(this.#now());
  }

  /** Whether the writer has had its slice. One look at the clock. */
  get isOver(): boolean {
    const now = this.#now();
    const ms = this.writing.heldAt(now);
    this.note('plans', ms);
    return ms > this.#share.atLeast(this.#sliceAt(now));
  }

  /** Between two slices of the writer others had the event loop for so long. */
  noteOthers(ms: number): void {
    this.#share.note(ms);
  }

  /** A slice, or a piece of work without a turn of the event loop, was so long. */
  note(work: PacedWork, ms: number): void {
    if (ms > this.#longestMs[work]) this.#longestMs[work] = ms;
  }

  /** The longest ones so far, in ms. */
  get longestMs(): Readonly<Record<PacedWork, number>> {
    return this.#longestMs;
  }

  #sliceAt(now: number): number {
    return now - this.#askedAt < LATELY_MS ? SHORT_MS : SLICE_MS_MAX;
  }
}
