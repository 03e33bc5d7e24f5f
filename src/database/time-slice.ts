import { setImmediate } from 'node:timers/promises';
import type { Pace } from '../base/pace.ts';

const SLICE_MS = 5;

/** Keeps long work from holding the event loop: ask after each piece, and yield when time is up. */
export class TimeSlice {
  readonly #pace: Pace | undefined;
  #start: number;

  /**
   * With a pace the slice is one of the writer: the pace says how long it may be, with what the writer did before in
   * the same turn of the event loop, and is told how long it was. Without one: 5 ms.
   */
  constructor(pace?: Pace) {
    this.#pace = pace;
    this.#start = performance.now();
    pace?.writing.heldMs();
  }

  get isOver(): boolean {
    return this.#pace?.isOver ?? performance.now() - this.#start > SLICE_MS;
  }

  /** Lets the event loop turn once. */
  async yield(): Promise<void> {
    const ended = performance.now();
    await setImmediate();
    this.#start = performance.now();
    this.#pace?.noteOthers(this.#start - ended);
    this.#pace?.writing.heldMs();
  }

  /** Before work that takes slices of its own: they begin in a new turn, unless most of this one is left. */
  async handOn(): Promise<void> {
    const pace = this.#pace;
    if (pace === undefined || 2 * pace.writing.heldMs() > pace.sliceMs) await this.yield();
  }

  /** Runs work that can pause after each of its steps; gives its result. */
  async run<T>(work: Generator<void, T>): Promise<T> {
    this.#pace?.writing.heldMs();
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (this.isOver) await this.yield();
    }
  }
}
