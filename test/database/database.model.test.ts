/**
 * The database against a Map, at `exactBelow: 0`, so that every search walks the graph. Flushes,
 * reopens and crashes change nothing that a reader can see.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Collection, type Database, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import {
  DIMENSION,
  expectEqual,
  type Model,
  remove,
  type Stored,
  TWIN_OPTIONS,
  upsert,
  type Write,
} from './history.ts';

type Step = { do: 'write'; write: Write } | { do: 'flush' | 'reopen' | 'crash' };

const id = fc.integer({ min: 0, max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(id, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 500 }))
      .map(([from, count, seed]): Step => ({ do: 'write', write: upsert(from, count, seed) })),
  },
  {
    weight: 3,
    arbitrary: fc
      .array(id, { maxLength: 6 })
      .map((ids): Step => ({ do: 'write', write: remove(ids) })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Step[]>({ do: 'flush' }, { do: 'reopen' }, { do: 'crash' }),
  },
);

const collectionOptions = fc.record({
  vectors: fc.constantFrom(undefined, TWIN_OPTIONS.vectors),
  metric: fc.constant('l2' as const),
  layout: fc.constantFrom('vertex', 'delta', 'hybrid'),
  placement: fc.constantFrom('affinity', 'section', 'append', 'random'),
  m: fc.constantFrom(2, 4, 16),
  codes: fc.constantFrom('sq8', 'bit', 'none'),
});

test('a collection behaves like a Map, across flushes, restarts and crashes', async () => {
  await fc.assert(
    fc.asyncProperty(
      collectionOptions,
      fc.array(step, { minLength: 1, maxLength: 25 }),
      async (given, steps) => {
        let disk = new MemoryFileSystem();
        let model: Model = new Map();
        const options = { dimension: DIMENSION, exactBelow: 0, ...given } as const;
        const start = async (): Promise<[Database, Collection<Stored['metadata']>]> => {
          const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
          return [db, await db.collection('things', options)];
        };
        let [db, collection] = await start();
        for (const next of steps) {
          if (next.do === 'write') {
            await next.write.run(collection);
            model = next.write.apply(model);
          } else if (next.do === 'flush') {
            await db.flush();
          } else {
            if (next.do === 'reopen') await db.close();
            else disk = disk.crash(1);
            [db, collection] = await start();
          }
        }
        await expectEqual(db, collection, model);
        await db.close();
      },
    ),
    { numRuns: 40 },
  );
});

test('two batches from different callers at once lose no edge and share no place', async () => {
  const disk = new MemoryFileSystem();
  const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
  const collection: Collection<Stored['metadata']> = await db.collection('things', {
    dimension: DIMENSION,
    metric: 'l2',
    exactBelow: 0,
  });
  const batches = [upsert(0, 150, 1), upsert(100, 150, 2), upsert(400, 150, 3), remove([0, 1, 2])];
  await Promise.all(batches.map((batch) => batch.run(collection)));
  const model = batches.reduce<Model>((before, batch) => batch.apply(before), new Map());
  await expectEqual(db, collection, model);
  expect((await db.stats()).graph[0].vectors).toBe(model.size);
  await db.close();
});
