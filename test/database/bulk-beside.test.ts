/** Bulk loads beside what empties or drops their collection: what is acknowledged is there, or was refused. */
import { expect, test } from 'vitest';
import type { Collection, Database, RecordInput } from '../../src/index.ts';
import { fixture, randomVectors } from './fixtures.ts';

const count = 300;
const vectors = randomVectors(count, 4, 1);

type Going = 'emptied' | 'dropped';

async function go(db: Database, things: Collection, how: Going): Promise<void> {
  if (how === 'emptied') await things.clear();
  else await db.dropCollection(things.name);
}

/** The records, and in the middle of them something else. */
async function* records(between: () => Promise<unknown>): AsyncGenerator<RecordInput> {
  for (const [id, vector] of vectors.entries()) {
    if (id === count / 2) await between();
    yield { id, vector };
  }
}

async function expectLoaded(db: Database, things: Collection, load: Promise<unknown>) {
  expect(await load).toEqual({ inserted: count, replaced: 0 });
  expect(await things.count()).toBe(count);
  expect((await db.check()).problems).toEqual([]);
}

async function expectRefused(db: Database, load: Promise<unknown>): Promise<void> {
  await expect(load).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await db.compact();
  expect((await db.check()).counts).toMatchObject({ collections: 0, records: 0, pages: 0 });
}

test.each(['emptied', 'dropped'] as const)(
  'a build whose collection is %s before its turn',
  async (how) => {
    await using f = await fixture();
    const going = go(f.db, f.collection, how);
    const rows = Float32Array.from(vectors.flatMap((vector) => [...vector]));
    const load = f.collection.build({ vectors: rows });
    if (how === 'emptied') await expectLoaded(f.db, f.collection, load);
    else await expectRefused(f.db, load);
    await going;
  },
);

test.each([
  ['emptied', false],
  ['emptied', true],
  ['dropped', false],
  ['dropped', true],
] as const)(
  'a stream whose collection is %s while it is read (purged: %s)',
  async (how, purged) => {
    await using f = await fixture();
    const between = async (): Promise<void> => {
      await go(f.db, f.collection, how);
      if (purged) await f.db.compact();
    };
    const load = f.collection.ingest(records(between));
    if (how === 'emptied') await expectLoaded(f.db, f.collection, load);
    else await expectRefused(f.db, load);
  },
);

test('a stream of batches goes on when the collection is emptied between two', async () => {
  await using f = await fixture();
  await f.collection.upsert({ id: 'before', vector: vectors[0] });
  const load = f.collection.ingest(
    records(() => f.collection.clear()),
    { batchSize: 40 },
  );
  expect(await load).toEqual({ inserted: count, replaced: 0 });
  const left = await f.collection.count();
  expect(left).toBeGreaterThanOrEqual(count / 2);
  expect(left).toBeLessThan(count);
  expect(await f.collection.has(count - 1)).toBe(true);
});

test('a field is indexed although the collection is emptied before', async () => {
  await using f = await fixture();
  await Promise.all([f.collection.clear(), f.collection.addField('n', 'number')]);
  expect(f.collection.info().fields).toEqual({ n: 'number' });
});
