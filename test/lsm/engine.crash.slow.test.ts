/** Crashes at every call that changes the disk, with all, half and nothing of the unsynced kept. */
import { test } from 'vitest';
import { stopEverywhere } from './engine-crash.suite.ts';

for (const durability of ['sync', 'os', 'none'] as const) {
  test(`a crash at every call, durability ${durability}`, async () => {
    await stopEverywhere(durability, 1, ['killed', 0, 0.5, 1]);
  });
}
