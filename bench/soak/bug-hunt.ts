/**
 * Hunts one seeded bug: rounds of all kinds by turns, each from a seed of its own, until one fails. How long
 * that takes measures the tests; a bug that is not found within the budget is a hole in them.
 */
import type { SeededBug } from '../../src/lsm/seeded-bugs.ts';
import { corruptRound } from './corrupt-round.ts';
import { crashRound } from './crash-round.ts';
import { fewCrashStatesRound } from './crash-states-round.ts';
import { faultsRound } from './faults-round.ts';
import { modelRound } from './model-round.ts';
import { oneCallRound } from './one-call-round.ts';
import { newTrial, type Trial } from './trial.ts';

const rounds: readonly (readonly [name: string, round: (trial: Trial) => Promise<void>])[] = [
  ['model', modelRound],
  ['crash', crashRound],
  ['one call', oneCallRound],
  ['faults', faultsRound],
  ['corrupt', corruptRound],
  ['crash states', fewCrashStatesRound],
  ['one call', oneCallRound],
];

/** All of them, told by what they are, as the compiler sees to. */
export const SEEDED_BUGS: readonly SeededBug[] = Object.keys({
  'a user key is split over two tables': true,
  'inputs of L0 are not expanded to a fixed point': true,
  'a tombstone is dropped above older entries': true,
  'a tombstone is dropped under a snapshot': true,
  'compaction does not see the snapshots': true,
  'compaction applies an operand twice': true,
  'two compactions take the same inputs': true,
  'a sealed memtable is read beside its tables': true,
  'a filter misses a key': true,
  'a checksum is not verified': true,
  'an evicted block stays with its table': true,
  'a table is removed under its readers': true,
  'a snapshot shows what is not published': true,
  'a commit is acknowledged before its sync': true,
  'a failed sync is tried again': true,
  'the name of a log is not synced': true,
  'a log that is complete is not synced': true,
  'a log is deleted before its commits are in tables': true,
  'tables are not synced before the version': true,
  'a version is not synced before the pointer': true,
  'the name of a version is not synced': true,
  'the pointer is renamed before its sync': true,
  'files are deleted before the pointer is synced': true,
  'recovery skips a hole in a log': true,
  'a read error is taken for the end of a log': true,
  'a torn tail is left in its log': true,
  'numbers of orphans are given again': true,
} satisfies Record<SeededBug, true>) as SeededBug[];

export interface Found {
  /** The kind of the round that failed; undefined when none did within the budget. */
  readonly by: string | undefined;
  /** Of the round that failed. */
  readonly seed: number;
  readonly rounds: number;
  readonly operations: number;
  /** What the round threw. */
  readonly error: unknown;
}

/** Runs at most `budget` rounds from `seed` on, with the bug or, to see that nothing else fails, without. */
export async function huntBug(
  bug: SeededBug | undefined,
  budget: number,
  seed: number,
): Promise<Found> {
  const seededBugs = new Set(bug === undefined ? [] : [bug]);
  let operations = 0;
  for (let i = 0; i < budget; i++) {
    const [by, round] = rounds[i % rounds.length];
    const trial = newTrial(seed + i, seededBugs);
    try {
      await round(trial);
    } catch (error) {
      operations += trial.operations;
      return { by, seed: seed + i, rounds: i + 1, operations, error };
    }
    operations += trial.operations;
  }
  return { by: undefined, seed, rounds: budget, operations, error: undefined };
}
