/** One round of the soak of faults: some calls to the files fail. See `faults.soak.ts`. */
import type { Random } from '../../src/base/random.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { below, pick, randomOptions, randomSteps, type Step } from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import type { Trial } from './trial.ts';

export async function faultsRound(trial: Trial): Promise<void> {
  const { random } = trial;
  const options = randomOptions(random);
  const steps = randomSteps(random, 10 + below(random, 60));
  const whole = new FaultyFileSystem(new MemoryFileSystem());
  const rehearsal = new EngineRun(trial, whole, options);
  await live(rehearsal, steps, whole, () => false);
  await rehearsal.close();

  const disk = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(disk);
  const run = new EngineRun(trial, faulty, options);
  planFaults(random, faulty, whole.trace);
  // A later opening or checkpoint would make up for what a fault left undone.
  const endsSoon = random() < 0.7;
  await live(run, steps, faulty, () => endsSoon && faulty.faults > 0 && random() < 0.3);
  await endAfterFaults(random, run, faulty, disk);
}

/** The power goes; what is found then is whole, and can be gone on from. */
export async function endAfterFaults(
  random: Random,
  run: EngineRun,
  faulty: FaultyFileSystem,
  disk: MemoryFileSystem,
): Promise<void> {
  // What is still on its way may not come any more.
  faulty.stopAt(faulty.calls + 1);
  const left = disk.crash(below(random, 2 ** 32), pick(random, [0, 1, random()]));
  await run.die('power cut');

  run.moveTo(left);
  await run.open();
  await run.assertHealthy();
  await run.checkpoint();
  await run.engine.compact();
  run.check();
  await run.assertHealthy();
  await run.close();
}

/** Behind the first fault the trace may be another. */
function planFaults(random: Random, faulty: FaultyFileSystem, trace: readonly string[]): void {
  const kinds = kindsOfCalls(trace);
  // What a failed sync has lost is made up for by almost anything that comes later: often it fails alone.
  const isSyncAlone = random() < 0.3;
  const chosen = isSyncAlone ? kinds.filter(({ kind }) => kind.startsWith('sync ')) : kinds;
  const count = isSyncAlone ? 1 : 1 + below(random, 5);
  for (let i = 0; i < count; i++) planFault(random, faulty, trace, chosen);
}

export interface KindOfCalls {
  /** The operation and the extension of the file. */
  readonly kind: string;
  /** Their numbers, from 1. */
  readonly calls: readonly number[];
}

export function kindsOfCalls(trace: readonly string[]): KindOfCalls[] {
  const kinds = new Map<string, number[]>();
  for (const [i, call] of trace.entries()) {
    const kind = call.replace(/ .*?(\.?\w*)$/, ' $1');
    const calls = kinds.get(kind);
    if (calls === undefined) kinds.set(kind, [i + 1]);
    else calls.push(i + 1);
  }
  return [...kinds].map(([kind, calls]) => ({ kind, calls }));
}

/** Rare operations fail as often as common ones. */
export function planFault(
  random: Random,
  faulty: FaultyFileSystem,
  trace: readonly string[],
  kinds: readonly KindOfCalls[],
): void {
  const call = pick(random, pick(random, kinds).calls);
  const isSync = trace[call - 1].startsWith('sync ');
  const faults = isSync
    ? (['sync', 'sync', 'EIO'] as const)
    : (['EIO', 'ENOSPC', 'short'] as const);
  faulty.failCall(call, pick<FaultKind>(random, faults));
}

/** Goes on after every error; reopens an engine that a fault has made read-only. */
export async function live(
  run: EngineRun,
  steps: readonly Step[],
  faulty: FaultyFileSystem,
  isOver: () => boolean,
): Promise<void> {
  await withoutFault(faulty, () => run.open());
  for (const step of steps) {
    if (isOver()) return;
    const error = await attempt(() => run.take(step));
    if (error !== undefined && run.engine.state !== 'open') {
      // An engine that closed badly is closed all the same.
      if (run.engine.state !== 'closed') await attempt(() => run.close());
      await withoutFault(faulty, () => run.open());
    }
    await withoutFault(faulty, () => Promise.resolve(run.check()));
  }
}

/** Reads and openings may fail where a fault hits them, and are right when none does. */
async function withoutFault(faulty: FaultyFileSystem, run: () => Promise<void>): Promise<void> {
  for (;;) {
    const before = faulty.faults;
    const error = await attempt(run);
    if (error === undefined) return;
    if (faulty.faults === before) throw error;
  }
}

/** The error, if it is a typed one. */
async function attempt(run: () => Promise<void>): Promise<Error | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (!isDatabaseError(error) || error.code === 'CORRUPTION') throw error;
    return error;
  }
}
