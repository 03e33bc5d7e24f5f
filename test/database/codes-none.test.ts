/** Vector spaces without codes: searches, insertions and builds measure the vectors themselves. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, inspect, open, repair } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { inflict } from '../damage.ts';
import { fixture, randomVectors, SMALL_MEMORY } from './fixtures.ts';

/** Two clusters, tighter than a step of their 8-bit codes. */
function tightVectors(count: number, dimension: number, seed: number): Float32Array[] {
  const middles = randomVectors(2, dimension, 1);
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from(middles[random() < 0.5 ? 0 : 1], (x) => x + 0.001 * (random() - 0.5)),
  );
}

function oneAfterTheOther(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}

async function recallOf(things: Collection, queries: Float32Array[], ef: number): Promise<number> {
  let found = 0;
  for (const vector of queries) {
    const truth = await things.search({ vector, k: 10, exact: true });
    const hits = await things.search({ vector, k: 10, ef });
    found += hits.filter(({ id }) => truth.some((other) => other.id === id)).length;
  }
  return found / (10 * queries.length);
}

test.each(['l2', 'dot', 'cosine'] as const)(
  'clusters tighter than a step of codes are told apart, %s',
  async (metric) => {
    const dimension = 32;
    const vectors = tightVectors(1000, dimension, 2);
    const queries = tightVectors(25, dimension, 3);
    const recalls: Record<string, number> = {};
    for (const codes of ['sq8', 'none'] as const) {
      await using f = await fixture({ dimension, metric, codes });
      await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
      recalls[codes] = await recallOf(f.collection, queries, 80);
      const built = await f.db.collection('built', { dimension, metric, codes, exactBelow: 0 });
      await built.build({ vectors: oneAfterTheOther(vectors) });
      recalls[`${codes}, built`] = await recallOf(built, queries, 80);
      expect((await f.db.check()).problems).toEqual([]);
    }
    expect(Math.max(recalls.sq8, recalls['sq8, built'])).toBeLessThan(0.5);
    expect(Math.min(recalls.none, recalls['none, built'])).toBeGreaterThan(0.97);
  },
);

test('what a walk finds has the distances of exact searches, and nothing is measured again', async () => {
  for (const metric of ['l2', 'cosine', 'dot'] as const) {
    await using f = await fixture({ dimension: 37, metric, codes: 'none' });
    const vectors = randomVectors(400, 37, 5);
    await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
    for (const vector of randomVectors(10, 37, 6)) {
      const { hits, stats } = await f.collection.searchWithStats({ vector, k: 10, ef: 400 });
      expect(stats).toMatchObject({ plan: 'walk', originalReads: 0 });
      expect(hits).toEqual(await f.collection.search({ vector, k: 10, exact: true }));
    }
    for (const [id, vector] of vectors.entries()) {
      expect((await f.collection.get(id, { include: ['vector'] }))?.vector).toEqual(vector);
    }
  }
});

test('with hardly any memory, and with threads, the hits are the same', async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { dimension: 256, codes: 'none', m: 8, exactBelow: 0 } as const;
  const vectors = randomVectors(5000, 256, 7);
  const searches = randomVectors(30, 256, 8).map((vector) => ({ vector, k: 10, ef: 60 }));
  const answers: unknown[] = [];
  for (const [memoryBytes, threads] of [
    [64 << 20, 0],
    [64 << 20, 2],
    [SMALL_MEMORY, 0],
    [SMALL_MEMORY, 1],
  ]) {
    await using f = await fixture(options, { fileSystem, memoryBytes, threads });
    if (answers.length === 0) {
      await f.collection.build({ vectors: oneAfterTheOther(vectors) });
    }
    answers.push(await f.collection.searchMany(searches));
    const { memory, cache } = await f.db.stats();
    expect(memory.totalBytes).toBeLessThanOrEqual(memoryBytes);
    if (memoryBytes === SMALL_MEMORY) expect(cache.evictions).toBeGreaterThan(0);
  }
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test('the longest vectors and the shortest can be walked on', async () => {
  for (const dimension of [1, 2, 16_384]) {
    await using f = await fixture({ dimension, codes: 'none', m: 4 }, { memoryBytes: 24 << 20 });
    const vectors = randomVectors(60, dimension, 9);
    for (const [id, vector] of vectors.entries()) await f.collection.upsert({ id, vector });
    await f.collection.delete([3, 4, 5]);
    await f.db.compact();
    const [nearest] = await f.collection.search({ vector: vectors[40], k: 1 });
    expect(nearest.distance).toBe(0);
    expect((await f.db.check()).problems).toEqual([]);
  }
});

test('codes none are kept, and there is no doing without originals then', async () => {
  await using f = await fixture({ codes: 'none' });
  expect(f.collection.info()).toMatchObject({ codes: 'none', originals: true });
  await f.db.collection('things', { codes: 'auto' });
  for (const codes of ['sq8', 'bit'] as const) {
    await expect(f.db.collection('things', { codes })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/codes: the collection was created with none/),
    });
  }
  const both = { dimension: 4, codes: 'none', originals: false } as const;
  const named = { vectors: { twin: both } } as const;
  const inherited = { ...both, codes: 'sq8', vectors: { twin: { dimension: 2, codes: 'none' } } };
  for (const [options, where] of [
    [both, /^originals: false/],
    [named, /^vectors\.twin\.originals: false/],
    [inherited, /^vectors\.twin\.originals: false/],
  ] as const) {
    await expect(f.db.collection('new', options as typeof both)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(where),
    });
  }
});

test('an equal vector changes no graph, and a damaged page is told, shown, and costs its vectors alone', async () => {
  const f = await fixture({ dimension: 100, codes: 'none' });
  const vectors = randomVectors(60, 100, 10);
  const records = vectors.map((vector, id) => ({ id, vector, metadata: { id } }));
  await f.collection.upsert(records);
  const before = await f.db.stats();
  await f.collection.upsert(records);
  expect((await f.db.stats()).graph).toEqual(before.graph);
  await f.db.close();
  const fileSystem = f.fileSystem as MemoryFileSystem;
  // In the first slice.
  inflict(fileSystem, '/db/data.pages', { kind: 'noise', from: 0, length: 0.001 });
  const lines: string[] = [];
  for await (const line of inspect('/db', { fileSystem })) lines.push(line);
  expect(lines.filter((line) => line.includes('DAMAGED'))).toHaveLength(1);
  const report = await repair('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  expect(report).toMatchObject({ wasSound: false, wasRebuilt: true, recovered: { records: 60 } });
  const lost = report.lost.filter(({ what }) => what === 'vector').length;
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(20);
  expect(report.recovered.vectors).toBe(60 - lost);
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  const things = await db.collection('things');
  const kept = await things.getMany(
    records.map(({ id }) => id),
    { include: ['vector'] },
  );
  const whole = kept.filter((record) => record?.vector !== undefined);
  for (const record of whole) expect(record?.vector).toEqual(vectors[Number(record?.id)]);
  expect(whole).toHaveLength(60 - lost);
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});

test('a backup has the vectors', async () => {
  await using f = await fixture({ dimension: 300, codes: 'none' });
  const vectors = randomVectors(100, 300, 11);
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  await f.db.backup('/backup');
  const db = await open('/backup', { fileSystem: f.fileSystem, memoryBytes: SMALL_MEMORY });
  const things = await db.collection('things');
  expect(things.info()).toMatchObject({ codes: 'none' });
  const [nearest] = await things.search({ vector: vectors[7], k: 1, include: ['vector'] });
  expect(nearest).toMatchObject({ id: 7, distance: 0, vector: vectors[7] });
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});
