/** Power cuts at every call that changes the disk, with all, half and nothing of the unsynced kept. */
import { test } from 'vitest';
import { cutThePower } from './engine-crash.suite.ts';

for (const durability of ['sync', 'os', 'none'] as const) {
  test(`a power cut at every call, durability ${durability}`, async () => {
    await cutThePower(durability, 1, [0, 0.5, 1]);
  });
}
