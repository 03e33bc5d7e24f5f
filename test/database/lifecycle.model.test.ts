/**
 * Data that lives: any sequence of builds, writes, sweeps, moves, compactions, flushes, reopens and crashes leaves
 * a collection that equals a Map, at `exactBelow: 0`, and a graph in which searches find what there is.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Collection, Database } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import {
  build,
  DIMENSION,
  expectEqual,
  type Model,
  remove,
  type Stored,
  TWIN_OPTIONS,
  upsert,
  vectorOf,
  type Write,
} from './history.ts';
import { openSharded } from './sharded.ts';

type Step =
  | { do: 'write'; write: Write }
  | { do: 'flush' | 'compact' | 'reopen' | 'crash' }
  | { do: 'both'; write: Write };

const id = fc.integer({ min: 0, max: 120 });
const write: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(id, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 500 }))
      .map(([from, count, seed]) => upsert(from, count, seed)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(id, fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 4 }))
      .map(([from, count, step]) =>
        remove(Array.from({ length: count }, (_, i) => from + i * step)),
      ),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: write.map((one): Step => ({ do: 'write', write: one })) },
  // A write that goes on beside a compaction.
  { weight: 2, arbitrary: write.map((one): Step => ({ do: 'both', write: one })) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'compact' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step[]>({ do: 'flush' }, { do: 'reopen' }, { do: 'crash' }),
  },
);

const buildStep: fc.Arbitrary<Step> = fc
  .tuple(id, fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 500 }))
  .map(([from, count, seed]) => ({ do: 'write', write: build(from, count, seed) }));
/** Half of them begin with a build, which fills an empty collection. */
const history: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(buildStep, { maxLength: 1 }),
    fc.array(fc.oneof({ weight: 14, arbitrary: step }, { weight: 1, arbitrary: buildStep }), {
      minLength: 2,
      maxLength: 20,
    }),
  )
  .map(([first, then]) => [...first, ...then]);

const collectionOptions = fc.record({
  vectors: fc.constantFrom(undefined, undefined, TWIN_OPTIONS.vectors),
  metric: fc.constant('l2' as const),
  layout: fc.constantFrom('vertex', 'delta', 'hybrid'),
  placement: fc.constantFrom('affinity', 'section', 'append', 'random'),
  m: fc.constantFrom(3, 4, 16),
  codes: fc.constantFrom('sq8', 'bit', 'none'),
});

type Numbered = Collection<Stored['metadata']>;

test('whatever comes and goes, a collection behaves like a Map and its graph stays sound', async () => {
  await fc.assert(
    fc.asyncProperty(
      collectionOptions,
      fc.constantFrom(40, 1000),
      history,
      async (given, shardNodesMax, steps) => {
        let disk = new MemoryFileSystem();
        let model: Model = new Map();
        const options = { dimension: DIMENSION, exactBelow: 0, ...given } as const;
        const start = async (): Promise<[Database, Numbered]> => {
          const { db } = await openSharded(disk, shardNodesMax);
          return [db, await db.collection('things', options)];
        };
        let [db, collection] = await start();
        for (const next of steps) {
          if (next.do === 'write' || next.do === 'both') {
            const compacting = next.do === 'both' ? db.compact() : undefined;
            await next.write.run(collection);
            await compacting;
            model = next.write.apply(model);
          } else if (next.do === 'flush') {
            await db.flush();
          } else if (next.do === 'compact') {
            await db.compact();
            const { graph } = await db.stats();
            for (const { ghosts } of graph) expect(ghosts).toBe(0);
          } else {
            if (next.do === 'reopen') await db.close();
            else disk = disk.crash(1);
            [db, collection] = await start();
          }
        }
        await expectEqual(db, collection, model);
        await expectRecall(collection, model, given.m >= 4 ? 0.9 : 0.7);
        await db.close();
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);

/** Of the five nearest, by a narrow walk. */
async function expectRecall(collection: Numbered, model: Model, floor: number): Promise<void> {
  if (model.size < 20) return;
  let found = 0;
  const queries = Array.from({ length: 20 }, (_, i) => vectorOf(900_000 + i));
  for (const vector of queries) {
    const truth = await collection.search({ vector, k: 5, exact: true });
    const hits = await collection.search({ vector, k: 5, ef: 32 });
    const ids = new Set(hits.map((hit) => hit.id));
    found += truth.filter((hit) => ids.has(hit.id)).length;
  }
  expect(found / (5 * queries.length)).toBeGreaterThanOrEqual(floor);
}
