/** What a snapshot shows, for how long, and what it keeps from being removed. */
import { expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

const dimension = 8;
const count = 600;

interface Meta {
  readonly round: number;
}

function records(round: number): { id: number; vector: Float32Array; metadata: Meta }[] {
  const vectors = randomVectors(count, dimension, round);
  return vectors.map((vector, id) => ({ id, vector, metadata: { round } }));
}

test('a snapshot shows the commit at which it was taken, whatever comes after', async () => {
  await using f = await fixture<Meta>({ dimension });
  const before = records(1);
  await f.collection.upsert(before);
  await using snapshot = await f.db.snapshot();
  const then = snapshot.collection<Meta>('things');
  await f.collection.upsert(records(2).slice(0, 400));
  await f.collection.delete(Array.from({ length: 300 }, (_, i) => 300 + i));
  await f.collection.upsert({ id: 'new', vector: before[5].vector });
  await f.db.flush();

  expect(await then.count()).toBe(count);
  expect(await then.has('new')).toBe(false);
  expect(await then.get(7)).toEqual({ namespace: '', ...before[7] });
  expect(await then.getMany([7, 'new', 599])).toMatchObject([before[7], undefined, before[599]]);
  const scanned = [];
  for await (const { id, vector, metadata } of then.scan()) scanned.push({ id, vector, metadata });
  expect(scanned).toEqual(before);
  for (const exact of [true, false]) {
    for (const { id, vector } of before.filter((_, i) => i % 20 === 5)) {
      const [hit] = await then.search({ vector, k: 1, exact, include: ['metadata'] });
      expect(hit).toMatchObject({ id, distance: 0, metadata: { round: 1 } });
    }
  }
  const all = await then.search({ vector: before[0].vector, k: 2 * count });
  expect(all.map(({ id }) => id as number).sort((a, b) => a - b)).toEqual(
    before.map(({ id }) => id),
  );
  expect(await f.collection.count()).toBe(301);
});

test('sweeps give no place again while a snapshot is open, do not wait for it, and do so later', async () => {
  await using f = await fixture<Meta>({ dimension });
  const before = records(1);
  await f.collection.upsert(before);
  const snapshot = await f.db.snapshot();
  const then = snapshot.collection<Meta>('things');
  for (let round = 2; round < 4; round++) {
    await f.collection.upsert(records(round));
    await f.collection.delete(Array.from({ length: 550 }, (_, i) => i));
    expect((await f.db.compact()).ghostsRemoved).toBe(0);
  }
  await f.collection.upsert(records(9));
  for (const { id, vector } of before.filter((_, i) => i % 20 === 0)) {
    expect((await then.get(id))?.vector).toEqual(vector);
    expect(await then.search({ vector, k: 1 })).toMatchObject([{ id, distance: 0 }]);
  }
  const { graph } = await f.db.stats();
  expect(graph[0].ghosts).toBeGreaterThanOrEqual(count);
  await snapshot.close();
  await f.db.compact();
  expect((await f.db.stats()).graph[0]).toMatchObject({ ghosts: 0, vectors: count });
  expect((await f.db.check()).problems).toEqual([]);
}, 20_000);

test('ghosts that a sweep had to leave are swept when the snapshot closes', async () => {
  await using f = await fixture<Meta>({ dimension });
  await f.collection.upsert(records(1));
  const snapshot = await f.db.snapshot();
  await f.collection.upsert(records(2));
  // The background sweep gives up.
  while ((await f.db.stats()).compaction.isSweeping) await new Promise((r) => setTimeout(r, 20));
  expect((await f.db.stats()).graph[0].ghosts).toBe(count);
  await snapshot.close();
  while ((await f.db.stats()).compaction.isSweeping) await new Promise((r) => setTimeout(r, 20));
  expect((await f.db.stats()).graph[0].ghosts).toBe(0);
});

test('a snapshot knows the collections that there were', async () => {
  await using f = await fixture();
  await using snapshot = await f.db.snapshot();
  await f.db.collection('later', { dimension: 2 });
  expect(() => snapshot.collection('later')).toThrow(/no collection 'later'/);
  expect(await snapshot.collection('things').count()).toBe(0);
});

test('a collection that is first used after the snapshot was taken is read at it as well', async () => {
  await using before = await fixture<Meta>({ dimension });
  await before.collection.upsert(records(1));
  await using f = await before.reopen();
  await using snapshot = await f.db.snapshot();
  await f.collection.upsert(records(2));
  const { vector } = records(1)[3];
  const hits = await snapshot.collection('things').search({ vector, k: 1 });
  expect(hits).toMatchObject([{ id: 3, distance: 0 }]);
});

test('what is built at once after a snapshot does not show in it', async () => {
  await using f = await fixture({ dimension });
  await using snapshot = await f.db.snapshot();
  const vectors = Float32Array.from(randomVectors(300, dimension, 1).flatMap((one) => [...one]));
  await f.collection.build({ vectors });
  const then = snapshot.collection('things');
  expect(await then.search({ vector: vectors.subarray(0, dimension) })).toEqual([]);
  expect(await then.count()).toBe(0);
  expect(await f.collection.count()).toBe(300);
});

test('a closed snapshot answers nothing; closing twice does nothing', async () => {
  await using f = await fixture();
  await f.collection.upsert([1, 2, 3].map((id) => ({ id, vector: [id, 0, 0, 0] })));
  const snapshot = await f.db.snapshot();
  const then = snapshot.collection('things');
  const scan = then.scan();
  expect((await scan.next()).value).toMatchObject({ id: 1 });
  await snapshot.close();
  await snapshot.close();
  const closed = { code: 'DATABASE_CLOSED' };
  await expect(scan.next()).rejects.toMatchObject(closed);
  await expect(then.get(1)).rejects.toMatchObject(closed);
  await expect(then.getMany([1])).rejects.toMatchObject(closed);
  await expect(then.has(1)).rejects.toMatchObject(closed);
  await expect(then.count()).rejects.toMatchObject(closed);
  await expect(then.search({ id: 1 })).rejects.toMatchObject(closed);
  await expect(then.scan().next()).rejects.toMatchObject(closed);
  expect(() => snapshot.collection('things')).toThrow(/the snapshot is closed/);
  expect((await f.db.stats()).readers).toEqual({ snapshots: 0, transactions: 0, oldestMs: 0 });
});

test('scans that were given up hold nothing once their snapshot is closed', async () => {
  await using f = await fixture();
  const ids = Array.from({ length: 200 }, (_, id) => id);
  await f.collection.upsert(ids.map((id) => ({ id, vector: [id, 0, 0, 0] })));
  const snapshot = await f.db.snapshot();
  const scan = snapshot.collection('things').scan();
  await scan.next();
  await f.db.transaction(async (tx) => void (await tx.collection('things').scan().next()));
  await f.collection.delete(ids);
  await snapshot.close();
  expect((await f.db.compact()).ghostsRemoved).toBe(200);
  await expect(scan.next()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
});

test('statistics show open snapshots, and the end of the database warns of them', async () => {
  const warnings: Error[] = [];
  let now = 1000;
  await using f = await fixture(
    {},
    { onWarning: (warning) => warnings.push(warning), now: () => now },
  );
  const first = await f.db.snapshot();
  now = 3500;
  await f.db.snapshot();
  expect((await f.db.stats()).readers).toEqual({ snapshots: 2, transactions: 0, oldestMs: 2500 });
  await f.db.close();
  expect(warnings.map(({ message }) => message)).toEqual([
    '2 snapshots were still open when the database was closed',
  ]);
  await expect(f.db.snapshot()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  expect(() => first.collection('things')).toThrow(/the database is closed/);
  await first.close();
});
