/**
 * Which walks are alone, where others could be shared among threads. A walk that is alone is done where it is asked
 * for, at once: to wait for company would be to wait for the slices of a writer. Company is
 *
 *   - another that is asked for in the same run of JavaScript (`Promise.all`), or by somebody who goes on in the
 *     same queue of promises;
 *   - another that was answered in this turn of the event loop to somebody else, such as a request that came in
 *     together with this one. A caller who goes on after his answer, without a turn, is still alone.
 */

export class LoneWalks {
  /** One was walked, and nobody who waits for its answer has gone on yet. */
  #isFresh = false;
  /** One was walked in this turn of the event loop. */
  #isInTurn = false;
  /** Whoever waited for its answer has gone on, as far as he could without a turn. */
  #isPast = false;

  /** Whether a walk that is asked for now is alone. Then it is to be walked before anything else happens. */
  enter(): boolean {
    if (this.#isFresh || this.#isPast) return false;
    this.#isFresh = true;
    // Runs before what waits for the answer, which is not there yet.
    queueMicrotask(() => {
      this.#isFresh = false;
    });
    if (this.#isInTurn) return true;
    this.#isInTurn = true;
    process.nextTick(() => {
      this.#isPast = true;
    });
    setImmediate(() => {
      this.#isInTurn = false;
      this.#isPast = false;
    });
    return true;
  }
}
