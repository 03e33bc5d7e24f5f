/** 1-bit codes after a crash between the commit that made them and the next checkpoint. */
import { expect, test } from 'vitest';
import { type Collection, type Database, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';

const dimension = 32;
const vectors = randomVectors(500, dimension, 1);

async function openOn(fileSystem: MemoryFileSystem): Promise<Database> {
  return await open('/db', { memoryBytes: SMALL_MEMORY, fileSystem });
}

/** All vectors, walked on codes of `exactBelow` or more. */
async function fill(db: Database, exactBelow: number): Promise<Collection> {
  const things = await db.collection('things', { dimension, codes: 'bit', exactBelow });
  await things.upsert(vectors.map((vector, id) => ({ id, vector })));
  return things;
}

async function expectSound(db: Database): Promise<void> {
  expect((await db.check()).problems).toEqual([]);
  const things = await db.collection('things', { exactBelow: 100 });
  const { hits, stats } = await things.searchWithStats({ vector: vectors[7], k: 3, ef: 50 });
  expect(stats.plan).toBe('walk');
  expect(hits[0]).toMatchObject({ id: 7, distance: 0 });
}

test('a commit without vectors may have made them', async () => {
  const before = new MemoryFileSystem();
  let db = await openOn(before);
  await fill(db, 1000);
  await db.flush();
  const things = await db.collection('things', { exactBelow: 100 });
  await things.delete(0);
  const after = before.crash(1);
  await db.close().catch(() => {});
  // Once without a use of the collection: its checkpoint takes the log away.
  db = await openOn(after);
  await db.collection('others', { dimension: 2 });
  await db.close();
  db = await openOn(after);
  await expectSound(db);
  await (await db.collection('things')).upsert({ id: 'x', vector: vectors[8] });
  await db.flush();
  await db.compact();
  await expectSound(db);
  await db.close();
});

test('a collection that was dropped beside is whole until it is purged', async () => {
  const before = new MemoryFileSystem();
  let db = await openOn(before);
  await fill(db, 100);
  await db.dropCollection('things');
  const after = before.crash(1);
  await db.close().catch(() => {});
  db = await openOn(after);
  expect((await db.check()).problems).toEqual([]);
  await db.compact();
  expect((await db.check()).counts).toMatchObject({ collections: 0, pages: 0 });
  await db.close();
});
