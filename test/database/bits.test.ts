/** What `codes` chooses, and that searches walk on what was chosen. */
import { expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

test('codes that were asked for are those that are walked on, and no others are taken at reopening', async () => {
  await using f = await fixture({ dimension: 4, codes: 'bit' });
  expect(f.collection.info()).toMatchObject({ codes: 'bit' });
  const bytes = await f.db.collection('bytes', { dimension: 700, codes: 'sq8' });
  expect(bytes.info()).toMatchObject({ codes: 'sq8' });
  await f.db.collection('bytes', { codes: 'auto' });
  await expect(f.db.collection('bytes', { codes: 'bit' })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});

test.each([true, false])(
  'searches walk on bits and find what exact ones find (originals: %s)',
  async (originals) => {
    const dimension = 320;
    let f = await fixture({ dimension, originals, codes: 'bit' }, { memoryBytes: 32 << 20 });
    const vectors = randomVectors(400, dimension, 1);
    await f.collection.upsert(vectors.slice(0, 10).map((vector, id) => ({ id, vector })));
    expect((await f.db.stats()).memory.modulePartBytes.bits ?? 0).toBe(0);
    await f.collection.upsert(vectors.slice(10).map((vector, i) => ({ id: i + 10, vector })));
    f = await f.reopen();
    for (const vector of randomVectors(20, dimension, 2)) {
      const hits = await f.collection.search({ vector, k: 10, ef: 200 });
      const truth = await f.collection.search({ vector, k: 10, exact: true });
      const found = hits.filter(({ id }) => truth.some((other) => other.id === id));
      expect(found.length).toBeGreaterThanOrEqual(8);
      for (const { id, distance } of found) {
        expect(distance).toBe(truth.find((other) => other.id === id)?.distance);
      }
    }
    // More than the beam holds are measured, as the order of estimates by bits is none to rely on.
    const narrow = await f.collection.searchWithStats({ vector: vectors[0], k: 10, ef: 10 });
    if (originals) expect(narrow.stats.refined).toBeGreaterThan(15);
    expect(narrow.hits).toHaveLength(10);
    const { bits = 0 } = (await f.db.stats()).memory.modulePartBytes;
    expect(bits).toBeGreaterThan(0);
    expect((await f.db.check()).problems).toEqual([]);
    await f.db.close();
  },
);
