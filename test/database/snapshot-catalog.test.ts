/** Which collections a snapshot has, taken when commits that make, rename, empty and drop some are not published yet. */
import { expect, test, vi } from 'vitest';
import { CollectionCatalog } from '../../src/database/collection-catalog.ts';
import { DatabaseError } from '../../src/errors.ts';
import type { Database, Snapshot } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

const vector = [1, 2, 3, 4];

async function counts(snapshot: Snapshot, names: readonly string[]): Promise<(number | string)[]> {
  const found = names.map(async (name) => await snapshot.collection(name).count());
  const settled = await Promise.allSettled(found);
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code));
}

/** Whether the change shows in the names of the database, or in its records, before it is published. */
type Shown = (db: Database) => Promise<boolean>;

const named = async (db: Database, name: string): Promise<boolean> =>
  (await db.collections()).includes(name);

const changes: [string, (db: Database) => Promise<unknown>, Shown][] = [
  ['dropped', (db) => db.dropCollection('things'), async (db) => !(await named(db, 'things'))],
  ['renamed', (db) => db.renameCollection('things', 'new'), (db) => named(db, 'new')],
  ['made', (db) => db.collection('new', { dimension: 4 }), (db) => named(db, 'new')],
];

test.each(changes)(
  'a snapshot beside a collection that is being %s',
  async (_, change, isShown) => {
    await using f = await fixture();
    await f.collection.upsert({ id: 1, vector });
    const changing = change(f.db);
    // Promises alone: nothing is written, so nothing published, before the event loop turns.
    while (!(await isShown(f.db)));
    await using snapshot = await f.db.snapshot();
    expect(await counts(snapshot, ['things', 'new'])).toEqual([1, 'NOT_FOUND']);
    await changing;
    expect(await counts(snapshot, ['things', 'new'])).toEqual([1, 'NOT_FOUND']);
    expect(snapshot.collection('things').name).toBe('things');
  },
);

test('a snapshot beside a collection that is being emptied', async () => {
  await using f = await fixture();
  await f.collection.upsert({ id: 1, vector });
  const clearing = f.collection.clear();
  while ((await f.collection.count()) > 0);
  await using snapshot = await f.db.snapshot();
  expect(await counts(snapshot, ['things'])).toEqual([1]);
  await clearing;
  await f.collection.upsert([{ id: 2 }, { id: 3 }]);
  expect(await counts(snapshot, ['things'])).toEqual([1]);
});

test('a snapshot whose catalog cannot be read holds nothing', async () => {
  await using f = await fixture();
  const entriesAt = vi.spyOn(CollectionCatalog.prototype, 'entriesAt').mockImplementation(() => {
    throw new DatabaseError('IO', 'cannot read');
  });
  try {
    await expect(f.db.snapshot()).rejects.toMatchObject({ code: 'IO' });
  } finally {
    entriesAt.mockRestore();
  }
  expect((await f.db.stats()).readers.snapshots).toBe(0);
});
