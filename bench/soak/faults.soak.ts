/**
 * What becomes of an engine when calls to its files fail, one here and one there?
 *
 * A random trace under random options; up to five random calls fail, each in a random way. Every outcome is
 * success or a typed error; what the engine still answers is right; after a reopening on a sound disk,
 * with a random part of what was not synced, nothing acknowledged is missing.
 *
 * npm run soak -- faults [--minutes N | --rounds N] [--seed S]
 */
import type { Random } from '../../src/base/random.ts';
import { isDatabaseError } from '../../src/errors.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { anySize, below, pick, randomOptions, randomSteps } from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import { runRounds } from './rounds.ts';

await runRounds('faults', async (random) => {
  const disk = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(disk);
  const run = new EngineRun(random, faulty, randomOptions(random));
  planFaults(random, faulty);
  await live(run, random, faulty);
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
});

function planFaults(random: Random, faulty: FaultyFileSystem): void {
  for (let i = 1 + below(random, 5); i > 0; i--) {
    faulty.failCall(anySize(random, 1, 4000), pick(random, ['EIO', 'ENOSPC', 'short', 'sync']));
  }
}

/** Goes on after every error; reopens an engine that a fault has made read-only. */
async function live(run: EngineRun, random: Random, faulty: FaultyFileSystem): Promise<void> {
  await withoutFault(faulty, () => run.open());
  for (const step of randomSteps(random, 10 + below(random, 60))) {
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
