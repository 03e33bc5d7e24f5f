/** One round of the soak of crashes: an engine lives and dies a few times. See `crash.soak.ts`. */
import type { Random } from '../../src/base/random.ts';
import { type DatabaseError, isDatabaseError } from '../../src/errors.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { anySize, below, pick, randomOptions, randomSteps } from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import type { Trial } from './trial.ts';

export async function crashRound(trial: Trial): Promise<void> {
  const { random } = trial;
  let disk = new MemoryFileSystem();
  const run = new EngineRun(trial, disk, randomOptions(random));
  const lives = 2 + below(random, 4);
  for (let life = 0; life < lives; life++) {
    disk = await liveAndDie(run, random, disk);
    if (random() < 0.3) disk = await dieInRecovery(run, random, disk);
  }
  await judge(run, disk);
}

/** Opens, takes random steps, and dies at a random call, or soon after the last step. */
async function liveAndDie(
  run: EngineRun,
  random: Random,
  disk: MemoryFileSystem,
): Promise<MemoryFileSystem> {
  const steps = randomSteps(random, 5 + below(random, 60));
  return await dieAt(anySize(random, 1, 4000), run, random, disk, async () => {
    await run.open();
    for (const step of steps) {
      await run.take(step);
      run.check();
    }
  });
}

function dieInRecovery(
  run: EngineRun,
  random: Random,
  disk: MemoryFileSystem,
): Promise<MemoryFileSystem> {
  return dieAt(anySize(random, 1, 60), run, random, disk, () => run.open());
}

/** Returns the disk that is left. */
async function dieAt(
  call: number,
  run: EngineRun,
  random: Random,
  disk: MemoryFileSystem,
  live: () => Promise<void>,
): Promise<MemoryFileSystem> {
  const faulty = new FaultyFileSystem(disk);
  run.moveTo(faulty);
  faulty.stopAt(call);
  const error = await failureOf(live);
  if (error !== undefined && !faulty.isStopped) throw error;
  if (!faulty.isStopped) faulty.stopAt(faulty.calls + 1);
  const isKilled = random() < 0.3;
  const keep = pick(random, [0, 1, random(), random()]);
  const left = isKilled ? disk : disk.crash(below(random, 2 ** 32), keep);
  await run.die(isKilled ? 'killed' : 'power cut');
  return left;
}

/** The error, if it is one that an engine whose disk went away may throw. */
async function failureOf(run: () => Promise<void>): Promise<DatabaseError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (!isDatabaseError(error) || error.code === 'CORRUPTION') throw error;
    return error;
  }
}

/** What is found is whole, is found again, and can be gone on from. */
async function judge(run: EngineRun, disk: MemoryFileSystem): Promise<void> {
  run.moveTo(disk);
  const error = await failureOf(() => run.open({ readOnly: true }));
  if (error === undefined) await run.close();
  // No life got as far as to create it.
  else if (error.code !== 'NOT_FOUND' || run.model.sequence > 0) throw error;
  await run.open();
  await run.assertHealthy();
  await run.close();
  await run.open();
  await run.checkpoint();
  await run.engine.compact();
  run.check();
  await run.assertHealthy();
  await run.close();
}
