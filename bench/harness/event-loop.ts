/**
 * How late timers come while something works: the event loop's delay. An idle process on a shared machine
 * shows some of it too, so a bench reads one beside the other.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopDelay {
  readonly eventLoopDelayP999Ms: number;
  readonly eventLoopDelayMaxMs: number;
}

const RESOLUTION_MS = 1;

/** Call `stop` once; the figures leave out the interval that a timer waits anyway. */
export class LoopDelayMonitor {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#histogram.enable();
  }

  stop(): LoopDelay {
    this.#histogram.disable();
    const delay = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    return {
      eventLoopDelayP999Ms: delay(this.#histogram.percentile(99.9)),
      eventLoopDelayMaxMs: delay(this.#histogram.max),
    };
  }
}
