/**
 * Does a crash at any moment lose what was acknowledged, or leave anything half done?
 *
 * One disk in memory goes through several lives of an engine with random options. Each ends before a random
 * call to the file system: the process is killed, or the power goes and a random part of what was not
 * synced stays. What the next life finds must be a prefix of the commits, with all that was acknowledged;
 * some lives end while they recover.
 *
 * npm run soak -- crash [--minutes N | --rounds N] [--seed S]
 */
import { crashRound } from './crash-round.ts';
import { runRounds } from './rounds.ts';

await runRounds('crash', crashRound);
