/**
 * The loop of the soaks that run in memory: round after round, each from a seed of its own, which the
 * line of a failure names. Ends with one line `N passed, N failed`, and exit code 1 after a failure.
 */
import { parseArgs } from 'node:util';
import { parseCount } from '../harness/options.ts';
import { newTrial, type Trial } from './trial.ts';

/** Enough to see a pattern in. */
const failuresMax = 10;
const progressMs = 10_000;

/** Runs `round` for `--rounds` (default 100) or `--minutes`; its only input is the trial. `summary` is printed before the last line. */
export async function runRounds(
  name: string,
  round: (trial: Trial) => Promise<void>,
  summary?: () => string,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const minutes = parseCount('--minutes', values.minutes);
  const rounds =
    parseCount('--rounds', values.rounds) ??
    (minutes === undefined ? 100 : Number.MAX_SAFE_INTEGER);
  const end =
    minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * minutes;
  let seed = parseCount('--seed', values.seed) ?? 1 + (Date.now() % 1_000_000_000);
  let [passed, failed] = [0, 0];
  const replay = (): string => `npm run soak -- ${name} --rounds 1 --seed ${seed}`;
  let isEnded = false;
  // Also where a round waits for what never comes: then nothing is left to do, and the process ends.
  process.once('exit', () => {
    if (!isEnded) console.log(`a round did not end: ${replay()}`);
  });

  console.log(`${name}: rounds from seed ${seed} on`);
  let spoken = performance.now();
  for (; passed + failed < rounds && failed < failuresMax && performance.now() < end; seed++) {
    try {
      await round(newTrial(seed));
      passed++;
    } catch (error) {
      failed++;
      console.log(`seed ${seed} FAILED: ${replay()}`);
      console.log(error);
    }
    if (performance.now() - spoken > progressMs) {
      spoken = performance.now();
      console.log(`seed ${seed}: ${passed} passed, ${failed} failed so far`);
    }
  }
  isEnded = true;
  if (summary !== undefined) console.log(summary());
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
