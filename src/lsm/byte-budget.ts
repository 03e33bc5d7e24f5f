/**
 * A token bucket for the bytes that background work writes: it fills at a steady rate, holds a fraction of
 * a second's worth, and goes into debt for whatever is taken beyond that. Whoever takes is told how long to
 * wait until the debt is paid; nobody is ever refused.
 *
 * Work that must not wait (flushes) takes and goes on: the next one to take waits for it, too.
 */
import { assert } from '../base/assert.ts';

/** What may be written at once after a rest, in seconds of the rate. */
const BURST_SECONDS = 0.1;

export class ByteBudget {
  readonly bytesPerSecond: number;
  readonly #now: () => number;
  readonly #burstBytes: number;
  /** Bytes that may be taken without a wait; negative: the debt. As of `#asOfMs`. */
  #tokens: number;
  #asOfMs: number;
  #takenBytes = 0;
  #waitMs = 0;

  /** `bytesPerSecond` may be Infinity. `now` is a clock in ms that never goes back. */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    assert(bytesPerSecond > 0, 'a budget fills');
    this.bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#burstBytes = bytesPerSecond * BURST_SECONDS;
    this.#tokens = this.#burstBytes;
    this.#asOfMs = now();
  }

  /** Bytes taken so far. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Milliseconds of waiting that `take` has asked for so far. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /**
   * Takes bytes that were written, or are about to be. Returns how long to wait before going on, in ms; 0
   * when there is no debt. O(1).
   */
  take(bytes: number): number {
    assert(bytes >= 0, 'bytes are taken, not given back');
    this.#takenBytes += bytes;
    const ms = this.#draw(bytes);
    this.#waitMs += ms;
    return ms;
  }

  /** Takes bytes on behalf of work that does not wait. */
  count(bytes: number): void {
    this.#takenBytes += bytes;
    this.#draw(bytes);
  }

  #draw(bytes: number): number {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) return 0;
    const now = this.#now();
    const earned = ((now - this.#asOfMs) / 1000) * this.bytesPerSecond;
    this.#asOfMs = now;
    this.#tokens = Math.min(this.#tokens + earned, this.#burstBytes) - bytes;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.bytesPerSecond) * 1000;
  }
}
