/** The least memory, and vectors so large that pages, lists and originals cannot all stay in it. */
import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fixture, randomVectors, SMALL_MEMORY } from './fixtures.ts';

const dimension = 512;

test('more data than memory: every search is right, and memory stays in its bound', async () => {
  await using f = await fixture({ dimension: 2048 });
  const vectors = randomVectors(1400, 2048, 11);
  for (let i = 0; i < vectors.length; i += 50) {
    const records = vectors.slice(i, i + 50).map((vector, j) => ({ id: i + j, vector }));
    await f.collection.upsert(records);
    const { memory } = await f.db.stats();
    expect(memory.totalBytes).toBeLessThanOrEqual(SMALL_MEMORY);
  }
  for (let id = 0; id < vectors.length; id += 97) {
    const [nearest] = await f.collection.search({ vector: vectors[id], k: 1, ef: 100 });
    expect(nearest).toMatchObject({ id, distance: 0 });
  }
  const { memory, cache } = await f.db.stats();
  expect(memory.totalBytes).toBeLessThanOrEqual(SMALL_MEMORY);
  expect(cache.evictions).toBeGreaterThan(0);
  expect(cache.originalReads).toBeGreaterThan(0);
  expect((await f.db.check()).problems).toEqual([]);
});

test('a batch that memory cannot hold is refused, and nothing of it is stored', async () => {
  await using f = await fixture({ dimension });
  await f.collection.upsert({ id: 'before', vector: randomVectors(1, dimension, 1)[0] });
  const records = randomVectors(6000, dimension, 12).map((vector, id) => ({ id, vector }));
  const stored = f.collection.upsert(records);
  await expect(stored).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  expect(await f.collection.count()).toBe(1);
  expect(await f.collection.upsert(records.slice(0, 50))).toEqual({ inserted: 50, replaced: 0 });
  expect((await f.db.check()).problems).toEqual([]);
});

test('a log that is too large for a smaller memory asks for the memory it was written with', async () => {
  const disk = new MemoryFileSystem();
  const memoryBytes = 8 * SMALL_MEMORY;
  const f = await fixture({ dimension }, { fileSystem: disk, memoryBytes });
  const records = randomVectors(2500, dimension, 13).map((vector, id) => ({ id, vector }));
  await f.collection.upsert(records);
  const crashed = disk.crash(1);
  const small = fixture({ dimension }, { fileSystem: crashed });
  await expect(small).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    message: expect.stringMatching(/memoryBytes: 10000000 is too small to replay the 2500 vectors/),
  });
  const whole = await fixture({ dimension }, { fileSystem: crashed, memoryBytes });
  await whole.db.close();
  await using again = await fixture({ dimension }, { fileSystem: crashed });
  expect(await again.collection.count()).toBe(2500);
});
