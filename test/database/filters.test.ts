/** Filters in the calls of a collection: count, scan, delete, and those of snapshots and transactions. */
import { describe, expect, test } from 'vitest';
import type { Collection, CollectionOptions } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

interface Meta {
  year: number;
  tags?: string[];
  author?: { name: string };
}

/** Ids 0 to `count` - 1, years 2000 to 2009 in turn; every third without metadata, every second in 'odd'. */
async function fill(collection: Collection<Meta>, count = 60): Promise<void> {
  const records = Array.from({ length: count }, (_, id) => ({
    id,
    namespace: id % 2 === 0 ? '' : 'odd',
    vector: [id, 0, 0, 0],
    text: 'x'.repeat(id),
    ...(id % 3 === 0 ? {} : { metadata: { year: 2000 + (id % 10), tags: [`t${id % 4}`] } }),
  }));
  await collection.upsert(records);
}

async function idsOf(records: AsyncIterable<{ id: unknown }>): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { id } of records) ids.push(id);
  return ids;
}

const all = Array.from({ length: 60 }, (_, id) => id);
const of2001 = all.filter((id) => id % 10 === 1 && id % 3 !== 0);

const ways: { way: string; options: CollectionOptions }[] = [
  { way: 'by looking', options: {} },
  { way: 'by indexes', options: { fields: { year: 'number', tags: 'keyword' } } },
];

describe.each(ways)('counting and scanning $way', ({ options }) => {
  test('only records that pass count, in one namespace or in all', async () => {
    await using world = await fixture<Meta>(options);
    const { collection } = world;
    await fill(collection);
    expect(await collection.count({ filter: { year: 2001 } })).toBe(of2001.length);
    expect(await collection.count({ filter: { year: 2001 }, namespace: 'odd' })).toBe(
      of2001.length,
    );
    expect(await collection.count({ filter: { year: 2001 }, namespace: '' })).toBe(0);
    expect(await collection.count({ filter: {} })).toBe(60);
    expect(await collection.count({ filter: { year: { $exists: false } } })).toBe(20);
    expect(await collection.count({ filter: { $or: [] } })).toBe(0);
    expect(await collection.count({ filter: { tags: { $any: ['t1', 't2'] } } })).toBe(
      all.filter((id) => id % 3 !== 0 && (id % 4 === 1 || id % 4 === 2)).length,
    );
  });

  test('a scan goes on behind a record that does not pass, and counts its limit in those that do', async () => {
    await using world = await fixture<Meta>(options);
    const { collection } = world;
    await fill(collection);
    const filter = { year: 2001 };
    expect(await idsOf(collection.scan({ filter }))).toEqual(of2001);
    expect(await idsOf(collection.scan({ filter, limit: 2 }))).toEqual(of2001.slice(0, 2));
    const behind = of2001.filter((id) => id > 12);
    expect(await idsOf(collection.scan({ filter, after: 12 }))).toEqual(behind);
    const first = await collection.scan({ filter, include: ['metadata'] }).next();
    expect(first.value).toEqual({
      id: 1,
      namespace: 'odd',
      metadata: { year: 2001, tags: ['t1'] },
    });
  });

  test('records that changed pass by what they are now; a snapshot keeps what they were', async () => {
    await using world = await fixture<Meta>(options);
    const { collection, db } = world;
    await fill(collection);
    const snapshot = await db.snapshot();
    await collection.update(1, { metadata: { year: 1999 } }, { namespace: 'odd' });
    await collection.update(0, { metadata: { year: 2001 } });
    const ids = await idsOf(collection.scan({ filter: { year: 2001 } }));
    expect(ids).toEqual([0, ...of2001.filter((id) => id !== 1)]);
    const then = snapshot.collection<Meta>('things');
    expect(await then.count({ filter: { year: 2001 } })).toBe(of2001.length);
    expect(await idsOf(then.scan({ filter: { year: 2001 } }))).toEqual(of2001);
    await snapshot.close();
  });
});

describe.each(ways)('deleting $way', ({ options }) => {
  test('what passes goes, in one commit, and stays gone', async () => {
    const first = await fixture<Meta>(options);
    await fill(first.collection);
    expect(await first.collection.delete({ filter: { year: { $gte: 2005 } } })).toBe(20);
    expect(await first.collection.delete({ filter: { year: { $gte: 2005 } } })).toBe(0);
    await using again = await first.reopen();
    expect(await again.collection.count()).toBe(40);
    expect(await again.collection.count({ filter: { year: { $gte: 2005 } } })).toBe(0);
    expect((await again.db.check()).ok).toBe(true);
  });

  test('a namespace beside the filter narrows it', async () => {
    await using world = await fixture<Meta>(options);
    await fill(world.collection);
    const filter = { year: { $in: [2001, 2002] } };
    expect(await world.collection.delete({ filter, namespace: 'odd' })).toBe(of2001.length);
    expect(await world.collection.count({ filter })).toBe(4);
  });

  test('a target that may say more than was meant is refused', async () => {
    await using world = await fixture<Meta>(options);
    const { collection } = world;
    await fill(collection);
    const loose = collection as unknown as { delete(...of: unknown[]): Promise<number> };
    await expect(loose.delete({ filter: undefined, namespace: 'odd' })).rejects.toThrow(
      'got undefined',
    );
    await expect(loose.delete({ filter: undefined })).rejects.toThrow('got undefined');
    await expect(loose.delete({})).rejects.toThrow('expected ids, { filter } or { namespace }');
    await expect(loose.delete({ filters: {} })).rejects.toThrow("did you mean 'filter'?");
    await expect(loose.delete({ filter: {} }, { namespace: 'odd' })).rejects.toThrow(
      'as one object',
    );
    await expect(loose.delete({ filter: null })).rejects.toThrow(
      'filter: expected an object, got null',
    );
    expect(await collection.count()).toBe(60);
    expect(await collection.delete({ filter: {} })).toBe(60);
  });
});

test('the next page is that of the same filter', async () => {
  await using world = await fixture<Meta>();
  await fill(world.collection);
  const query = { vector: [0, 0, 0, 0], k: 2, filter: { year: { $in: [2001, 2002] } } };
  const { hits, next } = await world.collection.searchWithStats(query);
  expect(hits.map(({ id }) => id)).toEqual([1, 2]);
  const same = { ...query, filter: { year: { $in: [2002, 2001] } }, after: next };
  expect((await world.collection.search(same)).map(({ id }) => id)).toEqual([11, 22]);
  const other = { ...query, filter: { year: 2001 }, after: next };
  await expect(world.collection.search(other)).rejects.toThrow('it is of another query');
});

test('a wrong filter is refused by every call, also on an empty collection', async () => {
  await using world = await fixture<Meta>();
  const collection = world.collection as unknown as Collection;
  const filter = { year: { $gtt: 5 } };
  const error = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('filter.year.$gtt') };
  await expect(collection.count({ filter })).rejects.toMatchObject(error);
  await expect(collection.delete({ filter })).rejects.toMatchObject(error);
  await expect(collection.search({ vector: [1, 0, 0, 0], filter })).rejects.toMatchObject(error);
  await expect(idsOf(collection.scan({ filter }))).rejects.toMatchObject(error);
});

test('a typed collection stands for an untyped one', async () => {
  await using world = await fixture<Meta>();
  const untyped: Collection = world.collection;
  expect(await untyped.count({ filter: { anything: 1 } })).toBe(0);
  // @ts-expect-error no such field
  expect(await world.collection.count({ filter: { anything: 1 } })).toBe(0);
});

test.each(ways)('a transaction filters what it has written itself, $way', async ({ options }) => {
  await using world = await fixture<Meta>(options);
  await fill(world.collection);
  const filter = { year: 2001 };
  await world.db.transaction(async (tx) => {
    const things = await tx.collection<Meta>('things');
    await things.upsert({ id: 'new', metadata: { year: 2001 } });
    await things.upsert({ id: 'other', metadata: { year: 2002 } });
    await things.update(1, { metadata: { year: 1999 } }, { namespace: 'odd' });
    expect(await idsOf(things.scan({ filter }))).toEqual([
      ...of2001.filter((id) => id !== 1),
      'new',
    ]);
    expect(await idsOf(things.scan({ filter, limit: of2001.length - 1 }))).not.toContain('new');
    expect(await idsOf(things.scan({ filter, after: 'other' }))).toEqual([]);
    expect(await things.count({ filter })).toBe(of2001.length);
    expect(await things.count({ filter, namespace: '' })).toBe(1);
    const near = { vector: [1, 0, 0, 0], k: 60 };
    await things.upsert({ id: 'near', vector: [1, 0, 0, 0], metadata: { year: 2002 } });
    const hits = await things.search({ ...near, filter: { year: { $in: [2001, 2002] } } });
    const of2002 = all.filter((id) => id % 10 === 2 && id % 3 !== 0);
    expect(hits.map(({ id }) => id).sort()).toEqual(
      ['near', ...of2002, ...of2001.filter((id) => id !== 1)].sort(),
    );
    expect((await things.search({ ...near, filter })).map(({ id }) => id)).not.toContain('near');
    expect(await things.delete({ filter, namespace: '' })).toBe(1);
    expect(await things.delete({ filter: { year: 1999 } })).toBe(1);
    await expect(things.delete({ filter: undefined as never })).rejects.toThrow('got undefined');
  });
  expect(await world.collection.count({ filter })).toBe(of2001.length - 1);
  expect(await world.collection.has(1, { namespace: 'odd' })).toBe(false);
  expect(await world.collection.has('other')).toBe(true);
});

test('the time of a search holds that of its filter', async () => {
  await using world = await fixture<Meta>();
  await fill(world.collection);
  const search = { vector: [1, 0, 0, 0], filter: { year: 2001 } };
  const { stats } = await world.collection.searchWithStats(search);
  expect(stats.filter).toBe('scan');
  expect(stats.totalMs).toBeGreaterThan(stats.filterMs);
});
