/** What a round of a soak is given: its one source of numbers, and what it is to count and to suffer. */
import { type Random, seededRandom } from '../../src/base/random.ts';
import { NO_BUGS, type SeededBugs } from '../../src/lsm/seeded-bugs.ts';

export interface Trial {
  readonly random: Random;
  /** Of the engines that the round opens: empty, but for the runs that measure the rounds. */
  readonly seededBugs: SeededBugs;
  /** Steps taken so far. */
  operations: number;
}

export function newTrial(seed: number, seededBugs: SeededBugs = NO_BUGS): Trial {
  return { random: seededRandom(seed), seededBugs, operations: 0 };
}
