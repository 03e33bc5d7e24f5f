/** Sweeps and compactions as a user sees them: space, stats, and reads and writes that go on meanwhile. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { CompactProgress } from '../../src/index.ts';
import { fixture, randomVectors } from './fixtures.ts';

/** Few slots a page, so that few vectors are many pages. */
const dimension = 120;

const recordsOf = (count: number, seed: number, from = 0): { id: number; vector: Float32Array }[] =>
  randomVectors(count, dimension, seed).map((vector, i) => ({ id: from + i, vector }));

const most = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => i).filter((i) => i % 8 !== 0);

test('after most was deleted, compact leaves what a fresh build would have', async () => {
  await using fresh = await fixture({ dimension });
  await using used = await fixture({ dimension });
  // Too few for a sweep to begin by itself.
  const records = recordsOf(280, 1);
  await used.collection.upsert(records);
  await used.collection.delete(most(280));
  await fresh.collection.upsert(records.filter(({ id }) => id % 8 === 0));
  const phases = new Set<string>();
  const onProgress = ({ phase }: CompactProgress): unknown => phases.add(phase);
  const report = await used.db.compact({ onProgress });
  await fresh.db.compact();
  expect(report.ghostsRemoved).toBe(245);
  expect(report.vectorsMoved).toBeGreaterThan(0);
  expect(report.pagesDropped).toBeGreaterThan(5);
  expect(report.bytesFreed).toBeGreaterThan(0);
  expect([...phases].sort()).toEqual(['free', 'link', 'move', 'sweep', 'tables']);
  const { graph, disk } = await used.db.stats();
  const best = await fresh.db.stats();
  expect(graph[0]).toMatchObject({ vectors: 35, ghosts: 0, pages: best.graph[0].pages });
  expect(disk.totalBytes).toBeLessThanOrEqual(1.3 * best.disk.totalBytes);
  expect(disk.freeableBytes).toBe(0);
  expect((await used.db.check()).problems).toEqual([]);
  const again = await used.reopen();
  expect((await again.db.check()).problems).toEqual([]);
  expect((await again.collection.search({ vector: records[8].vector, k: 1 }))[0].id).toBe(8);
  await again.db.close();
});

test('a sweep begins by itself when a tenth of the nodes are ghosts', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  await collection.upsert(recordsOf(2000, 2));
  await collection.delete(Array.from({ length: 250 }, (_, i) => i));
  await made.db.flush();
  expect((await db.stats()).graph[0].ghosts).toBe(250);
  await collection.delete(Array.from({ length: 50 }, (_, i) => 250 + i));
  while ((await db.stats()).graph[0].ghosts > 0) await new Promise((done) => setTimeout(done, 5));
  const { pages, free } = (await db.stats()).graph[0];
  expect(free).toBeGreaterThanOrEqual(300);
  // The places are given again before a page is opened.
  await collection.upsert(recordsOf(250, 3, 5000));
  expect((await db.stats()).graph[0].pages).toBe(pages);
  expect((await db.check()).problems).toEqual([]);
});

test('space comes back after deletions that go on while sweeps run', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  await collection.upsert(recordsOf(3000, 4));
  const vectorsPerPage = 3000 / (await db.stats()).graph[0].pages;
  const gone = Array.from({ length: 3000 }, (_, i) => i).filter((i) => i % 12 !== 0);
  for (let i = 0; i < gone.length; i += 20) await collection.delete(gone.slice(i, i + 20));
  while ((await db.stats()).compaction.isSweeping) await new Promise((done) => setTimeout(done, 5));
  const { graph } = await db.stats();
  expect(graph[0].vectors).toBe(250);
  // The last 255 ghosts may stay: so few begin no sweep. Pages are emptied when they are filled by less than 0.7.
  expect(graph[0].ghosts).toBeLessThan(256);
  expect(graph[0].pages).toBeLessThanOrEqual(Math.ceil((250 + 256) / (0.7 * vectorsPerPage)));
  expect((await db.check()).problems).toEqual([]);
});

test('everything can be deleted, and begun anew', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  for (let round = 0; round < 3; round++) {
    const records = recordsOf(200, round);
    await collection.upsert(records);
    expect((await collection.search({ vector: records[7].vector, k: 1 }))[0].id).toBe(7);
    await collection.delete(records.map(({ id }) => id));
    if (round === 1) await db.flush();
    await db.compact();
    const { graph, disk } = await db.stats();
    expect(graph[0]).toMatchObject({ vectors: 0, ghosts: 0, pages: 0, layers: 0 });
    expect(disk.pageFileBytes).toBe(0);
    expect((await db.check()).problems).toEqual([]);
    expect(await collection.search({ vector: records[7].vector, k: 1 })).toEqual([]);
  }
});

test('an equal vector makes no ghost, another one does', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  const records = recordsOf(50, 4);
  await collection.upsert(records);
  await collection.upsert(records.map(({ id, vector }) => ({ id, vector, metadata: { id } })));
  expect((await db.stats()).graph[0]).toMatchObject({ vectors: 50, ghosts: 0 });
  await collection.update(3, { vector: records[4].vector });
  expect((await db.stats()).graph[0]).toMatchObject({ vectors: 50, ghosts: 1 });
});

test('places are free only when the scans that began before have ended', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  const records = recordsOf(300, 5);
  await collection.upsert(records);
  const scan = collection.scan({ include: ['vector'] });
  await scan.next();
  await collection.delete(most(300));
  let isDone = false;
  const compacting = db.compact().then(() => {
    isDone = true;
  });
  await new Promise((done) => setTimeout(done, 300));
  expect(isDone).toBe(false);
  expect((await db.stats()).graph[0].ghosts).toBe(262);
  await collection.upsert(recordsOf(100, 6, 1000));
  let seen = 1;
  for await (const { id, vector } of scan) {
    expect(vector).toEqual(records[id as number].vector);
    seen++;
  }
  expect(seen).toBe(300);
  await compacting;
  expect((await db.stats()).graph[0].ghosts).toBe(0);
  expect((await db.check()).problems).toEqual([]);
});

test('searches and writes beside sweeps find living records, all of them right', async () => {
  await using made = await fixture({ dimension, exactBelow: 0 });
  const { db, collection } = made;
  const vectors = new Map<number, Float32Array>();
  const put = async (from: number, count: number, seed: number): Promise<void> => {
    const records = recordsOf(count, seed, from);
    for (const { id, vector } of records) vectors.set(id, vector);
    await collection.upsert(records);
  };
  await put(0, 500, 7);
  let isOver = false;
  const random = seededRandom(8);
  const deleted = new Set<number>();
  const search = async (): Promise<number> => {
    let count = 0;
    while (!isOver) {
      const gone = new Set(deleted);
      const vector = randomVectors(1, dimension, Math.floor(random() * 1e6))[0];
      const hits = await collection.search({ vector, k: 10, include: ['vector'] });
      expect(hits.length).toBe(10);
      for (const { id, vector: stored } of hits) {
        expect(gone.has(id as number)).toBe(false);
        expect(stored).toEqual(vectors.get(id as number));
      }
      count++;
      await new Promise((done) => setImmediate(done));
    }
    return count;
  };
  const searching = [search(), search()];
  for (let round = 0; round < 3; round++) {
    const ids = [...vectors.keys()].filter((id) => !deleted.has(id) && random() < 0.5);
    await collection.delete(ids);
    for (const id of ids) deleted.add(id);
    const compacting = db.compact();
    for (let i = 0; i < 4; i++) await put(10_000 * (round + 1) + 100 * i, 50, 100 * round + i);
    await compacting;
  }
  isOver = true;
  for (const count of await Promise.all(searching)) expect(count).toBeGreaterThan(0);
  expect((await db.check()).problems).toEqual([]);
});

test('an abort or a close ends a compaction between two pieces', async () => {
  await using made = await fixture({ dimension });
  const { db, collection } = made;
  await collection.upsert(recordsOf(400, 9));
  await collection.delete(most(400));
  const abort = new AbortController();
  const onProgress = (): void => abort.abort();
  const aborted = db.compact({ onProgress, signal: abort.signal });
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  expect((await db.check()).problems).toEqual([]);
  const compacting = db.compact();
  const closing = db.close();
  await expect(compacting).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  await closing;
  const again = await made.reopen();
  await again.db.compact();
  expect((await again.db.check()).problems).toEqual([]);
  expect(await again.collection.count()).toBe(50);
  await again.db.close();
});
