/** Rounds of the soak of crashes: all crashes of a short history. See `crash.soak.ts`. */
import type { CrashStatesTally } from './crash-states.ts';
import { judgeDatabaseHistory, recordDatabaseHistory } from './database-crash-states.ts';
import { judgeHistory, recordHistory } from './engine-crash-states.ts';
import { anySize, below, pick, randomOptions, randomSteps } from './engine-random.ts';
import type { Trial } from './trial.ts';

export async function crashStatesRound(trial: Trial): Promise<CrashStatesTally> {
  const { random } = trial;
  const lives = (['sync', 'os', 'none', 'sync'] as const).map((durability) => ({
    durability,
    steps: randomSteps(random, below(random, 12)),
  }));
  const history = await recordHistory(trial, randomOptions(random), lives.slice(below(random, 3)));
  return await judgeHistory(trial, history, {
    statesPerCall: anySize(random, 2, 64),
    stride: 1 + below(random, 5),
    recoveries: 0.01,
  });
}

/** Shorter and sparser: a step or two of each life, few states of each call. */
export async function fewCrashStatesRound(trial: Trial): Promise<void> {
  const { random } = trial;
  const lives = (['sync', 'os', 'sync'] as const).map((durability) => ({
    durability,
    steps: randomSteps(random, below(random, 7)),
  }));
  const history = await recordHistory(trial, randomOptions(random), lives.slice(below(random, 3)));
  await judgeHistory(trial, history, { statesPerCall: 4 + below(random, 5) });
}

/** The same of a whole database, which takes a hundred times as long to open and judge. */
export async function databaseCrashStatesRound({ random }: Trial): Promise<CrashStatesTally> {
  const durabilities = [pick(random, ['sync', 'os', 'none'] as const), 'sync' as const];
  const history = await recordDatabaseHistory(random, durabilities, 1 + below(random, 12));
  const asked = { statesPerCall: anySize(random, 2, 16), stride: 5 + below(random, 20) };
  return await judgeDatabaseHistory(random, history, asked);
}
