/** Writes to records that an ingest has loaded, while it still gives the others their vectors in named spaces. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Collection, RecordInput } from '../../src/index.ts';
import { fixture, randomVectors } from './fixtures.ts';

const count = 400;
const options = { vectors: { twin: { dimension: 3 } } };
const vectors = randomVectors(count, 4, 1);
const ours = [0, 0, 7];

function recordOf(id: number): RecordInput {
  return { id, vector: vectors[id], vectors: { twin: [id, 1, 0] } };
}

async function twinOf(things: Collection, id: number): Promise<number[] | undefined> {
  const twin = (await things.get(id, { include: ['vector'] }))?.vectors?.twin;
  return twin && [...twin];
}

async function loaded(things: Collection): Promise<void> {
  while ((await things.count()) === 0) await setImmediate();
}

test('what others write of records that were just loaded stays', async () => {
  await using f = await fixture(options);
  const things = f.collection;
  const ingest = things.ingest(
    vectors.map((_, id) => recordOf(id)),
    { batchSize: 4 },
  );
  await loaded(things);
  const updated = [10, 200, 390];
  const bare = [11, 201, 391];
  const gone = [12, 202, 392];
  const again = [13, 203, 393];
  await Promise.all([
    things.upsert(updated.map((id) => ({ id, vector: vectors[id], vectors: { twin: ours } }))),
    things.upsert(bare.map((id) => ({ id, vector: vectors[id] }))),
    things.delete([...gone, ...again]),
    things.insert(again.map((id) => ({ id, vector: vectors[id] }))),
  ]);
  // Else there was nothing beside which these were written.
  expect(things.info().namedVectors.twin.vectors).toBeLessThan(count / 2);
  // It remembers which records they were.
  expect((await f.db.stats()).memory.bulkBytes).toBeGreaterThan(0);
  await ingest;
  expect((await f.db.stats()).memory.bulkBytes).toBe(0);
  for (const id of updated) expect(await twinOf(things, id)).toEqual(ours);
  for (const id of bare) expect(await twinOf(things, id)).toBeUndefined();
  for (const id of gone) expect(await things.has(id)).toBe(false);
  for (const id of again) expect(await twinOf(things, id)).toBeUndefined();
  for (const id of [0, 9, 199, 399]) expect(await twinOf(things, id)).toEqual([id, 1, 0]);
  const left = count - bare.length - gone.length - again.length;
  expect(things.info().namedVectors.twin.vectors).toBe(left);
  expect((await f.db.check()).problems).toEqual([]);
});

test('of records with the same id the last one counts, whichever batches they are in', async () => {
  await using f = await fixture(options);
  const repeated = [
    ...vectors.map((_, id) => recordOf(id)),
    { id: 3, vector: vectors[3], vectors: { twin: ours } },
    { id: 4, vector: vectors[4] },
  ];
  await f.collection.ingest(repeated, { batchSize: 4 });
  expect(await twinOf(f.collection, 3)).toEqual(ours);
  expect(await twinOf(f.collection, 4)).toBeUndefined();
  expect(await twinOf(f.collection, 5)).toEqual([5, 1, 0]);
});
