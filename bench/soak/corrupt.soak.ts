/**
 * Does a flipped bit ever become a wrong answer?
 *
 * A random trace under random options leaves the files of a closed database; then, many times over, bits of
 * one file flip: one of a log, whose last commit a second one could take along unseen, else up to three.
 * Every answer must be right or a typed error (`CORRUPTION`; where a format version was hit,
 * `UNSUPPORTED_FORMAT`), to a reader as to a writer that goes on to commit, checkpoint and compact. A
 * table whose bits are put right again gives the right answers.
 *
 * npm run soak -- corrupt [--minutes N | --rounds N] [--seed S]
 */
import { corruptRound } from './corrupt-round.ts';
import { runRounds } from './rounds.ts';

await runRounds('corrupt', corruptRound);
