/**
 * How long work in slices may hold the event loop, and did. What somebody asks meanwhile waits for the rest of
 * the slice: as long as questions come, slices are about as long as a part of one insertion. When nobody has asked
 * for a while they are long, and cost fewer turns of the event loop. Where others take long turns themselves, short
 * slices would only starve the work: it gets half as long as they had (`fairMs`).
 */
import { TurnClock } from './turn-clock.ts';

/** Whoever asked so lately is likely to ask again, in ms. */
const LATELY_MS = 50;
/** A turn of the event loop costs a few microseconds. */
const SHORT_MS = 0.1;
/** Most slices end well before the promise that none takes more than 10 ms. */
const LONG_MS = 4;

/** How long a slice may be that is to take `sliceMs`, when others just had the event loop for `othersMs`. */
export function fairMs(sliceMs: number, othersMs: number): number {
  return Math.max(sliceMs, Math.min(othersMs / 2, LONG_MS));
}

export class Pace {
  /** Of plans and sweeps: one of them at a time. */
  readonly writing: TurnClock;
  readonly #now: () => number;
  #askedAt: number = Number.NEGATIVE_INFINITY;
  #longestMs = 0;

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

  /** Whether the writer has had its slice, after which others had the event loop for `othersMs`. One look at the clock. */
  isOver(othersMs: number): boolean {
    const now = this.#now();
    const ms = this.writing.heldAt(now);
    this.note(ms);
    return ms > fairMs(this.#sliceAt(now), othersMs);
  }

  /** A slice, or a piece of work without a turn of the event loop, was so long. */
  note(ms: number): void {
    if (ms > this.#longestMs) this.#longestMs = ms;
  }

  /** The longest one so far, in ms. */
  get longestMs(): number {
    return this.#longestMs;
  }

  #sliceAt(now: number): number {
    return now - this.#askedAt < LATELY_MS ? SHORT_MS : LONG_MS;
  }
}
