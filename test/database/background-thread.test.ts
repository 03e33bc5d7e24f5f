/** The database with its flushes and merges in a thread. Needs a build (`npm test` makes one). */
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';

test('with a background thread a database answers as ever, also after it is opened again', async () => {
  const threads: unknown[] = [];
  const note = (worker: unknown): number => threads.push(worker);
  process.on('worker', note);
  await using directory = await tempDir();
  const vector = (i: number): number[] => [Math.cos(i), Math.sin(i), i % 7];
  let database = await open(directory.path, { backgroundThread: true, memoryBytes: 8 << 20 });
  let points = await database.collection('points', { dimension: 3, metric: 'l2' });
  for (let round = 0; round < 3; round++) {
    const ids = Array.from({ length: 300 }, (_, i) => 300 * round + i);
    await points.upsert(ids.map((id) => ({ id, vector: vector(id), text: `point ${id}` })));
    await database.flush();
  }
  await database.compact();
  expect((await database.check()).problems).toEqual([]);
  await database.close();
  process.off('worker', note);
  expect(threads).toHaveLength(1);

  database = await open(directory.path, { createIfMissing: false });
  points = await database.collection('points');
  expect(await points.count()).toBe(900);
  const [hit] = await points.search({ vector: vector(450), k: 1, include: ['text'] });
  expect(hit).toMatchObject({ id: 450, text: 'point 450' });
  await database.close();
});

test('backgroundThread is a boolean', async () => {
  const opening = open('nowhere', { backgroundThread: 1 as unknown as boolean });
  await expect(opening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
