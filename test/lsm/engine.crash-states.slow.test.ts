/** All states that crashes may leave, up to a cap after each call. */
import { test } from 'vitest';
import { crashEverywhere } from './engine-crash-states.suite.ts';

test.each([1, 2])('any crash of a short history (seed %i)', async (seed) => {
  const asked = { statesPerCall: 15, recoveries: 0.001 };
  await crashEverywhere(seed, ['sync', 'os', 'none'], asked);
});
