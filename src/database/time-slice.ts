import { setImmediate } from 'node:timers/promises';
import { fairMs, type Pace } from '../base/pace.ts';

const SLICE_MS = 5;

/** Keeps long work from holding the event loop: ask after each piece, and yield when time is up. */
export class TimeSlice {
  readonly #pace: Pace | undefined;
  #start: number = performance.now();
  /** How long others had the event loop before this slice. */
  #othersMs = 0;

  /** `pace` says how long slices may be, and is told how long they were. Without one: 5 ms. */
  constructor(pace?: Pace) {
    this.#pace = pace;
  }

  get isOver(): boolean {
    const ms = performance.now() - this.#start;
    this.#pace?.note(ms);
    return ms > fairMs(this.#pace?.sliceMs ?? SLICE_MS, this.#othersMs);
  }

  /** Lets the event loop turn once. */
  async yield(): Promise<void> {
    const ended = performance.now();
    await setImmediate();
    this.#start = performance.now();
    this.#othersMs = this.#start - ended;
  }

  /** Runs work that can pause after each of its steps; gives its result. */
  async run<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (this.isOver) await this.yield();
    }
  }
}
