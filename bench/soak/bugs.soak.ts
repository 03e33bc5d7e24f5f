/**
 * Do the engine's tests find what they are for?
 *
 * Engines with known bugs, one at a time, go through the rounds of the other soaks (beside the model, with
 * crashes, faults and flipped bits) and two kinds of short ones (all crash states, one fault alone) until one
 * fails. Each bug must be found within `--rounds` of them; as many rounds without a bug must all pass. A line
 * a bug: what it took, and the seed that shows it again.
 *
 * npm run soak -- bugs [--rounds N] [--seed S] [--bug "its name"]
 */
import { parseArgs } from 'node:util';
import { parseCount } from '../harness/options.ts';
import { huntBug, SEEDED_BUGS } from './bug-hunt.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    bug: { type: 'string' },
  },
});
const budget = parseCount('--rounds', values.rounds) ?? 400;
const seed = parseCount('--seed', values.seed) ?? 1 + (Date.now() % 1_000_000_000);
const bugs = [undefined, ...SEEDED_BUGS].filter(
  (bug) => values.bug === undefined || bug === values.bug,
);
// A bug may show where nobody waits for it.
let strayError: unknown;
process.on('unhandledRejection', (error) => {
  strayError ??= error;
});
process.once('exit', () => {
  if (process.exitCode === undefined) console.log('a round did not end');
});

console.log(`bugs: ${bugs.length} hunts of ${budget} rounds from seed ${seed} on`);
let [passed, failed] = [0, 0];
for (const bug of bugs) {
  const started = performance.now();
  strayError = undefined;
  const found = await huntBug(bug, budget, seed);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const isFound = found.by !== undefined || strayError !== undefined;
  const isRight = isFound === (bug !== undefined);
  if (isRight) passed++;
  else failed++;
  const by = found.by === undefined ? '' : ` by ${found.by}, seed ${found.seed}`;
  const effort = `${found.rounds} rounds, ${found.operations} operations, ${seconds} s`;
  const what = isFound ? 'found' : 'not found';
  console.log(`${isRight ? 'ok' : 'FAILED'}: ${bug ?? 'no bug'}: ${what}${by}; ${effort}`);
  const error = found.error ?? strayError;
  if (isFound && (bug === undefined || values.bug !== undefined)) console.log(error);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
