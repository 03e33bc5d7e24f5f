/** A sample of all states that crashes may leave; `engine.crash-states.slow.test.ts` takes far more of them. */
import { test } from 'vitest';
import { crashEverywhere } from './engine-crash-states.suite.ts';

test('any crash of a short history leaves a prefix with all that was acknowledged', async () => {
  await crashEverywhere(1, ['sync', 'os', 'none'], { statesPerCall: 8, stride: 4 });
});

test('any crash of a recovery loses nothing that it would have found', async () => {
  await crashEverywhere(2, ['sync'], { statesPerCall: 4, stride: 5, recoveries: 0.05 });
});
