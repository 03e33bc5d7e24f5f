/** Searches that pause, beside writes that do: each answer is that of one commit. */
import { expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

const dimension = 8;
const count = 1500;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs `search` again and again until `writing` has ended; the number of answers given before. */
async function during(writing: Promise<unknown>, search: (n: number) => Promise<void>) {
  let isOver = false;
  const ended = writing.finally(() => {
    isOver = true;
  });
  let answers = 0;
  while (!isOver) {
    await search(answers++);
    await turn();
  }
  await ended;
  return answers;
}

test.each([true, false])(
  'records that a commit is replacing are found (exact: %s)',
  async (exact) => {
    await using f = await fixture({ dimension });
    const before = randomVectors(count, dimension, 1);
    const after = randomVectors(count, dimension, 2);
    await f.collection.upsert(before.map((vector, id) => ({ id, vector })));
    const writing = f.collection.upsert(after.map((vector, id) => ({ id, vector })));
    const answers = await during(writing, async (n) => {
      const id = n % count;
      // At one sequence, as they begin in one turn.
      const [old, replaced] = await Promise.all(
        [before, after].map((vectors) => f.collection.search({ vector: vectors[id], k: 1, exact })),
      );
      const nearest = [old[0], replaced[0]].sort((a, b) => a.distance - b.distance);
      expect(nearest[0]).toMatchObject({ id, distance: 0 });
    });
    expect(answers).toBeGreaterThan(5);
  },
);

test('records are found while a commit beside them is undone', async () => {
  await using f = await fixture({ dimension });
  const vectors = randomVectors(count, dimension, 3);
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const records = vectors.map((vector, id) => ({ id: id + count, vector }));
  const writing = f.collection.insert([...records, { id: 0, vector: vectors[0] }]);
  const isRefused = expect(writing).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  const answers = await during(isRefused, async () => {
    const hits = await f.collection.search({ vector: vectors[0], k: 2 * count, exact: true });
    expect(hits).toHaveLength(count);
  });
  expect(answers).toBeGreaterThan(5);
});

test('a search beside a commit is no wider for what it does not see yet', async () => {
  await using f = await fixture({ dimension, exactBelow: 0 });
  const vectors = randomVectors(count, dimension, 6);
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const [first, ...others] = randomVectors(count, dimension, 7);
  const far = others.map((vector) => vector.map((value) => value + 100));
  const records = [first, ...far].map((vector, i) => ({ id: count + i, vector }));
  const answers = await during(f.collection.upsert(records), async () => {
    const { stats } = await f.collection.searchWithStats({ vector: first, k: 1, ef: 20 });
    expect(stats).toMatchObject({ plan: 'walk', ef: 20 });
  });
  expect(answers).toBeGreaterThan(5);
});

test('few records are found beside many that a commit is adding', async () => {
  await using f = await fixture({ dimension });
  const far = new Float32Array(dimension).fill(100);
  await f.collection.upsert({ id: 'far', vector: far });
  const records = randomVectors(count, dimension, 4).map((vector, id) => ({ id, vector }));
  const answers = await during(f.collection.upsert(records), async () => {
    const vector = new Float32Array(dimension);
    expect(await f.collection.search({ vector, k: 1 })).toHaveLength(1);
  });
  expect(answers).toBeGreaterThan(5);
});

test('searches of many namespaces at once do not take each other the records', async () => {
  await using f = await fixture({ dimension: 32, m: 2, efConstruction: 4 });
  const vectors = randomVectors(9000, 32, 5);
  const namespaces = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const [i, namespace] of namespaces.entries()) {
    const own = vectors.slice(1500 * i, 1500 * i + 1500);
    await f.collection.upsert(own.map((vector, id) => ({ id, vector, namespace })));
  }
  for (let round = 0; round < 3; round++) {
    const searches = namespaces.map((namespace) =>
      f.collection.search({ vector: vectors[round], k: 1500, namespace, exact: true }),
    );
    for (const hits of await Promise.all(searches)) expect(hits).toHaveLength(1500);
  }
});

test('namespaces of many collections are searched in little memory', async () => {
  await using f = await fixture();
  for (let i = 0; i < 40; i++) {
    const collection = await f.db.collection(`c${i}`, { dimension: 4, metric: 'l2' });
    const records = ['a', 'b', 'c', 'd'].map((namespace, id) => ({
      id,
      namespace,
      vector: [i, id, 0, 0],
    }));
    await collection.upsert(records);
    for (const { id, namespace, vector } of records) {
      expect(await collection.search({ vector, namespace })).toMatchObject([{ id, distance: 0 }]);
    }
  }
});

test('a search may ask for far more than there is, in little memory', async () => {
  await using f = await fixture();
  await f.collection.upsert([1, 2, 3].map((id) => ({ id, vector: [id, 0, 0, 0] })));
  for (const exact of [true, false]) {
    const hits = await f.collection.search({ vector: [0, 0, 0, 0], k: 65_536, exact });
    expect(hits.map(({ id }) => id)).toEqual([1, 2, 3]);
  }
});
