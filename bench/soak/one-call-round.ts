/**
 * A short history, first lived undisturbed to learn its calls, then again and again with one fault alone, at
 * a call of a kind that is as likely as any other; the power goes as soon as it has struck. In longer
 * histories (`faults-round.ts`) what a fault left undone is mostly made up for by what comes later.
 */
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { below, pick, randomOptions, randomSteps } from './engine-random.ts';
import { EngineRun } from './engine-run.ts';
import { endAfterFaults, kindsOfCalls, live, planFault } from './faults-round.ts';
import type { Trial } from './trial.ts';

const faultsPerRound = 12;

export async function oneCallRound(trial: Trial): Promise<void> {
  const { random } = trial;
  const options = randomOptions(random);
  const steps = randomSteps(random, 3 + below(random, 12));
  steps.splice(below(random, steps.length), 0, { do: 'reopen' });

  const whole = new FaultyFileSystem(new MemoryFileSystem());
  const rehearsal = new EngineRun(trial, whole, options);
  await live(rehearsal, steps, whole, () => false);
  await rehearsal.close();

  const all = kindsOfCalls(whole.trace);
  const syncs = all.filter(({ kind }) => kind.startsWith('sync '));
  const reads = all.filter(({ kind }) => kind.startsWith('read '));
  for (let i = 0; i < faultsPerRound; i++) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    const run = new EngineRun(trial, faulty, options);
    planFault(random, faulty, whole.trace, pick(random, [all, syncs, reads]));
    await live(run, steps, faulty, () => faulty.faults > 0);
    await endAfterFaults(random, run, faulty, disk);
  }
}
