/** One round of the soak of crashes: all crashes of a short history of an engine. See `crash.soak.ts`. */
import type { CrashStatesTally } from './crash-states.ts';
import { judgeHistory, recordHistory } from './engine-crash-states.ts';
import { anySize, below, randomOptions, randomSteps } from './engine-random.ts';
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
