/**
 * Filtered searches against a plain list of records: whatever the filter, the fields that are indexed and the
 * way that is planned, there are k hits whenever k records match, and an answer that is called exact is.
 * Records come, change and go, and the database is compacted and reopened in between.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import { compileCondition } from '../../src/filter/compile-filter.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';
import { type Collection, type FieldType, open, type SearchStats } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { arbitraryFilter, arbitraryMetadata } from '../filter/arbitrary-filter.ts';
import { SMALL_MEMORY } from './fixtures.ts';

const OPTIONS = { memoryBytes: SMALL_MEMORY, durability: 'none' } as const;
const VECTORS = { dimension: 3, metric: 'l2', m: 4 } as const;
const K = 5;

interface Thing {
  readonly vector: number[];
  readonly metadata: Json | undefined;
  readonly namespace: string;
}

type Model = Map<number, Thing>;

const thing = fc.record({
  vector: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 }),
  metadata: arbitraryMetadata,
  namespace: fc.constantFrom('', '', 'other'),
});
const id = fc.nat(20);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('upsert' as const),
      things: fc.array(fc.tuple(id, thing), { minLength: 1, maxLength: 12 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), ids: fc.array(id) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('search' as const),
      /** Of three, so that they come again. */
      which: fc.nat(2),
      vector: thing.map(({ vector }) => vector),
      namespace: fc.constantFrom(undefined, '', 'other'),
      exact: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('flush' as const, 'compact' as const, 'reopen' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('field' as const),
      path: fc.constantFrom('a', 'b', 'a.b', 'c'),
      type: fc.constantFrom<FieldType>('keyword', 'number', 'boolean', 'date'),
    }),
  },
);

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.fround(Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0)));

function expectHits(
  model: Model,
  search: { filter: { [key: string]: Json }; vector: number[]; namespace: string | undefined },
  found: { hits: readonly { id: unknown; distance: number }[]; stats: SearchStats },
): void {
  const passes = compileCondition(parseFilter(search.filter));
  const matching = [...model].filter(
    ([, { metadata, namespace }]) =>
      passes(metadata) && (search.namespace ?? namespace) === namespace,
  );
  const { hits, stats } = found;
  expect(hits.length).toBe(Math.min(K, matching.length));
  const ids = new Set(matching.map(([name]) => name));
  for (const hit of hits) expect(ids.has(hit.id as number)).toBe(true);
  if (!stats.exact) return;
  const nearest = matching.map(([, one]) => distance(one.vector, search.vector));
  nearest.sort((a, b) => a - b);
  for (const [i, hit] of hits.entries()) expect(hit.distance).toBeCloseTo(nearest[i], 4);
}

test('filtered searches find what a list of records says', async () => {
  const ways = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom('a', 'b', 'a.b'), { maxLength: 2 }),
      fc.array(arbitraryFilter, { minLength: 3, maxLength: 3 }),
      fc.array(operation, { minLength: 10, maxLength: 24 }),
      async (paths, filters, operations) => {
        const fileSystem = new MemoryFileSystem();
        const fields = Object.fromEntries(paths.map((path) => [path, 'keyword' as FieldType]));
        let db = await open('/db', { ...OPTIONS, fileSystem });
        let things: Collection = await db.collection('t', { ...VECTORS, fields, exactBelow: 0 });
        const model: Model = new Map();
        for (const op of operations) {
          if (op.do === 'upsert') {
            const records = [...new Map(op.things)].filter(([name, { namespace }]) => {
              return (model.get(name)?.namespace ?? namespace) === namespace;
            });
            await things.upsert(records.map(([name, one]) => ({ id: name, ...one })));
            for (const [name, one] of records) model.set(name, one);
          } else if (op.do === 'delete') {
            const ids = op.ids.filter((name) => model.get(name)?.namespace === '');
            await things.delete(ids);
            for (const name of ids) model.delete(name);
          } else if (op.do === 'search') {
            const { do: _, which, ...rest } = op;
            const search = { ...rest, filter: filters[which] };
            const found = await things.searchWithStats({ ...search, k: K });
            expectHits(model, search, found);
            const way = `${found.stats.plan} ${found.stats.filter}`;
            ways.set(way, (ways.get(way) ?? 0) + 1);
          } else if (op.do === 'field') {
            if (things.info().fields[op.path] === undefined)
              await things.addField(op.path, op.type);
            else await things.dropField(op.path);
          } else if (op.do === 'reopen') {
            await db.close();
            db = await open('/db', { ...OPTIONS, fileSystem });
            things = await db.collection('t', { exactBelow: 0 });
          } else if (op.do === 'flush') await db.flush();
          else await db.compact();
        }
        expect((await db.check()).problems).toEqual([]);
        await db.close();
      },
    ),
    { numRuns: 40 },
  );
  expect([...ways.keys()].join()).toMatch(/updated/);
});
