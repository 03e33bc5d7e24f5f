/**
 * Long work in short slices, so that the event loop stays free. Work is a function that goes on until it
 * is done or `isOver` says that the slice has had its time.
 */

/** Most slices end well before the promise that no slice takes more than 10 ms. */
export const SLICE_MS = 5;

/** Looking at the clock costs about as much as a few entries. */
const UNITS_PER_LOOK = 32;

/** Does a part of the work; true when all of it is done. */
export type SlicedWork = (isOver: () => boolean) => boolean;

export class Slices {
  #longestMs = 0;

  /** The longest slice so far, in ms. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Runs one slice; returns what `work` returns. */
  once(sliceMs: number, work: SlicedWork): boolean {
    const start = performance.now();
    let units = 0;
    const isOver = (): boolean =>
      ++units % UNITS_PER_LOOK === 0 && performance.now() - start >= sliceMs;
    try {
      return work(isOver);
    } finally {
      this.#longestMs = Math.max(this.#longestMs, performance.now() - start);
    }
  }

  /** Runs slices, with a turn of the event loop between two of them, until the work is done. */
  async run(work: SlicedWork): Promise<void> {
    while (!this.once(SLICE_MS, work)) await nextTurn();
  }
}

/** Resolves in the next turn of the event loop, after I/O callbacks had theirs. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
