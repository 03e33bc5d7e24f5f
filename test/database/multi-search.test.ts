/**
 * Searches of several vector spaces, by groups and page by page, against the naive answer: every record measured,
 * sorted, and cut. Graphs are walked (`exactBelow: 0`) with a beam that takes in all there is, or vectors are compared
 * exactly; both must give what the naive way gives.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Collection, RecordInput, SearchOptions } from '../../src/index.ts';
import { fixture, randomVectors } from './fixtures.ts';

interface Meta {
  readonly team: string;
  readonly place: { readonly floor?: number };
}

type Item = RecordInput<Meta> & { readonly id: number };

const COUNT = 120;
const EXHAUSTIVE = 2 * COUNT;
const spaces = {
  title: { dimension: 3, metric: 'l2' },
  body: { dimension: 6, metric: 'cosine' },
} as const;

function items(seed: number): Item[] {
  const random = seededRandom(seed);
  const [main, title, body] = [4, 3, 6].map((size, i) => randomVectors(COUNT, size, seed + i));
  return Array.from({ length: COUNT }, (_, id) => ({
    id,
    ...(random() < 0.8 && { vector: main[id] }),
    vectors: {
      title: random() < 0.8 ? title[id] : undefined,
      body: random() < 0.8 ? body[id] : undefined,
    },
    metadata: {
      team: 'abcdefgh'[Math.floor(random() * random() * 8)],
      place: random() < 0.7 ? { floor: Math.floor(random() * 4) } : {},
    },
    namespace: random() < 0.5 ? 'x' : '',
  }));
}

const l2 = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (value, i) => value - b[i]));

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = Array.from(a, (value, i) => value * b[i]).reduce((sum, part) => sum + part, 0);
  const zeros = new Float32Array(a.length);
  return 1 - dot / l2(a, zeros) / l2(b, zeros);
}

/** Every record that has all the vectors, nearest first. */
function naive(all: readonly Item[], query: SearchOptions): { item: Item; distance: number }[] {
  const { vector, vectors = {}, weights = {}, namespace, filter } = query;
  const parts: { of: (item: Item) => number | undefined; weight: number }[] = [];
  const add = (name: string, of: (item: Item) => number | undefined): void => {
    parts.push({ of, weight: weights[name] ?? 1 });
  };
  if (vector !== undefined) add('', (item) => item.vector && l2(vector, item.vector));
  const { title, body } = vectors;
  if (title) add('title', ({ vectors: own }) => own?.title && l2(title, own.title));
  if (body) add('body', ({ vectors: own }) => own?.body && cosine(body, own.body));
  const sum = parts.reduce((total, { weight }) => total + weight, 0);
  return all
    .filter((item) => namespace === undefined || item.namespace === namespace)
    .filter(({ metadata }) => filter === undefined || metadata?.team === 'a')
    .map((item) => {
      const measured = parts.map(({ of, weight }) => (of(item) ?? Number.NaN) * (weight / sum));
      return { item, distance: measured.reduce((total, part) => total + part, 0) };
    })
    .filter(({ distance }) => !Number.isNaN(distance))
    .sort((a, b) => a.distance - b.distance);
}

async function filled(seed: number): Promise<{
  collection: Collection<Meta>;
  all: Item[];
  f: AsyncDisposable;
}> {
  const f = await fixture<Meta>({ vectors: spaces, m: 8 });
  const all = items(seed);
  await f.collection.upsert(all);
  return { collection: f.collection, all, f };
}

/** As the naive way found them, but that equal distances of float32 may come in another order. */
function expectSame(
  hits: readonly { readonly id: unknown; readonly distance: number }[],
  truth: readonly { readonly item: Item; readonly distance: number }[],
): void {
  expect(hits.map(({ id }) => id)).toEqual(truth.map(({ item }) => item.id));
  hits.forEach(({ distance }, i) => {
    expect(distance).toBeCloseTo(truth[i].distance, 5);
  });
}

const weight = fc.double({ min: 0.1, max: 10, noNaN: true });
const unit = fc.double({ min: -1, max: 1, noNaN: true });
const vectorOf = (size: number): fc.Arbitrary<number[]> =>
  fc.array(unit, { minLength: size, maxLength: size }).map((parts) => [...parts.slice(1), 1.5]);
const several = fc
  .record({
    vector: fc.option(vectorOf(4), { nil: undefined }),
    title: vectorOf(3),
    body: fc.option(vectorOf(6), { nil: undefined }),
    w: fc.record({ '': weight, title: weight, body: weight }),
    namespace: fc.constantFrom(undefined, 'x'),
    filter: fc.constantFrom(undefined, { team: 'a' }),
    k: fc.integer({ min: 1, max: COUNT }),
    isExact: fc.boolean(),
  })
  .map(({ vector, title, body, w, isExact, ...others }) => {
    const weights: Record<string, number> = { title: w.title };
    if (vector) weights[''] = w[''];
    if (body) weights.body = w.body;
    const how = isExact ? { exact: true } : { ef: EXHAUSTIVE };
    return { vector, vectors: { title, body }, weights, ...others, ...how };
  });

test('a search of several spaces gives the records of the least weighted mean', async () => {
  const { collection, all, f } = await filled(1);
  await fc.assert(
    fc.asyncProperty(several, async (query) => {
      const hits = await collection.search(query);
      expectSame(hits, naive(all, query).slice(0, query.k));
    }),
    { numRuns: 150 },
  );
  await f[Symbol.asyncDispose]();
});

test('a narrow beam finds nearly all, and an exact search goes as deep as it must', async () => {
  const { collection, all, f } = await filled(2);
  const random = randomVectors(40, 9, 5);
  let found = 0;
  for (const query of random) {
    const vectors = { title: query.subarray(0, 3), body: query.subarray(3) };
    const truth = naive(all, { vectors }).slice(0, 5);
    const exact = await collection.searchWithStats({ vectors, k: 5, exact: true });
    expectSame(exact.hits, truth);
    expect(exact.stats).toMatchObject({ plan: 'exact', exact: true });
    const { hits, stats } = await collection.searchWithStats({ vectors, k: 5, ef: 24 });
    expect(stats).toMatchObject({ plan: 'walk', exact: false });
    const ids = new Set(hits.map(({ id }) => id));
    found += truth.filter(({ item }) => ids.has(item.id)).length;
  }
  expect(found / 200).toBeGreaterThan(0.8);
  await f[Symbol.asyncDispose]();
});

test('scores and limits are of the mean, and a shared metric keeps its score', async () => {
  const { collection, all, f } = await filled(3);
  const [, title, body] = [4, 3, 6].map((size) => randomVectors(1, size, 77)[0]);
  const query = { vector: [1, 0, 0, 0], vectors: { title } };
  const truth = naive(all, query);
  const maxDistance = (truth[6].distance + truth[7].distance) / 2;
  const near = await collection.search({ ...query, maxDistance, k: 50, exact: true });
  expectSame(near, truth.slice(0, 7));
  for (const { distance, score } of near) expect(score).toBeCloseTo(1 / (1 + distance), 6);
  const minScore = 1 / (1 + maxDistance);
  const scored = await collection.search({ ...query, minScore, k: 50, ef: EXHAUSTIVE });
  expect(scored.map(({ id }) => id)).toEqual(near.map(({ id }) => id));
  // l2 and cosine together have no score of their own.
  const [mixed] = await collection.search({ vectors: { title, body }, k: 1 });
  expect(mixed.score).toBe(-mixed.distance);
  await f[Symbol.asyncDispose]();
});

test('a search by id takes the vector of the space, and leaves the record out', async () => {
  const { collection, all, f } = await filled(4);
  const item = all.find(({ vectors, namespace }) => vectors?.body && namespace === '') as Item;
  const body = item.vectors?.body as Float32Array;
  const truth = naive(all, { vectors: { body } }).filter((one) => one.item !== item);
  const hits = await collection.search({ id: item.id, vectorName: 'body', k: 9, ef: EXHAUSTIVE });
  expectSame(hits, truth.slice(0, 9));
  const without = all.find(({ vectors, namespace }) => !vectors?.body && namespace === '') as Item;
  const refused = collection.search({ id: without.id, vectorName: 'body' });
  await expect(refused).rejects.toThrow(/has no vector 'body'/);
  const missing = collection.search({ id: 'nobody', vectorName: 'body' });
  await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await f[Symbol.asyncDispose]();
});

test('groups are the k nearest, each with its nearest records', async () => {
  const { collection, all, f } = await filled(5);
  const shapes = fc.record({
    k: fc.integer({ min: 1, max: 9 }),
    size: fc.integer({ min: 1, max: 5 }),
    field: fc.constantFrom('team', 'place.floor'),
    vector: vectorOf(4),
    isExact: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ k, size, field, vector, isExact }) => {
      const truth = new Map<unknown, number[]>();
      for (const { item } of naive(all, { vector })) {
        const { team, place } = item.metadata as Meta;
        const value = field === 'team' ? team : place.floor;
        const members = truth.get(value);
        if (value === undefined) continue;
        if (members === undefined && truth.size < k) truth.set(value, [item.id]);
        else if (members !== undefined && members.length < size) members.push(item.id);
      }
      const groupBy = { field, size };
      const hits = await collection.search({ vector, k, groupBy, exact: isExact, ef: EXHAUSTIVE });
      const found = new Map<unknown, unknown[]>();
      for (const { group, id } of hits) found.set(group, [...(found.get(group) ?? []), id]);
      expect([...found.keys()]).toEqual([...truth.keys()]);
      for (const [value, ids] of found) {
        // What is not exact may leave groups less than full.
        const members = truth.get(value)?.slice(0, isExact ? size : ids.length);
        expect(ids).toEqual(members);
      }
    }),
    { numRuns: 100 },
  );
  await f[Symbol.asyncDispose]();
});

test('groups widen until there are k of them; objects with the same keys are one', async () => {
  await using f = await fixture<object>();
  const many = Array.from({ length: 200 }, (_, id) => ({
    id,
    vector: [id, 0, 0, 0],
    metadata: { of: id < 190 ? { a: 1, b: 2 } : { b: 2, a: id } },
  }));
  await f.collection.upsert([...many, { id: 300, vector: [0.5, 0, 0, 0], metadata: {} }]);
  await f.collection.upsert({ id: 1, vector: [1, 0, 0, 0], metadata: { of: { b: 2, a: 1 } } });
  const groupBy = { field: 'of', size: 2 };
  const hits = await f.collection.search({ vector: [0, 0, 0, 0], k: 3, groupBy });
  expect(hits.map(({ id }) => id)).toEqual([0, 1, 190, 191]);
  expect(hits[2].group).toEqual({ b: 2, a: 190 });
  const one = await f.collection.search({ vector: [0, 0, 0, 0], groupBy: { field: 'none' } });
  expect(one).toEqual([]);
});

test('pages follow each other without a gap or a repetition', async () => {
  const { collection, all, f } = await filled(6);
  const shapes = fc.record({
    k: fc.integer({ min: 1, max: 40 }),
    vector: vectorOf(4),
    title: fc.option(vectorOf(3), { nil: undefined }),
    isExact: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(shapes, async ({ k, vector, title, isExact }) => {
      const query = { vector, ...(title && { vectors: { title } }) };
      const how = isExact ? { exact: true } : { ef: EXHAUSTIVE };
      const hits: { id: unknown; distance: number }[] = [];
      let after: string | undefined;
      do {
        const page = await collection.searchWithStats({ ...query, ...how, k, after });
        expect(page.hits.length).toBeLessThanOrEqual(k);
        hits.push(...page.hits);
        after = page.next;
      } while (after !== undefined);
      expectSame(hits, naive(all, query));
    }),
    { numRuns: 40 },
  );
  await f[Symbol.asyncDispose]();
});

test('equal distances go on behind the cursor by their order; a cursor is of one query', async () => {
  await using f = await fixture({ vectors: { title: { dimension: 4 } } });
  const vector = [1, 0, 0, 0];
  await f.collection.upsert(
    Array.from({ length: 30 }, (_, id) => ({ id, vector, vectors: { title: vector } })),
  );
  const first = await f.collection.searchWithStats({ vector, k: 12 });
  const { hits } = await f.collection.searchWithStats({ vector, k: 30, after: first.next });
  expect([...first.hits, ...hits].map(({ id }) => id)).toEqual(
    Array.from({ length: 30 }, (_, i) => i),
  );
  const after = first.next as string;
  for (const query of [
    { vector: [2, 0, 0, 0] },
    { vector, namespace: '' },
    { vector, filter: { a: 1 } },
    { vector, vectorName: 'title' },
    { vector, maxDistance: 3 },
    { id: 1 },
  ]) {
    const other = f.collection.search({ ...query, after });
    await expect(other).rejects.toThrow(/after: it is of another query/);
  }
  for (const damaged of ['', 'x', `${after}A`, after.slice(1)]) {
    const other = f.collection.search({ vector, after: damaged });
    await expect(other).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  const end = await f.collection.searchWithStats({ vector, k: 30, after: first.next });
  expect(end.next).toBeUndefined();
});

test('the distance of two records is exact, in any metric and space', async () => {
  await using f = await fixture({ vectors: { title: { dimension: 2, metric: 'cosine' } } });
  await f.collection.upsert([
    { id: 'a', vector: [0, 0, 3, 0], vectors: { title: [1, 0] } },
    { id: 'b', vector: [0, 4, 0, 0], vectors: { title: [1, 1] } },
    { id: 'b', namespace: 'x' },
  ]);
  expect(await f.collection.distance('a', 'b')).toBe(5);
  expect(await f.collection.distance('a', 'b', { metric: 'cosine' })).toBe(1);
  expect(await f.collection.distance('b', 'b', { metric: 'dot' })).toBe(-16);
  const titles = await f.collection.distance('a', 'b', { vectorName: 'title' });
  expect(titles).toBeCloseTo(1 - Math.SQRT1_2, 12);
  const missing = f.collection.distance('a', 'c');
  await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const elsewhere = f.collection.distance('a', 'b', { namespace: 'x' });
  await expect(elsewhere).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const bare = f.collection.distance('b', 'b', { namespace: 'x' });
  await expect(bare).rejects.toThrow(/record 'b' has no vector/);
  const wrong = f.collection.distance('a', 'b', { vectorName: 'tit' });
  await expect(wrong).rejects.toThrow(/vectorName: there is no vector space 'tit'/);
});

test.each<[SearchOptions, RegExp]>([
  [{ vectors: {} }, /vectors: expected at least one/],
  [{ vectors: { title: [1, 2, 3] }, id: 1 }, /neither id nor vectorName/],
  [{ vectors: { title: [1, 2, 3] }, vectorName: 'title' }, /neither id nor vectorName/],
  [{ vectors: { title: [1, 2] } }, /vectors.title: expected 3 dimensions/],
  [{ vectors: { titel: [1, 2, 3] } }, /did you mean 'title'/],
  [
    { vectors: { title: [1, 2, 3] }, weights: { body: 1 } },
    /weights: no query in space 'body'; known are 'title'/,
  ],
  [{ vectors: { title: [1, 2, 3] }, weights: { tilte: 1 } }, /did you mean 'title'/],
  [
    { vectors: { title: [1, 2, 3] }, weights: { '': 1 } },
    /no query in space '' \(the default space\)/,
  ],
  [
    { vector: [1, 2, 3, 4], vectors: { title: [1, 2, 3] }, weights: { '': 0 } },
    /^weights\['' \(the default space\)\]: .* above 0/,
  ],
  [{ vectors: { title: [1, 2, 3] }, weights: [1] as never }, /weights: expected an object/],
  [{ vectors: { title: [1, 2, 3] }, weights: { title: 0 } }, /weights.title: .* above 0/],
  [{ vector: [1, 2, 3, 4], weights: { '': 1 } }, /weights: expected with vectors/],
  [{ vector: [1, 2, 3, 4], groupBy: { field: '' } }, /groupBy.field/],
  [{ vector: [1, 2, 3, 4], groupBy: { field: 'a', size: 0 } }, /groupBy.size/],
  [{ vector: [1, 2, 3, 4], groupBy: { field: 'a' }, after: 'x' }, /groups have no pages/],
])('a search by %j is refused', async (query, message) => {
  await using f = await fixture({ vectors: spaces });
  await expect(f.collection.search(query)).rejects.toThrow(message);
});
