/** A check that finds no room in memory says so, and calls nothing damaged: a repair would build it anew. */
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';

test('a check without room rejects, and passes when there is some', async () => {
  const options = checkDatabaseOptions({ memoryBytes: SMALL_MEMORY });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const { allocator } = session.stores;
  const db = new Database(session);
  const things = await db.collection('things', { dimension: 100, exactBelow: 0 });
  const vectors = randomVectors(200, 100, 1);
  await things.upsert(vectors.map((vector, id) => ({ id, vector })));
  await db.flush();
  const held: number[] = [];
  const take = (): void => {
    for (;;) held.push(allocator.allocateRun(1));
  };
  expect(take).toThrow('no room');
  await expect(db.check()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  for (const address of held) allocator.freeRun(address, 1);
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});
