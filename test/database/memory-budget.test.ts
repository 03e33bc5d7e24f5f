/** The parts of memory are sampled in every turn of the event loop, whatever the database does. */
import { expect, test } from 'vitest';
import { planMemory } from '../../src/database/memory-plan.ts';
import type { Database } from '../../src/index.ts';
import { open } from '../../src/index.ts';
import { leastCacheBytes } from '../../src/lsm/block-cache.ts';
import { LOG_BYTES } from '../../src/lsm/memory-budget.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

const memoryBytes = 10_000_000;
const dimension = 128;

/** Looks at the parts until it is told to stop; resolves with the largest sum, and how often it looked. */
function watch(db: Database): { stop(): Promise<{ most: number; looks: number }> } {
  let isOver = false;
  const watching = (async () => {
    let most = 0;
    let looks = 0;
    while (!isOver) {
      const { memory } = await db.stats();
      const { budgetBytes, totalBytes, modulePartBytes: _, moduleFreeBytes: __, ...parts } = memory;
      expect(Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)).toBe(totalBytes);
      expect(totalBytes).toBeLessThanOrEqual(budgetBytes);
      most = Math.max(most, totalBytes);
      looks++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { most, looks };
  })();
  watching.catch(() => {}); // It is awaited in the end.
  return {
    stop: async () => {
      isOver = true;
      return await watching;
    },
  };
}

test('the parts stay within ten million bytes in a build, upserts, checkpoints, merges and sweeps', async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { fileSystem, memoryBytes, durability: 'none' });
  const watched = watch(db);
  const collection = await db.collection('things', { dimension, metric: 'l2', exactBelow: 0 });
  const vectors = randomVectors(12_000, dimension, 5);
  const built = 10_000;
  const values = new Float32Array(built * dimension);
  for (let i = 0; i < built; i++) values.set(vectors[i], i * dimension);
  await collection.build({ vectors: values, ids: Array.from({ length: built }, (_, id) => id) });
  for (let id = built; id < built + 600; id += 20) {
    const records = Array.from({ length: 20 }, (_, i) => ({ id: id + i, vector: vectors[id + i] }));
    await collection.upsert(records);
  }
  await db.flush();
  for (let id = 0; id < 3000; id += 100) {
    await collection.delete(Array.from({ length: 100 }, (_, i) => id + i));
  }
  const found = await Promise.all(
    [4000, 7000, built + 100].map((id) => collection.search({ vector: vectors[id], k: 1, ef: 60 })),
  );
  expect(found.flat().map(({ distance }) => distance)).toEqual([0, 0, 0]);
  await db.compact();
  const { most, looks } = await watched.stop();
  expect(looks).toBeGreaterThan(20);
  expect(most).toBeGreaterThan(memoryBytes / 2);
  expect((await db.stats()).cache.evictions).toBeGreaterThan(0);
  await db.close();
});

test.each([8_388_608, 10_000_000, 25_000_000, 134_217_728, 268_435_456, 2 ** 33])(
  'the plan of %i bytes gives out no more than there is',
  (bytes) => {
    const plan = planMemory(bytes);
    const { memtableBytes, blockCacheBytes, nameBytes, jobBytes, moduleBytes, bulkBytes } = plan;
    const tree = 2.5 * memtableBytes + LOG_BYTES + jobBytes;
    expect(tree + blockCacheBytes + nameBytes + moduleBytes).toBeLessThan(bytes);
    expect(moduleBytes % 65_536).toBe(0);
    expect(moduleBytes).toBeGreaterThan(bytes / 3);
    const least = leastCacheBytes(4096);
    const building = memtableBytes + LOG_BYTES + jobBytes + least + nameBytes + bulkBytes;
    expect(building + moduleBytes).toBeLessThan(bytes);
  },
);

test('most of a small budget is for what walks read', () => {
  for (let mb = 16; mb <= 64; mb++) {
    expect(planMemory(mb * 1_000_000).moduleBytes).toBeGreaterThan(0.7 * mb * 1_000_000);
  }
});
