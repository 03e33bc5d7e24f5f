/** The workers of one bulk load: those of the database, or some that last as long as it does. */
import { availableParallelism } from 'node:os';
import { KernelPool } from '../kernels/worker-pool.ts';
import type { Stores } from './stores.ts';

/** Numbers in all vectors from which on threads are worth their start, some 50 ms: a second of work or so. */
const VALUES_MIN = 3_000_000;

export interface BuildThreads {
  /** As the caller asked for; undefined: as many as are worth it. */
  readonly threads: number | undefined;
  /** For more than so many there is no memory. */
  readonly most: number;
  /** Numbers in all vectors. */
  readonly values: number;
}

/** Calls `load` with workers, or without; ends those that it started. */
export async function withBuildPool<T>(
  { kernels, workers }: Pick<Stores, 'kernels' | 'workers'>,
  { threads, most, values }: BuildThreads,
  load: (pool: KernelPool | undefined) => Promise<T>,
): Promise<T> {
  const own = values < VALUES_MIN ? 0 : availableParallelism() - 1;
  const count = Math.min(threads ?? workers?.threads ?? own, most);
  if (count === workers?.threads) return await load(workers);
  if (count === 0) return await load(undefined);
  const pool = new KernelPool(kernels, count);
  try {
    return await load(pool);
  } finally {
    await pool.close();
  }
}
