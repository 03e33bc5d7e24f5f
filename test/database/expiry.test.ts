/** Records that expire: gone for every reader at once, deleted later, by ordinary commits. */
import { describe, expect, test } from 'vitest';
import type { DatabaseOptions, RecordInput } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

const vector = (x: number): number[] => [x, 0, 0, 0];
const ids = (records: readonly { id: unknown }[]): unknown[] => records.map(({ id }) => id);

/** A database whose clock stands still until it is set. */
async function clocked(options: DatabaseOptions = {}) {
  const clock = { now: 1_000_000 };
  const f = await fixture<unknown>({}, { ...options, now: () => clock.now });
  const scan = async (options = {}): Promise<unknown[]> => {
    const found = [];
    for await (const { id } of f.collection.scan(options)) found.push(id);
    return found;
  };
  return { ...f, clock, scan };
}

const things = (count: number, ttlSeconds?: (id: number) => number | undefined): RecordInput[] =>
  Array.from({ length: count }, (_, id) => ({
    id,
    vector: vector(id),
    text: `text ${id}`,
    namespace: id % 2 === 0 ? '' : 'odd',
    ttlSeconds: ttlSeconds?.(id),
  }));

test('a record that has expired vanishes from every answer, to the millisecond', async () => {
  await using f = await clocked();
  await f.collection.upsert(things(10, (id) => (id < 6 ? 1.5 : undefined)));
  f.clock.now += 1499;
  expect(await f.collection.get(0)).toMatchObject({ id: 0, expiresAt: 1_001_500 });
  expect(await f.collection.count()).toBe(10);
  f.clock.now += 1;
  expect(await f.collection.get(0)).toBeUndefined();
  expect(await f.collection.get(6)).not.toHaveProperty('expiresAt');
  expect(await f.collection.has(1, { namespace: 'odd' })).toBe(false);
  expect(await f.collection.getMany([4, 6])).toMatchObject([undefined, { id: 6 }]);
  expect(await f.collection.count()).toBe(4);
  expect(await f.collection.count({ namespace: 'odd' })).toBe(2);
  expect(f.collection.info()).toMatchObject({ records: 4, vectors: 4 });
  expect(await f.scan()).toEqual([6, 7, 8, 9]);
  expect(await f.scan({ namespace: 'odd' })).toEqual([7, 9]);
  for (const exact of [true, false]) {
    const hits = await f.collection.search({ vector: vector(0), k: 10, exact });
    expect(ids(hits)).toEqual([6, 7, 8, 9]);
    const odd = await f.collection.search({ vector: vector(0), k: 1, exact, namespace: 'odd' });
    expect(ids(odd)).toEqual([7]);
  }
  await expect(f.collection.search({ id: 0 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(f.scan({ after: 0 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([{}, { n: 'number' as const }])('filters pass it over (fields: %j)', async (fields) => {
  const clock = { now: 1_000_000 };
  await using f = await fixture<{ n: number }>({ fields }, { now: () => clock.now });
  const records = things(100, (id) => (id < 90 ? 1 + (id % 3) : undefined));
  await f.collection.upsert(records.map((record, n) => ({ ...record, metadata: { n } })));
  const filter = { n: { $gte: 80 } };
  const found = async (): Promise<unknown[]> => {
    const hits = await f.collection.search({ vector: vector(0), k: 100, filter });
    const scanned = [];
    for await (const { id } of f.collection.scan({ filter })) scanned.push(id);
    expect(ids(hits)).toEqual(scanned);
    expect(await f.collection.count({ filter })).toBe(scanned.length);
    return scanned;
  };
  expect(await found()).toHaveLength(20);
  clock.now += 1000;
  expect(await found()).toEqual([
    80,
    82,
    83,
    85,
    86,
    88,
    89,
    ...Array.from({ length: 10 }, (_, i) => 90 + i),
  ]);
  clock.now += 9000;
  expect(await found()).toHaveLength(10);
  expect(await f.collection.delete({ filter })).toBe(10);
  expect(await f.collection.count()).toBe(0);
});

test('nothing of it is left after a while, nor after compact, nor after a reopening', async () => {
  await using f = await clocked();
  await f.collection.upsert(things(600, (id) => (id < 590 ? 10 + (id % 7) : undefined)));
  f.clock.now += 20_000;
  await f.db.compact();
  expect((await f.db.stats()).graph[0]).toMatchObject({ vectors: 10, ghosts: 0 });
  expect((await f.db.check()).problems).toEqual([]);
  expect((await f.db.check()).counts.records).toBe(10);
  await f.collection.upsert(things(10, () => 1));
  await f.db.close();
  f.clock.now += 2000;
  await using again = await f.reopen();
  // Begun when the collection was opened.
  while ((await again.db.stats()).graph[0].vectors > 10) await new Promise((r) => setTimeout(r, 5));
  expect(await again.collection.count()).toBe(10);
  expect((await again.db.check()).counts).toMatchObject({ records: 10, vectors: 10 });
});

test('commits delete in the background what has expired', async () => {
  await using f = await clocked();
  await f.collection.upsert(things(20, () => 5));
  f.clock.now += 5000;
  await f.collection.upsert({ id: 'another' });
  while ((await f.db.stats()).graph[0].vectors > 0) await new Promise((r) => setTimeout(r, 5));
  expect((await f.db.check()).counts.records).toBe(1);
});

describe('an id whose record has expired', () => {
  test('is free: it can be inserted, updated it cannot, deleting it does nothing', async () => {
    await using f = await clocked();
    await f.collection.upsert(things(4, () => 1));
    f.clock.now += 1000;
    expect(await f.collection.delete([0, 0])).toBe(0);
    expect(await f.collection.update(2, { text: 'late' })).toBe(false);
    expect(await f.collection.delete({ namespace: 'odd' })).toBe(0);
    expect(await f.collection.insert([{ id: 0, vector: vector(9) }, { id: 2 }])).toEqual({
      inserted: 2,
    });
    expect(await f.scan()).toEqual([0, 2]);
    expect(await f.collection.get(2)).toEqual({ id: 2, namespace: '' });
    expect(ids(await f.collection.search({ vector: vector(0) }))).toEqual([0]);
    expect((await f.db.check()).problems).toEqual([]);
  });

  test('counts as new in an upsert', async () => {
    await using f = await clocked();
    await f.collection.upsert(things(2, () => 1));
    f.clock.now += 1000;
    expect(await f.collection.upsert(things(2))).toEqual({ inserted: 2, replaced: 0 });
    f.clock.now += 100_000;
    expect(await f.collection.count()).toBe(2);
    expect((await f.db.check()).problems).toEqual([]);
  });
});

test('storing again replaces the expiry, update keeps it unless it gives another', async () => {
  await using f = await clocked();
  await f.collection.upsert(
    [1, 2, 3, 4, 5].map((id) => ({ id, vector: vector(id), ttlSeconds: 10 })),
  );
  f.clock.now += 5000;
  await f.collection.upsert({ id: 1, ttlSeconds: 10 });
  await f.collection.upsert({ id: 2 });
  await f.collection.update(3, { text: 'kept', vector: vector(30) });
  await f.collection.update(4, { ttlSeconds: 10 });
  await f.collection.update(5, { ttlSeconds: null });
  const left = async (): Promise<unknown> => [await f.collection.count(), ...(await f.scan())];
  f.clock.now += 4999;
  expect(await left()).toEqual([5, 1, 2, 3, 4, 5]);
  f.clock.now += 1;
  expect(await left()).toEqual([4, 1, 2, 4, 5]);
  f.clock.now += 5000;
  expect(await left()).toEqual([2, 2, 5]);
  expect((await f.db.check()).problems).toEqual([]);
});

test('a snapshot shows what lived when it was taken, expired and deleted since or not', async () => {
  await using f = await clocked();
  await f.collection.upsert(things(300, () => 10));
  f.clock.now += 9999;
  await using snapshot = await f.db.snapshot();
  f.clock.now += 10_000;
  await using late = await f.db.snapshot();
  const then = snapshot.collection('things');
  const expectAll = async (): Promise<void> => {
    expect(await then.count()).toBe(300);
    expect(await then.get(0)).toMatchObject({ id: 0 });
    expect(ids(await then.search({ vector: vector(100), k: 1 }))).toEqual([100]);
    expect(await late.collection('things').count()).toBe(0);
    expect(await late.collection('things').search({ vector: vector(1) })).toEqual([]);
    expect(await f.collection.count()).toBe(0);
  };
  await expectAll();
  await f.db.compact();
  expect((await f.db.stats()).graph[0].vectors).toBe(0);
  await expectAll();
});

describe('transactions', () => {
  test('see what lived when they began, and conflict with an expiry', async () => {
    await using f = await clocked();
    await f.collection.upsert(things(3, () => 10));
    const transaction = f.db.transaction(async (tx) => {
      const here = tx.collection('things');
      f.clock.now += 10_000;
      expect(await here.has(0)).toBe(true);
      await here.upsert({ id: 'x' });
    });
    await expect(transaction).rejects.toMatchObject({ code: 'CONFLICT' });
    await f.db.transaction(async (tx) => {
      expect(await tx.collection('things').insert({ id: 0 })).toEqual({ inserted: 1 });
      expect(await tx.collection('things').count()).toBe(1);
    });
    expect(await f.scan()).toEqual([0]);
  });

  test('give times to live from their commit on, and keep them in updates', async () => {
    await using f = await clocked();
    await f.collection.upsert({ id: 1, vector: vector(1), ttlSeconds: 100 });
    await f.db.transaction(async (tx) => {
      const here = tx.collection('things');
      await here.upsert([
        { id: 2, ttlSeconds: 5 },
        { id: 3, ttlSeconds: 5 },
      ]);
      await here.update(1, { text: 'kept' });
      await here.update(2, { text: 'kept too' });
      await here.update(3, { ttlSeconds: null });
      f.clock.now += 50_000;
    });
    expect(await f.collection.getMany([1, 2, 3], { include: ['text'] })).toEqual([
      { id: 1, namespace: '', text: 'kept', expiresAt: 1_100_000 },
      { id: 2, namespace: '', text: 'kept too', expiresAt: 1_055_000 },
      { id: 3, namespace: '' },
    ]);
  });
});

test.each([0, -1, Number.NaN, 1e12, '5'])('ttlSeconds %s is refused', async (ttlSeconds) => {
  await using f = await clocked();
  const record = { id: 1, ttlSeconds: ttlSeconds as number };
  await expect(f.collection.upsert(record)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test.each([false, true])(
  'ingest takes records that expire (into a filled collection: %s)',
  async (isFilled) => {
    await using f = await clocked();
    if (isFilled) await f.collection.upsert({ id: 'first', vector: vector(5) });
    await f.collection.ingest(things(50, (id) => (id < 40 ? 1 + (id % 4) : undefined)));
    if (isFilled) await f.collection.delete('first');
    expect((await f.db.check()).problems).toEqual([]);
    expect(await f.collection.get(0)).toMatchObject({ expiresAt: 1_001_000 });
    f.clock.now += 2000;
    expect(await f.collection.count()).toBe(30);
    expect(ids(await f.collection.search({ vector: vector(0), k: 2 }))).toEqual([2, 3]);
    f.clock.now += 8000;
    await f.db.compact();
    expect(await f.scan()).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
    expect((await f.db.check()).counts.records).toBe(10);
  },
);
