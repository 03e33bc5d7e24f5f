/** Batches that are cut to what memory has room for: every record once, in order, and nothing that failed is hidden. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FittingBatches } from '../../src/database/fitting-batches.ts';
import { DatabaseError } from '../../src/errors.ts';
import { open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const exhausted = (): DatabaseError => new DatabaseError('RESOURCE_EXHAUSTED', 'no room');

test('all of every batch is written once, in order, in parts that fit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(40), { maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }),
      async (sizes, room) => {
        const batches = new FittingBatches();
        const written: number[] = [];
        let refused = 0;
        let next = 0;
        for (const size of sizes) {
          const batch = Array.from({ length: size }, () => next++);
          await batches.write(batch, async (part) => {
            if (part.length > room) {
              refused++;
              throw exhausted();
            }
            written.push(...part);
          });
        }
        expect(written).toEqual(Array.from({ length: next }, (_, i) => i));
        // What fitted once is remembered.
        expect(refused).toBeLessThanOrEqual(6);
      },
    ),
  );
});

test('one that never fits, and any other error, are thrown; what was written before is', async () => {
  const written: number[] = [];
  const batches = new FittingBatches();
  const write = async (part: readonly number[]): Promise<void> => {
    if (part.includes(3)) throw exhausted();
    written.push(...part);
  };
  await expect(batches.write([0, 1, 2, 3, 4], write)).rejects.toThrow('no room');
  expect(written).toEqual([0, 1, 2]);
  const fails = (): Promise<void> => Promise.reject(new DatabaseError('IO', 'disk'));
  await expect(batches.write([5, 6], fails)).rejects.toThrow('disk');
});

test('long vectors are ingested by the hundred into the smallest database', async () => {
  const dimension = 1024;
  const count = 1000;
  const database = await open('/db', {
    fileSystem: new MemoryFileSystem(),
    memoryBytes: 8 << 20,
    durability: 'none',
  });
  const options = { dimension, metric: 'l2', codes: 'sq8', exactBelow: 0 } as const;
  const collection = await database.collection('long', options);
  const vectorOf = (id: number): Float32Array =>
    Float32Array.from({ length: dimension }, (_, i) => Math.sin((id + 1) * (i + 1)));
  await collection.upsert({ id: -1, vector: vectorOf(-1.5) });
  const records = function* () {
    for (let id = 0; id < count; id++) yield { id, vector: vectorOf(id) };
  };
  // In one plan they are more than the database may pin.
  const result = await collection.ingest(records(), { batchSize: count });
  expect(result).toEqual({ inserted: count, replaced: 0 });
  expect(await collection.count()).toBe(count + 1);
  const [hit] = await collection.search({ vector: vectorOf(count - 1), k: 1 });
  expect(hit.id).toBe(count - 1);
  expect((await database.check()).ok).toBe(true);
  await database.close();
});
