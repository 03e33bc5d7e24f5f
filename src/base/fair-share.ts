/**
 * How long a slice of work may be beside others. Short ones would starve it where others take long turns themselves:
 * it gets half as long as they had, on average over its last turns. One long turn alone, a burst of searches or a
 * pause of the machine, must not make one long slice, which the next one to ask would wait for.
 */

/** Most slices end well before the promise that none takes more than 10 ms. */
export const SLICE_MS_MAX = 4;
/** About so many turns are remembered. */
const TURNS = 16;

export class FairShare {
  #ownMs = 0;

  /** Others had the event loop for so long between two slices. */
  note(othersMs: number): void {
    this.#ownMs += (Math.min(othersMs / 2, SLICE_MS_MAX) - this.#ownMs) / TURNS;
  }

  /** How long a slice may be that is to take `sliceMs`. */
  atLeast(sliceMs: number): number {
    return Math.max(sliceMs, this.#ownMs);
  }
}
