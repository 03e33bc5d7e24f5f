/** Many searches in one call, without workers and with some. Needs a build (`npm test` makes one). */
import { expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

const dimension = 16;
const count = 3000;
const vectors = randomVectors(count, dimension, 1);
const queries = randomVectors(200, dimension, 2);

test.each([0, 2])('answers stand in the order of the searches (threads: %d)', async (threads) => {
  await using f = await fixture({ dimension, exactBelow: 0 }, { threads });
  await f.collection.build({ vectors: Float32Array.from(vectors.flatMap((v) => [...v])) });
  const searches = queries.map((vector, i) => ({ vector, k: 1 + (i % 7), ef: 20 + (i % 50) }));
  const answers = await f.collection.searchMany(searches);
  expect(answers).toHaveLength(searches.length);
  for (const [i, search] of searches.entries()) {
    expect(answers[i]).toHaveLength(search.k);
    expect(answers[i]).toEqual(await f.collection.search(search));
  }
  expect(await f.collection.searchMany([])).toEqual([]);
});

test('plain searches that threads share stand beside those that they do not', async () => {
  const named = { side: { dimension: 4, metric: 'l2' as const } };
  const options = { dimension, exactBelow: 0, vectors: named };
  await using f = await fixture(options, { threads: 2 });
  const sides = randomVectors(count, 4, 5);
  await f.collection.upsert(
    vectors.map((vector, id) => ({
      id,
      vector,
      vectors: { side: sides[id] },
      metadata: { odd: id % 2 === 1 },
      namespace: id % 3 === 0 ? 'third' : '',
    })),
  );
  const searches = queries.map((vector, i) => {
    const plain = { vector, k: 5, ef: 40 };
    if (i % 7 === 1) return { ...plain, filter: { odd: true } };
    if (i % 7 === 2) return { ...plain, namespace: 'third' };
    if (i % 7 === 3) return { ...plain, vector: sides[i], vectorName: 'side' };
    if (i % 7 === 4) return { ...plain, include: ['metadata' as const, 'vector' as const] };
    if (i % 7 === 5) return { ...plain, k: 3000, ef: 20 };
    return plain;
  });
  const answers = await f.collection.searchMany(searches);
  for (const [i, search] of searches.entries()) {
    expect(answers[i]).toEqual(await f.collection.search(search));
  }
});

test.each([0, 2])('all are as of one commit (threads: %d)', async (threads) => {
  await using f = await fixture({ dimension, exactBelow: 0 }, { threads });
  const records = vectors.slice(0, 800).map((vector, id) => ({ id, vector }));
  await f.collection.upsert(records);
  const searches = queries.map((vector) => ({ vector, k: 800, ef: 800 }));
  const answering = f.collection.searchMany(searches);
  // These commits come while it is on its way.
  for (let id = 0; id < 100; id += 10) {
    await f.collection.delete(Array.from({ length: 10 }, (_, i) => id + i));
  }
  expect(await f.collection.count()).toBe(700);
  for (const hits of await answering) expect(hits).toHaveLength(800);
});

test('what is wrong names its search, and nothing is run', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert({ id: 1, vector: vectors[0] });
  const good = { vector: vectors[0] };
  await expect(f.collection.searchMany([good, good, { vector: [1] }])).rejects.toMatchObject({
    code: 'DIMENSION_MISMATCH',
    message: `queries[2]: vector: expected ${dimension} dimensions, got 1`,
  });
  await expect(f.collection.searchMany([good, { ...good, k: 0 }])).rejects.toThrow('queries[1]: k');
  await expect(f.collection.searchMany(good as never)).rejects.toThrow(
    'queries: expected an array',
  );
  await expect(f.collection.searchMany([good], { signa: 1 } as never)).rejects.toThrow('signal');
  // Known only when it runs.
  await expect(f.collection.searchMany([good, { id: 'none' }])).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test.each([0, 2])('a signal ends all of them (threads: %d)', async (threads) => {
  await using f = await fixture({ dimension, exactBelow: 0 }, { threads });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const aborting = new AbortController();
  const { signal } = aborting;
  const searches = Array.from({ length: 2000 }, (_, i) => ({ vector: queries[i % 200], ef: 500 }));
  const answering = f.collection.searchMany(searches, { signal });
  // In the first turn of the event loop that it leaves to others.
  setImmediate(() => aborting.abort());
  await expect(answering).rejects.toMatchObject({ code: 'ABORTED' });
  const own = [{ vector: queries[0] }, { vector: queries[0], signal: AbortSignal.abort() }];
  await expect(f.collection.searchMany(own)).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await f.collection.searchMany([{ vector: queries[0] }])).toHaveLength(1);
});

test('a snapshot answers many searches too', async () => {
  await using f = await fixture({ dimension }, { threads: 1 });
  await f.collection.upsert(vectors.slice(0, 50).map((vector, id) => ({ id, vector })));
  const snapshot = await f.db.snapshot();
  await f.collection.delete([0, 1, 2]);
  const things = await snapshot.collection('things');
  const answers = await things.searchMany([
    { vector: vectors[0], k: 1 },
    { vector: vectors[1], k: 1 },
  ]);
  expect(answers.map((hits) => hits[0].id)).toEqual([0, 1]);
  await snapshot.close();
});
