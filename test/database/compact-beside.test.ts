/** Compaction, and the deletion of expired records, beside each other and beside collections that go. */
import { expect, test } from 'vitest';
import { type Collection, type Database, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';

const WITH_GHOSTS = 400;

async function start(now = () => 0): Promise<{ db: Database; warnings: Error[] }> {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  const fileSystem = new MemoryFileSystem();
  return {
    db: await open('/db', { memoryBytes: SMALL_MEMORY, fileSystem, onWarning, now }),
    warnings,
  };
}

/** A collection with a third of its vectors deleted. */
async function fill(db: Database, name: string): Promise<Collection> {
  const things = await db.collection(name, { dimension: 4, exactBelow: 0 });
  const vectors = randomVectors(WITH_GHOSTS, 4, 1);
  await things.upsert(vectors.map((vector, id) => ({ id, vector })));
  await things.delete(Array.from({ length: WITH_GHOSTS / 3 }, (_, id) => id));
  return things;
}

test('compactions that are asked for together come one after the other', async () => {
  const { db } = await start();
  await fill(db, 'things');
  const reports = await Promise.all([db.compact(), db.compact(), db.compact()]);
  const removed = reports.map(({ ghostsRemoved }) => ghostsRemoved);
  expect(removed[0]).toBeGreaterThan(WITH_GHOSTS / 4);
  expect(removed.slice(1)).toEqual([0, 0]);
  await db.close();
});

test.each([
  ['dropped', 'sweep'],
  ['dropped', 'free'],
  ['emptied', 'sweep'],
  ['emptied', 'free'],
] as const)('a compaction goes on when a collection is %s in its phase %s', async (how, phase) => {
  const { db, warnings } = await start();
  for (const name of ['a', 'b', 'c']) await fill(db, name);
  const gone = new Map<string, Promise<unknown>>();
  const { ghostsRemoved } = await db.compact({
    onProgress: (progress) => {
      if (progress.phase !== phase || gone.size > 0) return;
      // The one under way, and one that is to come.
      for (const name of ['a', 'c']) {
        const going = how === 'dropped' ? db.dropCollection(name) : emptied(db, name);
        gone.set(name, going);
      }
    },
  });
  expect(ghostsRemoved).toBeGreaterThan(WITH_GHOSTS / 4);
  await Promise.all(gone.values());
  await db.compact();
  expect((await db.check()).problems).toEqual([]);
  expect(warnings).toEqual([]);
  await db.close();
});

async function emptied(db: Database, name: string): Promise<number> {
  return await (await db.collection(name)).clear();
}

test('expired records are deleted although another collection is dropped meanwhile', async () => {
  let now = 1000;
  const { db, warnings } = await start(() => now);
  const names = ['a', 'b'];
  const [, b] = await Promise.all(
    names.map((name) => db.collection(name, { dimension: 4, exactBelow: 0 })),
  );
  for (const name of names) {
    const things = await db.collection(name);
    const vectors = randomVectors(600, 4, 1);
    await things.upsert(vectors.map((vector, id) => ({ id, vector, ttlSeconds: 1 })));
  }
  now = 10_000;
  await b.upsert({ id: 'x', vector: [1, 2, 3, 4] });
  // Its records are being deleted, some at a time.
  await db.dropCollection('a');
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  expect(warnings).toEqual([]);
  const { counts } = await db.check();
  expect(counts).toMatchObject({ collections: 1, records: 1 });
  await db.close();
});
