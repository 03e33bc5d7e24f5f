/** As `bulk.crash.test.ts`: a crash that keeps nothing or everything, and each kind of failing call. */
import { test } from 'vitest';
import { crashEverywhere, failEverywhere } from './bulk-crash.ts';

test.each([
  ['everything that was not synced', 0],
  ['nothing', 1],
])('a crash at every call that loses %s leaves all or nothing', async (_name, keepUnsynced) => {
  await crashEverywhere(keepUnsynced);
});

test.each(['EIO', 'ENOSPC', 'short', 'sync'] as const)(
  '%s at every call leaves all or nothing',
  async (kind) => {
    await failEverywhere(kind);
  },
);

test('a crash, or a failing call, at every call of a build in shards leaves all or nothing', async () => {
  await crashEverywhere(0, { shardNodesMax: 40 });
  await crashEverywhere(1, { shardNodesMax: 40 });
  for (const kind of ['EIO', 'ENOSPC', 'short', 'sync'] as const) {
    await failEverywhere(kind, { shardNodesMax: 40 });
  }
});
