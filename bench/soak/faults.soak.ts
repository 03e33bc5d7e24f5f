/**
 * What becomes of an engine when calls to its files fail, one here and one there?
 *
 * A random trace under random options runs once without faults; then up to five calls fail, of random kinds
 * and each in a random way. Every outcome is
 * success or a typed error; what the engine still answers is right; after a reopening on a sound disk,
 * with a random part of what was not synced, nothing acknowledged is missing.
 *
 * npm run soak -- faults [--minutes N | --rounds N] [--seed S]
 */
import { faultsRound } from './faults-round.ts';
import { runRounds } from './rounds.ts';

await runRounds('faults', faultsRound);
