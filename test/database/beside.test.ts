/**
 * Reads of all kinds beside writes of all kinds, on the main thread alone and with workers that die at random: each
 * answer is that of one commit between its beginning and its end (`npm run soak -- beside` goes on with other seeds).
 * Needs a build (`npm test` makes one).
 */
import { expect, test } from 'vitest';
import { type BesideTally, besideRound } from '../../bench/soak/beside-round.ts';
import { seededRandom } from '../../src/base/random.ts';

test.each([
  { seed: 1, threads: 0, steps: 20 },
  { seed: 3, threads: 2, steps: 20 },
])('answers are those of one commit: %o', async ({ seed, threads, steps }) => {
  const tally: BesideTally = { answers: 0, replaced: 0, done: new Map() };
  const kills = threads > 0;
  const isEnough = (replaced: number): boolean => tally.answers > 50 && (replaced > 0 || !kills);
  await besideRound(seededRandom(seed), { threads, kills, squeezes: true, steps, isEnough }, tally);
  expect(tally.answers).toBeGreaterThan(50);
  expect([...tally.done.values()].reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(20);
  if (kills) expect(tally.replaced).toBeGreaterThan(0);
});
