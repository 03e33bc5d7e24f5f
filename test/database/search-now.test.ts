/** Searches that are answered in one turn of the event loop give what all searches give. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Hit, IncludePart, RecordId, SearchOptions } from '../../src/index.ts';
import { type Fixture, fixture, randomVectors } from './fixtures.ts';

const dimension = 6;
const vectors = randomVectors(400, dimension, 3);
const queries = randomVectors(30, dimension, 4);
/** Of every form, and one whose head is longer than those that are read quickly. */
const ids: RecordId[] = [
  0,
  -1,
  2 ** 32,
  -(2 ** 40) - 7,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2n ** 63n - 1n,
  -(2n ** 62n),
  'ünïcödé 🙂',
  '17',
  'x'.repeat(700),
];

async function equal(f: Fixture<unknown>, search: SearchOptions): Promise<Hit[]> {
  const { hits } = await f.collection.searchWithStats(search);
  expect(await f.collection.search(search)).toEqual(hits);
  return hits;
}

test('ids, namespaces and parts are those of other searches', async () => {
  await using f = await fixture({ dimension, metric: 'cosine' });
  await f.collection.upsert(
    vectors.map((vector, i) => ({
      id: ids[i] ?? `id ${i}`,
      vector,
      namespace: i % 3 === 0 ? '' : i % 3 === 1 ? 'short' : 'n'.repeat(200),
      metadata: i % 2 === 0 ? { i } : undefined,
      text: i % 5 === 0 ? `text ${i}` : undefined,
    })),
  );
  const includes: IncludePart[][] = [[], ['metadata'], ['text', 'vector'], ['vector', 'metadata']];
  const found = new Set<RecordId>();
  for (const [i, vector] of vectors.entries()) {
    const hits = await equal(f, { vector, k: 1 + (i % 12), ef: 40, include: includes[i % 4] });
    for (const { id } of hits) found.add(id);
  }
  for (const id of ids) expect(found).toContain(id);
});

test('deleted, replaced and expired records, limits and widths make no difference', async () => {
  const operation = fc.oneof(
    fc.record({ do: fc.constant('upsert' as const), id: fc.nat(60), to: fc.nat(399) }),
    fc.record({ do: fc.constant('expire' as const), id: fc.nat(60), to: fc.nat(399) }),
    fc.record({ do: fc.constant('delete' as const), id: fc.nat(60), to: fc.constant(0) }),
    fc.record({ do: fc.constant('wait' as const), id: fc.constant(0), to: fc.nat(2) }),
  );
  const search = fc.record({
    query: fc.nat(29),
    k: fc.integer({ min: 1, max: 70 }),
    ef: fc.integer({ min: 1, max: 600 }),
    maxDistance: fc.constantFrom(undefined, 0.9, 1.4),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(operation, search), { minLength: 5, maxLength: 40 }),
      async (steps) => {
        let now = 1_000_000;
        await using f = await fixture({ dimension }, { now: () => now });
        await f.collection.upsert(vectors.slice(0, 40).map((vector, id) => ({ id, vector })));
        for (const [{ do: what, id, to }, { query, ...options }] of steps) {
          if (what === 'delete') await f.collection.delete(id);
          else if (what === 'wait') now += to * 1000;
          else {
            const ttlSeconds = what === 'expire' ? 2 : undefined;
            await f.collection.upsert({ id, vector: vectors[to], ttlSeconds });
          }
          await equal(f, { vector: queries[query], ...options });
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('a query may be changed as soon as the call has returned', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  for (const k of [5, 600]) {
    const query = queries[0].slice();
    const expected = await f.collection.search({ vector: query, k, ef: 50 });
    const searching = f.collection.search({ vector: query, k, ef: 50 });
    query.fill(9);
    expect(await searching).toEqual(expected);
  }
});

test('searches beside commits that are not published yet see the one before', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const search = { vector: vectors[7], k: 3, ef: 60 };
  const beside = async (writing: Promise<unknown>): Promise<number> => {
    let isOver = false;
    void writing.then(() => {
      isOver = true;
    });
    let searches = 0;
    for (; !isOver; searches++) {
      // Both begin in the same turn: they see the same commit.
      const [hits, other] = await Promise.all([
        f.collection.search(search),
        f.collection.searchWithStats(search),
      ]);
      expect(hits).toEqual(other.hits);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return searches;
  };
  const moved = vectors.slice(0, 200).map((_, id) => ({ id, vector: vectors[(id + 7) % 400] }));
  expect(await beside(f.collection.upsert(moved))).toBeGreaterThan(0);
  expect(await beside(f.collection.delete([0, 7, 8]))).toBeGreaterThan(0);
});

test('an aborted signal and a bad vector are refused as elsewhere', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  const signal = AbortSignal.abort();
  await expect(f.collection.search({ vector: queries[0], signal })).rejects.toMatchObject({
    code: 'ABORTED',
  });
  const bad = queries[0].slice();
  bad[4] = Number.NaN;
  await expect(f.collection.search({ vector: bad })).rejects.toThrow('vector[4]');
});
