/**
 * Do 64 callers at once get what they would have got one after the other?
 *
 * Each round mixes upserts, deletes, transactions with retries, reads and searches on one database in memory; then
 * all commits are replayed in their order on a map, which must equal what is stored.
 *
 * npm run soak -- concurrency [--minutes N | --rounds N] [--seed S]
 */
import { type ConcurrencyTally, concurrencyRound } from './concurrency-round.ts';
import { runRounds } from './rounds.ts';

const tally: ConcurrencyTally = { commits: 0, conflicts: 0, searches: 0, longestSliceMs: 0 };

await runRounds(
  'concurrency',
  (trial) => concurrencyRound(trial, tally),
  () =>
    `${tally.commits} commits, ${tally.conflicts} conflicts, ${tally.searches} searches; ` +
    `longest slice ${tally.longestSliceMs.toFixed(1)} ms`,
);
