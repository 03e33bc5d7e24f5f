/** Chooses who runs the jobs of an engine: a worker only where it can open the files by itself. */
import type { Hasher } from '../base/hasher.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { ByteBudget } from './byte-budget.ts';
import type { ExecutorKind } from './engine-options.ts';
import type { JobExecutor } from './job-executor.ts';
import { SlicedExecutor } from './sliced-executor.ts';
import type { Slices } from './slices.ts';
import { WorkerExecutor } from './worker-executor.ts';

export interface ExecutorParts {
  readonly fileSystem: FileSystem;
  readonly hasher: Hasher;
  readonly options: {
    readonly executor: ExecutorKind;
    /** Of compactions; infinite: as fast as they go. */
    readonly backgroundBytesPerSecond: number;
  };
}

export function createExecutor(parts: ExecutorParts, slices: Slices): JobExecutor {
  const { fileSystem, hasher, options } = parts;
  const { backgroundBytesPerSecond } = options;
  const budget = new ByteBudget(backgroundBytesPerSecond);
  const access = options.executor === 'worker' ? fileSystem.threadAccess?.() : undefined;
  if (access !== undefined) return new WorkerExecutor(access, { backgroundBytesPerSecond });
  return new SlicedExecutor({ fileSystem, hasher, slices, budget });
}
