/** Chooses who runs the jobs of an engine. */
import { ByteBudget } from './byte-budget.ts';
import type { CoreParts } from './engine-core.ts';
import type { JobExecutor } from './job-executor.ts';
import { SlicedExecutor } from './sliced-executor.ts';
import type { Slices } from './slices.ts';

export function createExecutor(parts: CoreParts, slices: Slices): JobExecutor {
  const { fileSystem, hasher, options } = parts;
  const budget = new ByteBudget(options.backgroundBytesPerSecond);
  return new SlicedExecutor({ fileSystem, hasher, slices, budget });
}
