/**
 * Searches that ask for a recall reach it, on clustered data, by queries that the measurement has not seen; and
 * what `recall` measures is what the searches do.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, type Database, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const count = 3000;
const dimension = 48;
const k = 10;
const memoryBytes = 32 << 20;

/** Gaussian clusters, as row-major values. */
function clustered(rows: number, seed: number): Float32Array {
  const centres = seededRandom(7);
  const middle = Float32Array.from({ length: 40 * dimension }, () => centres() * 2);
  const random = seededRandom(seed);
  const values = new Float32Array(rows * dimension);
  for (let row = 0; row < rows; row++) {
    const cluster = Math.floor(random() * 40);
    for (let i = 0; i < dimension; i++) {
      const noise = random() + random() + random() - 1.5;
      values[row * dimension + i] = middle[cluster * dimension + i] + noise;
    }
  }
  return values;
}

const queryValues = clustered(400, 2);
const queries = Array.from({ length: 400 }, (_, i) =>
  queryValues.slice(i * dimension, (i + 1) * dimension),
);

describe.each(['sq8', 'bit', 'none'] as const)('on %s codes', (codes) => {
  const fileSystem = new MemoryFileSystem();
  const reach: number[] = [];

  async function opened(): Promise<{ db: Database; collection: Collection }> {
    const db = await open('/db', { fileSystem, memoryBytes });
    const options = { dimension, metric: 'l2', codes, m: 5, exactBelow: 0 } as const;
    return { db, collection: await db.collection('points', options) };
  }

  beforeAll(async () => {
    const { db, collection } = await opened();
    await collection.build({ vectors: clustered(count, 1) });
    for (const vector of queries) {
      const hits = await collection.search({ vector, k, exact: true });
      reach.push(hits[k - 1].distance);
    }
    await db.close();
  });

  async function reached(
    collection: Collection,
    width: { recall?: number; ef?: number },
  ): Promise<{ recall: number; ef: number; stop: number; distances: number }> {
    let found = 0;
    let ef = 0;
    let stop = 0;
    let distances = 0;
    for (const [i, vector] of queries.entries()) {
      const { hits, stats } = await collection.searchWithStats({ vector, k, ...width });
      found += hits.filter(({ distance }) => distance <= reach[i] * (1 + 1e-6)).length;
      ({ ef, stop } = stats);
      distances += stats.distances;
    }
    return { recall: found / (queries.length * k), ef, stop, distances };
  }

  test('the recall that is asked for is reached, and less of it costs less', async () => {
    const { db, collection } = await opened();
    const works: number[] = [];
    const stops: number[] = [];
    for (const recall of [0.7, 0.8, 0.9, 0.95, 0.99]) {
      const answer = await reached(collection, { recall });
      expect(answer.recall).toBeGreaterThanOrEqual(recall - 0.01);
      works.push(answer.distances);
      stops.push(answer.stop);
    }
    expect(works).toEqual([...works].sort((a, b) => a - b));
    expect(works[0]).toBeLessThan(works[4] / 1.2);
    expect(Math.max(...stops)).toBeGreaterThan(0);
    await db.close();
  });

  test('a reopened database knows the beam, and measures nothing again', async () => {
    const first = await opened();
    const { ef, stop } = await reached(first.collection, { recall: 0.9 });
    await first.db.close();
    const { db, collection } = await opened();
    const vector = queries[0];
    const { stats } = await collection.searchWithStats({ vector, k, recall: 0.9 });
    expect(stats).toMatchObject({ ef, stop });
    const now = await collection.search({ vector, k, recall: 0.9 });
    const { hits } = await collection.searchWithStats({ vector, k, recall: 0.9 });
    expect(now).toEqual(hits);
    // A measurement walks by the thousand.
    expect((await db.stats()).cache.listReads).toBeLessThan(count / 4);
    await db.close();
  });

  test('recall measures what searches do', async () => {
    const { db, collection } = await opened();
    const narrow = await collection.recall({ sample: 60, k, ef: 12 });
    const wide = await collection.recall({ sample: 60, k, ef: 200 });
    expect(narrow).toMatchObject({ sample: 60, k, ef: 12 });
    expect(wide.recall).toBeGreaterThan(0.98);
    expect(narrow.recall).toBeLessThan(wide.recall);
    const other = await reached(collection, { ef: 12 });
    expect(other.stop).toBe(0);
    expect(Math.abs(narrow.recall - other.recall)).toBeLessThan(0.12);
    expect((await collection.recall({ sample: 40, k, recall: 0.9 })).recall).toBeGreaterThan(0.85);
    await db.close();
  });
});

test('an explicit ef is obeyed beside a recall; small collections are searched exactly', async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { fileSystem, memoryBytes });
  const collection = await db.collection('few', { dimension: 2, metric: 'l2' });
  expect(await collection.recall()).toMatchObject({ recall: 1, sample: 0, ef: 0 });
  const records = Array.from({ length: 50 }, (_, id) => ({ id, vector: [id, id % 7] }));
  await collection.upsert(records);
  expect(await collection.recall({ k: 3 })).toMatchObject({ recall: 1, sample: 50, k: 3, ef: 0 });
  const query = { vector: [3, 3], recall: 0.9 };
  expect((await collection.searchWithStats(query)).stats).toMatchObject({ exact: true });
  await db.close();
  const walked = await open('/db', { fileSystem, memoryBytes });
  const same = await walked.collection('few', { exactBelow: 0 });
  expect((await same.searchWithStats({ ...query, ef: 33 })).stats.ef).toBe(33);
  for (const recall of [0, 1, -1, Number.NaN]) {
    const search = same.search({ vector: [3, 3], recall, ef: 20 });
    await expect(search).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  await expect(same.recall({ sample: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await walked.close();
});

test('curves are measured again when there are many more vectors', async () => {
  const db = await open('/db', { fileSystem: new MemoryFileSystem(), memoryBytes });
  const collection = await db.collection('grows', { dimension, metric: 'l2', exactBelow: 0 });
  const values = clustered(1500, 3);
  const record = (id: number) => ({
    id,
    vector: values.slice(id * dimension, (id + 1) * dimension),
  });
  const ask = async (): Promise<number> =>
    (await collection.searchWithStats({ vector: queries[0], k, recall: 0.99 })).stats.ef;
  await collection.upsert(Array.from({ length: 400 }, (_, id) => record(id)));
  const before = await ask();
  await collection.upsert(Array.from({ length: 1100 }, (_, i) => record(400 + i)));
  // The old width serves until the new one is there.
  expect(await ask()).toBe(before);
  await expect.poll(ask, { timeout: 20_000 }).not.toBe(before);
  await db.close();
});
