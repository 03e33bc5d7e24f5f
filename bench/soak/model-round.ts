/** One round of an engine beside its model: no crash, no fault, random steps under random options. */
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import {
  below,
  type RandomOptions,
  randomOptions,
  randomSteps,
  type Step,
} from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import type { Trial } from './trial.ts';

export async function modelRound(trial: Trial): Promise<void> {
  const { random } = trial;
  await runSteps(trial, randomOptions(random), randomSteps(random, 20 + below(random, 80)));
}

export interface StepsPlace {
  readonly fileSystem?: FileSystem | undefined;
  readonly directory?: string | undefined;
}

/** After each step the engine answers as the model does. */
export async function runSteps(
  trial: Trial,
  options: RandomOptions,
  steps: readonly Step[],
  { fileSystem = new MemoryFileSystem(), directory }: StepsPlace = {},
): Promise<void> {
  const run = new EngineRun(trial, fileSystem, options, { directory });
  await run.open();
  for (const step of steps) {
    await run.take(step);
    if (run.engine.shouldCheckpoint()) await run.checkpoint();
    run.check();
  }
  await run.assertHealthy();
  await run.close();
}
