/** Histories whose crashes are all tried: each life has everything, in its durability. */
import { expect } from 'vitest';
import type { CrashStatesTally } from '../../bench/soak/crash-states.ts';
import {
  type EngineCrashOptions,
  judgeHistory,
  recordHistory,
} from '../../bench/soak/engine-crash-states.ts';
import {
  type RandomOptions,
  randomCommit,
  randomOptions,
  type Step,
} from '../../bench/soak/engine-random.ts';
import { newTrial } from '../../bench/soak/trial.ts';
import type { Random } from '../../src/base/random.ts';
import type { Durability } from '../../src/lsm/engine-options.ts';

/** A small engine with a random shape, but such that every life reaches a compaction. */
function options(random: Random): RandomOptions {
  return { ...randomOptions(random), level0Tables: 2, autoCompact: false };
}

function steps(random: Random): Step[] {
  const commit = (isAwaited: boolean): Step => ({
    do: 'commit',
    commit: randomCommit(random),
    isAwaited,
  });
  return [
    commit(true),
    commit(false),
    commit(false),
    { do: 'checkpoint' },
    commit(false),
    { do: 'checkpoint beside commits' },
    commit(true),
    { do: 'checkpoint' },
    commit(false),
    { do: 'compact what is due' },
    commit(true),
    { do: 'compact all' },
    commit(false),
  ];
}

export async function crashEverywhere(
  seed: number,
  durabilities: readonly Durability[],
  asked: EngineCrashOptions,
): Promise<CrashStatesTally> {
  const trial = newTrial(seed);
  const { random } = trial;
  const lives = durabilities.map((durability) => ({ durability, steps: steps(random) }));
  const history = await recordHistory(trial, options(random), lives);
  const tally = await judgeHistory(trial, history, asked);
  expect(tally.disks).toBeGreaterThan(100);
  return tally;
}
