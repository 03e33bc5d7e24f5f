/** Repeating what lost a race: transactions that end with `CONFLICT`. */
import { setTimeout as sleepMs } from 'node:timers/promises';
import { isDatabaseError } from '../errors.ts';
import { checkInteger, checkKeys, describe, invalid } from './validate.ts';

const ATTEMPTS = 10;
/** The pause before the n-th repetition is a random share of FIRST_MS * 2^n, of LONGEST_MS at most. */
const FIRST_MS = 1;
const LONGEST_MS = 100;

/** Options of `retry`. */
export interface RetryOptions {
  /** How often `fn` is called at most. Default: 10. */
  readonly attempts?: number | undefined;
  /** Waits between two calls. Default: a timer. */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
  /** Numbers in [0, 1), which spread out those who collided. Default: Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * Calls `fn` again as long as it rejects with `CONFLICT`, with pauses that grow from 1 to 100 ms; gives its
 * result, or its last error. Any other error ends it at once.
 *
 *   await retry(() => db.transaction(async (tx) => { … }));
 */
export async function retry<T>(fn: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  checkKeys(options, ['attempts', 'sleep', 'random'], 'retry');
  if (typeof fn !== 'function') throw invalid(`fn: expected a function, got ${describe(fn)}`);
  const { attempts = ATTEMPTS, sleep = sleepMs, random = Math.random } = options;
  checkInteger(attempts, 'attempts', { from: 1, to: Number.MAX_SAFE_INTEGER });
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      const isConflict = isDatabaseError(error) && error.code === 'CONFLICT';
      if (!isConflict || attempt >= attempts) throw error;
    }
    await sleep(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt));
  }
}
