/** Transactions beside collections that are emptied or dropped: they see what there was, and are told. */
import { expect, test } from 'vitest';
import type { Database, Transaction } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

type Going = 'emptied' | 'dropped';

async function go(db: Database, name: string, how: Going): Promise<void> {
  if (how === 'dropped') await db.dropCollection(name);
  else await (await db.collection(name)).clear();
}

test.each([
  ['emptied', 1],
  ['emptied', 'nobody'],
  ['dropped', 1],
] as const)('what was read of a collection that is %s is a conflict (%s)', async (how, id) => {
  await using f = await fixture();
  const other = await f.db.collection('other', { dimension: 4 });
  await f.collection.upsert({ id: 1 });
  const copy = async (tx: Transaction): Promise<void> => {
    const there = await tx.collection('things').has(id);
    await go(f.db, 'things', how);
    await tx.collection('other').upsert({ id: 'copy', metadata: { there } });
  };
  await expect(f.db.transaction(copy)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await other.has('copy')).toBe(false);
});

test.each(['emptied', 'emptied twice', 'dropped', 'made anew'] as const)(
  'a transaction sees what a collection held that is %s before it asks for it',
  async (how) => {
    await using f = await fixture();
    await f.collection.upsert({ id: 1 });
    const write = f.db.transaction(async (tx) => {
      await go(f.db, 'things', how.startsWith('emptied') ? 'emptied' : 'dropped');
      if (how === 'emptied twice') await go(f.db, 'things', 'emptied');
      if (how === 'made anew') await f.db.collection('things', { dimension: 4 });
      const things = tx.collection('things');
      expect(await things.has(1)).toBe(true);
      expect(await things.count()).toBe(1);
      await things.upsert({ id: 2 });
    });
    const code = how.startsWith('emptied') ? 'CONFLICT' : 'NOT_FOUND';
    await expect(write).rejects.toMatchObject({ code });
  },
);

test('a collection that is made meanwhile is empty for a transaction, and takes what it writes', async () => {
  await using f = await fixture();
  await f.db.transaction(async (tx) => {
    await f.db.collection('late', { dimension: 4 });
    expect(await tx.collection('late').count()).toBe(0);
    await tx.collection('late').upsert({ id: 1 });
  });
  expect(await (await f.db.collection('late')).count()).toBe(1);
});
