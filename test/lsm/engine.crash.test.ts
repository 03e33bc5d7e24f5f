/** Power cuts at a sample of the calls; `engine.crash.slow.test.ts` takes all of them. */
import { test } from 'vitest';
import { cutThePower } from './engine-crash.suite.ts';

for (const [durability, stride] of [
  ['sync', 2],
  ['os', 5],
  ['none', 7],
] as const) {
  test(`a power cut at any call, durability ${durability}`, async () => {
    await cutThePower(durability, stride, [0, 0.5]);
  });
}
