/**
 * A history of an engine, and every state in which a crash may leave its disk: acknowledged commits are there,
 * the state is a prefix of the commits and whole commits, `check` passes, a reader changes nothing and sees what
 * a writer then finds, and what an opening found is as safe as what is written after it.
 */
import { isDatabaseError } from '../../src/errors.ts';
import type { Durability } from '../../src/lsm/engine-options.ts';
import { SET } from '../../src/lsm/entry.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { type TracedCall, TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { type CrashStatesTally, judgeCrashStates, type Promised } from './crash-states.ts';
import { type Model, PLAIN } from './engine-model.ts';
import type { RandomOptions, Step } from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import { type DiskImage, fileSystemOf } from './traced-disk.ts';
import type { Trial } from './trial.ts';

export interface EngineHistory {
  readonly trace: readonly TracedCall[];
  readonly promises: readonly Promised[];
  /** All commits. */
  readonly model: Model;
  readonly options: RandomOptions;
}

/** What an engine does between an opening and the next, or the end. */
export interface Life {
  readonly durability: Durability;
  readonly steps: readonly Step[];
}

/** Each life is opened, takes its steps and is closed. */
export async function recordHistory(
  trial: Trial,
  options: RandomOptions,
  lives: readonly Life[],
): Promise<EngineHistory> {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  const run = new EngineRun(trial, tracing, options);
  const promises = promisesOf(run, tracing);
  for (const { durability, steps } of lives) {
    run.moveTo(tracing, { ...options, durability });
    await run.open();
    for (const step of steps) await run.take(step);
    await run.close();
  }
  return { trace: [...tracing.trace], promises, model: run.model, options };
}

/** The promises of a run, as they are made. */
function promisesOf(run: EngineRun, { trace }: TracingFileSystem): Promised[] {
  const promises: Promised[] = [];
  run.onPromise = (power, kill) => promises.push({ calls: trace.length, power, kill });
  return promises;
}

export interface EngineCrashOptions {
  readonly statesPerCall: number;
  readonly stride?: number;
  /** The share of the disks whose recovery is traced too, and crashed at each call. Default: 0. */
  readonly recoveries?: number;
}

/** Throws at the first state that is not as it must be. */
export async function judgeHistory(
  trial: Trial,
  history: EngineHistory,
  { statesPerCall, stride = 1, recoveries = 0 }: EngineCrashOptions,
): Promise<CrashStatesTally> {
  const { trace, promises } = history;
  const { random } = trial;
  const total = { calls: 0, states: 0, disks: 0 };
  const add = (tally: CrashStatesTally): void => {
    total.calls += tally.calls;
    total.states += tally.states;
    total.disks += tally.disks;
  };
  const judge = async (image: DiskImage): Promise<number> => {
    const position = await judgeDisk(trial, history, image);
    if (random() < recoveries) add(await judgeRecovery(trial, history, image, position));
    return position;
  };
  add(await judgeCrashStates({ trace, promises, random, statesPerCall, stride, judge }));
  return total;
}

/** Returns the sequence that was found. */
async function judgeDisk(
  trial: Trial,
  { options, model }: EngineHistory,
  image: DiskImage,
): Promise<number> {
  const disk = fileSystemOf(image);
  const run = new EngineRun(trial, disk, options, { model: model.copy() });
  const read = await readAlone(run, disk, options);
  run.moveTo(disk, options);
  await run.open();
  await run.assertHealthy();
  const found = run.engine.appliedSequence;
  if (read !== undefined && read !== found) {
    throw new Error(`a reader saw the state of ${read}, the opening after it that of ${found}`);
  }

  // The power goes at once: what was found is found again, and is gone on from.
  const left = disk.crash(found, 0);
  await run.die('power cut');
  run.moveTo(left, options);
  await run.open();
  await writeOn(run);
  await run.close();
  const last = left.crash(found, 0);
  run.moveTo(last, options);
  await run.open();
  await run.assertHealthy();
  await run.close();
  return found;
}

/** What a reader sees, who changes nothing; undefined when there is nothing yet. */
async function readAlone(
  run: EngineRun,
  disk: FileSystem,
  options: RandomOptions,
): Promise<number | undefined> {
  const tracing = new TracingFileSystem(disk);
  run.moveTo(tracing, options);
  let sequence: number | undefined;
  try {
    await run.open({ readOnly: true });
    sequence = run.engine.appliedSequence;
    await run.close();
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'NOT_FOUND') throw error;
  }
  const change = tracing.trace.find(isChange);
  if (change === undefined) return sequence;
  throw new Error(`a reader changes the disk: ${change.operation} ${change.path}`);
}

/** Whether the call changes, or makes durable, what is on a disk. */
export function isChange({ operation, mode }: TracedCall): boolean {
  if (operation === 'open') return mode !== 'read';
  return !['read', 'size', 'close', 'list', 'exists'].includes(operation);
}

/**
 * Crashes of a recovery and of the commit after it, on top of the crash that it recovers from. No recovery may
 * lose what it would have found.
 */
async function judgeRecovery(
  trial: Trial,
  history: EngineHistory,
  image: DiskImage,
  found: number,
): Promise<CrashStatesTally> {
  const { random } = trial;
  const { options } = history;
  const model = history.model.copy();
  const tracing = new TracingFileSystem(fileSystemOf(image));
  const run = new EngineRun(trial, tracing, options, { model });
  const promises = promisesOf(run, tracing);
  promises.push({ calls: 0, power: found, kill: found });
  await run.open();
  await writeOn(run);
  await run.close();
  const trace = [...tracing.trace];
  const recovered: EngineHistory = { trace, promises, model, options };
  return await judgeCrashStates({
    trace,
    promises,
    random,
    from: image,
    statesPerCall: 4,
    judge: (left) => judgeDisk(trial, recovered, left),
  });
}

async function writeOn(run: EngineRun): Promise<void> {
  const value = Uint8Array.of(run.engine.appliedSequence);
  const changes = [{ tree: PLAIN, hi: 0, lo: 0, kind: SET, value } as const];
  await run.take({ do: 'commit', commit: { changes, attachments: [] }, isAwaited: true });
}
