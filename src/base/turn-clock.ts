/**
 * Since when work has held the present turn of the event loop. Pieces of it that follow each other without a turn
 * are one to whoever waits, although each of them began anew: a plan, its lists, and the plan behind it.
 */

export interface TurnClockOptions {
  /** A clock in ms. */
  readonly now?: (() => number) | undefined;
  /** Calls back in the next turn, before whoever asks for that later. Default: `setImmediate`. */
  readonly nextTurn?: ((callback: () => void) => void) | undefined;
}

export class TurnClock {
  readonly #now: () => number;
  readonly #nextTurn: (callback: () => void) => void;
  #began: number | undefined;

  constructor(options: TurnClockOptions = {}) {
    const { now = () => performance.now(), nextTurn = setImmediate } = options;
    this.#now = now;
    this.#nextTurn = nextTurn;
  }

  /** How long work has held this turn, in ms; it begins, with 0, when this is asked first. */
  heldMs(): number {
    return this.heldAt(this.#now());
  }

  /** As `heldMs`, for who has just looked at the clock. */
  heldAt(now: number): number {
    if (this.#began !== undefined) return now - this.#began;
    this.#began = now;
    this.#nextTurn(() => {
      this.#began = undefined;
    });
    return 0;
  }
}
