import { setImmediate } from 'node:timers/promises';

const SLICE_MS = 5;

/** Keeps long work from holding the event loop: ask after each piece, and yield when time is up. */
export class TimeSlice {
  #start: number = performance.now();

  get isOver(): boolean {
    return performance.now() - this.#start > SLICE_MS;
  }

  /** Lets the event loop turn once. */
  async yield(): Promise<void> {
    await setImmediate();
    this.#start = performance.now();
  }
}
