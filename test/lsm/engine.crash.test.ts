/** Crashes at a sample of the calls; `engine.crash.slow.test.ts` takes all of them. */
import { test } from 'vitest';
import { stopEverywhere } from './engine-crash.suite.ts';

for (const [durability, stride] of [
  ['sync', 5],
  ['os', 6],
  ['none', 6],
] as const) {
  test(`a crash at any call, durability ${durability}`, async () => {
    await stopEverywhere(durability, stride, ['killed', 0, 0.5, 0]);
  });
}
