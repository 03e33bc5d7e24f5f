/**
 * The power fails at every file-system call of a bulk load: the collection is empty or whole, never between,
 * and nothing is left of temporary files after the next open. More kinds: `bulk.crash.slow.test.ts`.
 */
import { test } from 'vitest';
import { crashEverywhere } from './bulk-crash.ts';

test('a crash at every call that loses some of what was not synced leaves all or nothing', async () => {
  await crashEverywhere(0.5);
});

test('so does a crash at every third call of a build in shards', async () => {
  await crashEverywhere(0.5, { shardNodesMax: 40, step: 3 });
});
