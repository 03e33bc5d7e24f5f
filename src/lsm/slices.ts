/**
 * Long work in short slices, so that the event loop stays free. Work is a function that goes on until it
 * is done or `isOver` says that the slice has had its time.
 */

/** Most slices end well before the promise that no slice takes more than 10 ms. */
export const SLICE_MS = 4;

/** Looking at the clock costs a fraction of an entry of the usual size. */
const UNITS_PER_LOOK_MAX = 8;
/** Units that take longer than this together, such as large values, are looked at in smaller numbers, in ms. */
const LOOK_MS = 0.25;

/** Does a part of the work; true when all of it is done. */
export type SlicedWork = (isOver: () => boolean) => boolean;

export class Slices {
  #longestMs = 0;
  readonly #now: () => number;

  /** `now` is a clock in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The longest slice so far, in ms. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Runs one slice; returns what `work` returns. */
  once(sliceMs: number, work: SlicedWork): boolean {
    const isOver = sliceClock(sliceMs, this.#now);
    return this.timed(() => work(isOver));
  }

  /** For work that is short as a whole: counted as a slice. */
  timed<T>(work: () => T): T {
    const start = this.#now();
    try {
      return work();
    } finally {
      this.#longestMs = Math.max(this.#longestMs, this.#now() - start);
    }
  }

  /** Runs slices, with a turn of the event loop between two of them, until the work is done. */
  async run(work: SlicedWork): Promise<void> {
    while (!this.once(SLICE_MS, work)) await nextTurn();
  }
}

/** Tells when a slice that begins now has had its time; asked after each unit of work, of whatever size. */
function sliceClock(sliceMs: number, clock: () => number): () => boolean {
  const start = clock();
  let looked = start;
  let stride = 1;
  let left = 1;
  return () => {
    if (--left > 0) return false;
    const now = clock();
    if (now - looked > LOOK_MS) stride = Math.max(1, stride >> 2);
    else if (stride < UNITS_PER_LOOK_MAX) stride *= 2;
    looked = now;
    left = stride;
    return now - start >= sliceMs;
  };
}

/** Resolves in the next turn of the event loop, after I/O callbacks had theirs. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
