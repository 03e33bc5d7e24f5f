/**
 * Is every answer that of one commit, whatever goes on beside it?
 *
 * Each round mixes writes of all kinds with reads, snapshots, checkpoints, merges, sweeps, memory that is taken away and,
 * in two rounds of three, workers that die at random.
 *
 * npm run soak -- beside [--minutes N | --rounds N] [--seed S]
 */
import { type BesideTally, besideRound } from './beside-round.ts';
import { below } from './engine-random.ts';
import { runRounds } from './rounds.ts';

const tally: BesideTally = { answers: 0, replaced: 0, done: new Map() };

await runRounds(
  'beside',
  async ({ random }) => {
    const threads = below(random, 3);
    const kills = threads > 0 && random() < 0.7;
    await besideRound(random, { threads, kills, squeezes: random() < 0.7, steps: 60 }, tally);
  },
  () => {
    const done = [...tally.done].map(([what, count]) => `${count} ${what}`).join(', ');
    return `${tally.answers} answers; ${done}; ${tally.replaced} workers replaced`;
  },
);
