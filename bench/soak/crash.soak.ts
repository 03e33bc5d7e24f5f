/**
 * Does a crash at any moment lose what was acknowledged, or leave anything half done?
 *
 * One disk in memory goes through several lives of an engine with random options. Each ends before a random
 * call to the file system: the process is killed, or the power goes and a random part of what was not
 * synced stays. What the next life finds must be a prefix of the commits, with all that was acknowledged;
 * some lives end while they recover. Then another, shorter history is crashed after each of its calls, in all
 * the ways that the cap of the round allows; in every fifth round one of a whole database too.
 *
 * npm run soak -- crash [--minutes N | --rounds N] [--seed S]
 */
import { crashRound } from './crash-round.ts';
import type { CrashStatesTally } from './crash-states.ts';
import { crashStatesRound, databaseCrashStatesRound } from './crash-states-round.ts';
import { runRounds } from './rounds.ts';

let [states, disks] = [0, 0];

function count(tally: CrashStatesTally): void {
  states += tally.states;
  disks += tally.disks;
}

await runRounds(
  'crash',
  async (trial) => {
    await crashRound(trial);
    count(await crashStatesRound(trial));
    if (trial.random() < 0.2) count(await databaseCrashStatesRound(trial));
  },
  () => `${states} states after a crash tried, ${disks} different disks opened`,
);
