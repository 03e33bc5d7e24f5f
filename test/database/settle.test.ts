/** What fails after readers have seen a commit undoes nothing of it. */
import { afterEach, expect, test, vi } from 'vitest';
import { GraphIndex } from '../../src/hnsw/graph-index.ts';
import { open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

afterEach(() => vi.restoreAllMocks());

test('an error while memory is given back leaves the commit, and the next write works', async () => {
  const fileSystem = new MemoryFileSystem();
  const database = await open('/db', { fileSystem });
  const options = { dimension: 4, metric: 'l2', exactBelow: 0 } as const;
  const collection = await database.collection('c', options);
  await collection.upsert({ id: 'first', vector: [1, 0, 0, 0] });

  const settle = GraphIndex.prototype.settlingPlan;
  vi.spyOn(GraphIndex.prototype, 'settlingPlan').mockImplementationOnce(function* (
    this: GraphIndex,
  ) {
    yield* settle.call(this);
    throw new Error('settled badly');
  });
  await expect(collection.upsert({ id: 'second', vector: [0, 1, 0, 0] })).rejects.toThrow(
    'settled badly',
  );
  const ids = async (from = collection): Promise<unknown[]> =>
    (await from.search({ vector: [0, 1, 0, 0], k: 5 })).map(({ id }) => id);
  expect(await ids()).toEqual(['second', 'first']);

  await collection.upsert({ id: 'third', vector: [0, 2, 0, 0] });
  expect(await ids()).toEqual(['second', 'third', 'first']);
  expect((await database.check()).ok).toBe(true);
  await database.close();

  const again = await open('/db', { fileSystem });
  expect(await ids(await again.collection('c'))).toEqual(['second', 'third', 'first']);
  await again.close();
});
