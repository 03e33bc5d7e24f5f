/**
 * What threads walk and refine is what one thread finds: the same hits with the same scores, whether pages are in
 * memory or have to be read, and when workers die. Needs a build (`npm test` makes one).
 */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import type { CollectionOptions } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

const dimension = 240;
const count = 3000;
const vectors = randomVectors(count, dimension, 21);
const searches = randomVectors(250, dimension, 22).map((vector, i) => {
  return { vector, k: 1 + (i % 12), ef: 12 + (i % 50) };
});

async function openWith(files: MemoryFileSystem, threads: number, megabytes: number) {
  const given = { threads, memoryBytes: megabytes << 20 };
  const session = await openSession('/db', files, checkDatabaseOptions(given));
  return { session, db: new Database(session) };
}

test.each([
  { metric: 'l2', codes: 'sq8', isSmall: true },
  { metric: 'cosine', codes: 'bit', isSmall: true },
  { metric: 'l2', codes: 'bit', isSmall: false },
  { metric: 'dot', codes: 'sq8', isSmall: false },
] as const)('threads find what one finds: %o', async ({ metric, codes, isSmall }) => {
  const files = new MemoryFileSystem();
  const options: CollectionOptions = { dimension, metric, codes, exactBelow: 0, seed: 5 };
  const alone = await openWith(files, 0, 64);
  const things = await alone.db.collection('things', options);
  await things.build({ vectors: Float32Array.from(vectors.flatMap((v) => [...v])) });
  const wanted = await things.searchMany(searches);
  await alone.db.close();

  const { session, db } = await openWith(files, 2, isSmall ? 8 : 64);
  const { workers } = session.stores;
  const shared = await db.collection('things');
  await setTimeout(60);
  const random = seededRandom(4);
  // However late the workers are.
  const isUnshared = (): boolean => (workers?.done ?? 0) < searches.length / 4;
  for (let round = 0; round < 6 || isUnshared(); round++) {
    const isKilling = round > 2 && round < 6;
    const asking = shared.searchMany(searches);
    for (const worker of workers?.workers ?? []) {
      if (isKilling && random() < 0.7) void worker.terminate();
    }
    expect(await asking).toEqual(wanted);
    if (isKilling) await setTimeout(30 * random());
  }
  expect(workers?.replaced).toBeGreaterThan(0);
  const { originalReads } = (await db.stats()).cache;
  // Where there is room for originals, each page is read once.
  if (isSmall) expect(originalReads).toBeGreaterThan(searches.length);
  else expect(originalReads).toBeLessThanOrEqual(count / 4);
  await db.close();
});
