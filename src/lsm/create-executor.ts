/** Chooses who runs the jobs of an engine: a worker only where it can open the files by itself. */
import { ByteBudget } from './byte-budget.ts';
import type { CoreParts } from './engine-core.ts';
import type { JobExecutor } from './job-executor.ts';
import { SlicedExecutor } from './sliced-executor.ts';
import type { Slices } from './slices.ts';
import { WorkerExecutor } from './worker-executor.ts';

export function createExecutor(parts: CoreParts, slices: Slices): JobExecutor {
  const { fileSystem, hasher, options } = parts;
  const { backgroundBytesPerSecond } = options;
  const budget = new ByteBudget(backgroundBytesPerSecond);
  const access = options.executor === 'worker' ? fileSystem.threadAccess?.() : undefined;
  if (access !== undefined) return new WorkerExecutor(access, { backgroundBytesPerSecond });
  return new SlicedExecutor({ fileSystem, hasher, slices, budget });
}
