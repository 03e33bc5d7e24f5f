/** Each call fails once, in every way. */
import { test } from 'vitest';
import { failCalls } from './engine-faults.suite.ts';

for (const kind of ['EIO', 'ENOSPC', 'short', 'sync'] as const) {
  test(`every call may fail with ${kind}`, async () => {
    await failCalls(kind, 1, 1);
  });
}
