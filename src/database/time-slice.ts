import { setImmediate } from 'node:timers/promises';
import type { SliceMeter } from '../base/slice-meter.ts';

const SLICE_MS = 5;

/** Keeps long work from holding the event loop: ask after each piece, and yield when time is up. */
export class TimeSlice {
  readonly #meter: SliceMeter | undefined;
  #start: number = performance.now();

  /** `meter` is told how long the slices were. */
  constructor(meter?: SliceMeter) {
    this.#meter = meter;
  }

  get isOver(): boolean {
    const ms = performance.now() - this.#start;
    this.#meter?.note(ms);
    return ms > SLICE_MS;
  }

  /** Lets the event loop turn once. */
  async yield(): Promise<void> {
    await setImmediate();
    this.#start = performance.now();
  }
}
