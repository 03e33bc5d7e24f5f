/**
 * Puts off the acknowledgement of commits while compaction is behind: the promise of `committed` resolves
 * later, by as much as the bytes written since then are worth at the present debt (`write-delay.ts`). Those
 * who await their commits are slowed down before anything has to stop; who does not await, stops later.
 *
 * Delays shorter than a timer can measure are saved up.
 */
import type { CompactionPolicy } from './compaction-policy.ts';
import type { EngineCore } from './engine-core.ts';
import { delayPerByteMs } from './write-delay.ts';

/** No single acknowledgement waits longer than this, in ms. */
const WAIT_MS_MAX = 100;

export class WriteThrottle {
  readonly #core: EngineCore;
  readonly #policy: CompactionPolicy;
  readonly #now: () => number;
  /** Of the log, when delays were last reckoned. */
  #countedBytes = 0;
  /** Acknowledgements wait until then. */
  #dueMs = 0;
  #delayMs = 0;
  readonly #waiting: Map<NodeJS.Timeout, () => void> = new Map();

  /** `now` is a clock in ms. */
  constructor(
    core: EngineCore,
    policy: CompactionPolicy,
    now: () => number = () => performance.now(),
  ) {
    this.#core = core;
    this.#policy = policy;
    this.#now = now;
  }

  /** Delay of all acknowledgements so far that anybody waited for, in ms. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** How long the acknowledgement of what has been written is to be put off, in whole ms; mostly 0. */
  reckon(): number {
    const { log, options } = this.#core;
    if (log === undefined || !options.autoCompact) return 0;
    const { bytesWritten } = log.counts;
    const bytes = bytesWritten - this.#countedBytes;
    this.#countedBytes = bytesWritten;
    const now = this.#now();
    this.#dueMs = Math.max(this.#dueMs, now);
    if (bytes > 0) this.#dueMs += bytes * delayPerByteMs(this.#policy.debt(), options);
    this.#dueMs = Math.min(this.#dueMs, now + WAIT_MS_MAX);
    return Math.floor(this.#dueMs - now);
  }

  /** Resolves after that long, or when the engine closes. */
  wait(ms: number): Promise<void> {
    this.#delayMs += ms;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        resolve();
      }, ms);
      this.#waiting.set(timer, resolve);
    });
  }

  /** Lets go whoever waits. */
  stop(): void {
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer);
      resolve();
    }
    this.#waiting.clear();
  }
}
