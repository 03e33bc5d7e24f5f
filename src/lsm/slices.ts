/**
 * Long work in short slices, so that the event loop stays free. Work is a function that goes on until it
 * is done or `isOver` says that the slice has had its time.
 */

import { FairShare, SLICE_MS_MAX } from '../base/fair-share.ts';

export const SLICE_MS: number = SLICE_MS_MAX;

export interface SlicesOptions {
  /** A clock in ms. */
  readonly now?: (() => number) | undefined;
  /** How long a slice that begins now may be. Default: 4 ms. */
  readonly sliceMs?: (() => number) | undefined;
}

/** Looking at the clock costs a fraction of an entry of the usual size. */
const UNITS_PER_LOOK_MAX = 8;
/** Units that take longer than this together, such as large values, are looked at in smaller numbers, in ms. */
const LOOK_MS = 0.05;

/** Does a part of the work; true when all of it is done. */
export type SlicedWork = (isOver: () => boolean) => boolean;

export class Slices {
  #longestMs = 0;
  readonly #share = new FairShare();
  readonly #now: () => number;
  readonly #sliceMs: () => number;

  constructor(options: SlicesOptions = {}) {
    const { now = () => performance.now(), sliceMs = () => SLICE_MS } = options;
    this.#now = now;
    this.#sliceMs = sliceMs;
  }

  /** How long a slice that begins now may be. */
  get sliceMs(): number {
    return this.#share.atLeast(this.#sliceMs());
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

  /** Lets the event loop turn once. */
  async turn(): Promise<void> {
    const ended = this.#now();
    await nextTurn();
    this.#share.note(this.#now() - ended);
  }

  /** Runs slices, with a turn of the event loop between two of them, until the work is done. */
  async run(work: SlicedWork): Promise<void> {
    while (!this.once(this.sliceMs, work)) await this.turn();
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

/**
 * One work after the other, each made when the one before is done. Run by themselves they would take a slice each,
 * without a turn between them.
 */
export function inOrder(stages: readonly (() => SlicedWork)[]): SlicedWork {
  let begun = 0;
  let work: SlicedWork | undefined;
  return (isOver) => {
    while (work !== undefined || begun < stages.length) {
      work ??= stages[begun++]();
      if (!work(isOver)) return false;
      work = undefined;
    }
    return true;
  };
}

/** Resolves in the next turn of the event loop, after I/O callbacks had theirs. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
