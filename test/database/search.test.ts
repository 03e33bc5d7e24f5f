import { describe, expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

const dimension = 16;
const vectors = randomVectors(600, dimension, 7);
const queries = randomVectors(20, dimension, 8);

function trueDistance(metric: string, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squared = 0;
  let [normA, normB] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    squared += (a[i] - b[i]) ** 2;
    normA += a[i] ** 2;
    normB += b[i] ** 2;
  }
  if (metric === 'l2') return Math.sqrt(squared);
  return metric === 'dot' ? -dot : 1 - dot / Math.sqrt(normA * normB);
}

describe.each(['l2', 'cosine', 'dot'] as const)('%s', (metric) => {
  test('exact search is exact; the walk finds nearly all; distances and scores are true', async () => {
    await using f = await fixture({ dimension, metric });
    await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
    let found = 0;
    for (const vector of queries) {
      const expected = vectors
        .map((other, id) => ({ id, distance: trueDistance(metric, vector, other) }))
        .sort((a, b) => a.distance - b.distance)
        .slice(0, 10);
      const exact = await f.collection.searchWithStats({ vector, exact: true });
      expect(exact.stats).toMatchObject({ plan: 'exact', exact: true });
      expect(exact.hits.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      const walk = await f.collection.searchWithStats({ vector, ef: 100 });
      expect(walk.stats).toMatchObject({ plan: 'walk', ef: 100 });
      const ids = new Set(expected.map(({ id }) => id));
      found += walk.hits.filter(({ id }) => ids.has(id as number)).length;
      for (const { id, distance, score } of [...exact.hits, ...walk.hits]) {
        const truth = trueDistance(metric, vector, vectors[id as number]);
        expect(Math.abs(distance - truth)).toBeLessThan(1e-4);
        const expectedScore =
          metric === 'l2' ? 1 / (1 + distance) : metric === 'dot' ? -distance : 1 - distance;
        expect(score).toBe(expectedScore);
      }
    }
    expect(found).toBeGreaterThanOrEqual(0.95 * 10 * queries.length);
  });
});

test('small collections are searched exactly', async () => {
  await using f = await fixture({ dimension, exactBelow: 2000 });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const { stats } = await f.collection.searchWithStats({ vector: queries[0] });
  expect(stats).toMatchObject({ plan: 'exact', exact: true });
});

test('there are k hits whenever k records match, also in a rare namespace', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(
    vectors.map((vector, id) => ({ id, vector, namespace: id % 60 === 0 ? 'rare' : 'common' })),
  );
  for (const vector of queries) {
    const hits = await f.collection.search({ vector, k: 10, ef: 10, namespace: 'rare' });
    expect(hits.length).toBe(10);
    const exact = await f.collection.search({ vector, k: 10, exact: true, namespace: 'rare' });
    expect(hits.map(({ id }) => id)).toEqual(exact.map(({ id }) => id));
    expect((await f.collection.search({ vector, k: 600, namespace: 'common' })).length).toBe(590);
  }
});

test('equal distances come in the order of first storing, beyond k too', async () => {
  await using f = await fixture({ dimension: 2 });
  const records = Array.from({ length: 300 }, (_, id) => ({ id, vector: [1, 1] }));
  await f.collection.upsert(records);
  const hits = await f.collection.search({ vector: [0, 0], k: 5, exact: true });
  expect(hits.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4]);
  expect((await f.collection.search({ vector: [0, 0], k: 300 })).length).toBe(300);
});

test('k may exceed what is there; no record is no hit', async () => {
  await using f = await fixture({ dimension });
  expect(await f.collection.search({ vector: queries[0], k: 5 })).toEqual([]);
  await f.collection.upsert(vectors.slice(0, 3).map((vector, id) => ({ id, vector })));
  expect((await f.collection.search({ vector: queries[0], k: 5 })).length).toBe(3);
});

test('maxDistance and minScore cut off; include brings parts', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(
    vectors.map((vector, id) => ({ id, vector, metadata: { id }, text: `t${id}` })),
  );
  const all = await f.collection.search({ vector: queries[0], k: 10 });
  const { distance, score } = all[4];
  const near = await f.collection.search({ vector: queries[0], k: 10, maxDistance: distance });
  expect(near).toEqual(all.slice(0, 5));
  expect(await f.collection.search({ vector: queries[0], k: 10, minScore: score })).toEqual(near);
  expect(all[0].metadata).toBeUndefined();
  const [first] = await f.collection.search({
    vector: queries[0],
    k: 1,
    include: ['metadata', 'text', 'vector'],
  });
  expect(first).toEqual({
    ...all[0],
    metadata: { id: first.id },
    text: `t${first.id}`,
    vector: vectors[first.id as number],
  });
});

test('a stored record can be the query; it is not its own hit', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const byId = await f.collection.search({ id: 5, k: 10, ef: 200 });
  const byVector = await f.collection.search({ vector: vectors[5], k: 11, ef: 200 });
  expect(byId).toEqual(byVector.slice(1));
  const missing = f.collection.search({ id: 'nobody' });
  await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('the same hits and distances after close and reopen, and in a small memory', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const search = async (g: typeof f): Promise<unknown[]> =>
    await Promise.all(queries.map((vector) => g.collection.search({ vector, k: 10 })));
  const before = await search(f);
  await using again = await f.reopen();
  expect(await search(again)).toEqual(before);
});

test('an aborted search rejects with ABORTED', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const search = f.collection.search({ vector: queries[0], signal: AbortSignal.abort() });
  await expect(search).rejects.toMatchObject({ code: 'ABORTED' });
});
