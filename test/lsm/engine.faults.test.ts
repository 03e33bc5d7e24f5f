/** Faults at a sample of the calls; `engine.faults.slow.test.ts` takes all of them. */
import { test } from 'vitest';
import { failCalls } from './engine-faults.suite.ts';

for (const [first, kind] of (['EIO', 'ENOSPC', 'short', 'sync'] as const).entries()) {
  test(`any call may fail with ${kind}`, async () => {
    await failCalls(kind, 2 * first + 1, 9);
  });
}
