/** What `codes: 'auto'` comes to, by dimension, number of vectors and memory. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { beamFactor, beamOnBits, needsBits } from '../../src/database/auto-codes.ts';
import { planMemory } from '../../src/database/memory-plan.ts';
import { type Collection, open } from '../../src/index.ts';
import { fixture, randomVectors } from './fixtures.ts';

const shapes = fc.record({
  dimension: fc.integer({ min: 128, max: 600 }),
  m: fc.integer({ min: 4, max: 64 }),
});
const counts = fc.integer({ min: 1000, max: 1_000_000 });

test('a load makes bits between two bounds of memory, which grow with the number of vectors', () => {
  fc.assert(
    fc.property(shapes, counts, (shape, count) => {
      const isChosen = (memory: number): boolean => needsBits(shape, count, memory);
      // Less than bits alone, and all that codes and lists take.
      expect(isChosen((count * shape.dimension) / 8)).toBe(false);
      expect(isChosen(count * (2 * shape.dimension + 8 * shape.m))).toBe(false);
      const steps = Array.from({ length: 400 }, (_, i) => isChosen(count * 4 * (i + 1)));
      const first = steps.indexOf(true);
      expect(first).toBeGreaterThanOrEqual(0);
      const last = steps.lastIndexOf(true);
      expect(steps.slice(first, last + 1)).not.toContain(false);
      expect(needsBits(shape, 2 * count, count * 8 * (first + 1))).toBe(true);
    }),
  );
});

test.each([
  [128, 600_000, 25, false],
  [128, 600_000, 35, true],
  [128, 600_000, 50, true],
  [128, 600_000, 70, true],
  [128, 600_000, 256, false],
  [192, 60_000, 10, true],
  [192, 60_000, 18, false],
  [256, 60_000, 14, true],
  [256, 60_000, 25, false],
  [384, 60_000, 35, true],
  [384, 60_000, 50, false],
  [512, 60_000, 35, true],
  [512, 60_000, 100, false],
  [784, 60_000, 14, true],
  [784, 60_000, 1000, true],
])(
  'as was measured: of %i dimensions and %i vectors in %i MB',
  (dimension, count, megabytes, isBits) => {
    const { moduleBytes } = planMemory(megabytes * 1e6);
    expect(needsBits({ dimension, m: 16 }, count, moduleBytes)).toBe(isBits);
  },
);

test('a beam on bits is wider, the fewer dimensions the more, and not without end', () => {
  expect([128, 256, 800].map(beamFactor)).toEqual([4, 2.5, 1.25]);
  expect(beamOnBits(128, 10)).toBe(40);
  expect(beamOnBits(128, 192)).toBe(768);
  expect(beamOnBits(128, 193)).toBe(0);
  expect(beamOnBits(800, 614)).toBe(768);
  expect(beamOnBits(800, 615)).toBe(768);
  expect(beamOnBits(800, 900)).toBe(900);
});

const dimension = 512;

/** About a normal distribution. */
const normal = (random: Random): number => random() + random() + random() - 1.5;

/** Vectors of a few degrees of freedom, always the same ones. */
function smooth(count: number, seed: number): Float32Array {
  const degrees = 12;
  const same = seededRandom(1);
  const basis = Float32Array.from({ length: degrees * dimension }, () => normal(same));
  const random = seededRandom(seed);
  const vectors = new Float32Array(count * dimension);
  for (let row = 0; row < count; row++) {
    const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
    for (let degree = 0; degree < degrees; degree++) {
      const weight = normal(random);
      for (let i = 0; i < dimension; i++) vector[i] += weight * basis[degree * dimension + i];
    }
    for (let i = 0; i < dimension; i++) vector[i] += random() - 0.5;
  }
  return vectors;
}

const queries = smooth(100, 3);

/** Of the nearest ten, how many each search finds with `ef`. */
async function found(
  collection: Collection,
  reaches: readonly number[],
  ef: number,
): Promise<number> {
  let sum = 0;
  for (const [i, reach] of reaches.entries()) {
    const vector = queries.subarray(i * dimension, (i + 1) * dimension);
    const hits = await collection.search({ vector, k: 10, ef });
    sum += hits.filter((hit) => hit.distance <= reach).length / 10;
  }
  return sum / reaches.length;
}

test('what is filled with little memory walks on bits, finds as much with the same ef, and stays as it is', async () => {
  const scarce = { memoryBytes: 8 << 20 };
  let f = await fixture({ dimension }, scarce);
  const { fileSystem } = f;
  const exactBelow = 0;
  const bytes = await f.db.collection('bytes', {
    dimension,
    metric: 'l2',
    codes: 'sq8',
    exactBelow,
  });
  const vectors = smooth(7400, 2);
  for (const collection of [f.collection, bytes]) await collection.build({ vectors });
  expect([f.collection.info().codes, bytes.info().codes]).toEqual(['bit', 'sq8']);
  const reaches: number[] = [];
  for (let i = 0; i < 100; i++) {
    const vector = queries.subarray(i * dimension, (i + 1) * dimension);
    const nearest = await bytes.search({ vector, k: 10, exact: true });
    reaches.push(nearest[9].distance);
  }
  const shares: number[] = [];
  for (const ef of [10, 30]) {
    const share = await found(f.collection, reaches, ef);
    expect(share).toBeGreaterThan((await found(bytes, reaches, ef)) - 0.01);
    shares.push(share);
  }
  await f.db.close();

  f = await fixture({ dimension }, { memoryBytes: 96 << 20, fileSystem });
  expect(f.collection.info().codes).toBe('bit');
  expect(await found(f.collection, reaches, 10)).toBe(shares[0]);
  const added = queries.slice(0, dimension);
  await f.collection.upsert({ id: 'new', vector: added });
  const [first] = await f.collection.search({ vector: added, k: 1 });
  expect([first.id, first.distance]).toEqual(['new', 0]);
  const { bits = 0 } = (await f.db.stats()).memory.modulePartBytes;
  expect(bits).toBeGreaterThan(0);
  expect((await f.db.check()).problems).toEqual([]);
  await expect(f.db.collection('things', { codes: 'bit' })).rejects.toThrow('created with auto');
  const ample = await f.db.collection('ample', { dimension, metric: 'l2', exactBelow });
  await ample.build({ vectors: vectors.subarray(0, 2100 * dimension) });
  await ample.upsert({ vector: added, id: 'new' });
  expect(ample.info().codes).toBe('sq8');
  await f.db.close();

  f = await fixture({ dimension }, { ...scarce, fileSystem });
  // A beam on bits for so much would find no room beside what commits have pinned.
  for (let round = 0; round < 4; round++) {
    const rows = smooth(40, 10 + round);
    const more = Array.from({ length: 40 }, (_, i) => {
      return { id: `${round} ${i}`, vector: rows.subarray(i * dimension, (i + 1) * dimension) };
    });
    const adding = f.collection.upsert(more);
    const search = { vector: added, k: 3, ef: 450 };
    const asking = Promise.all(more.slice(0, 8).map(() => f.collection.search(search)));
    for (const [nearest] of await asking) expect(nearest.id).toBe('new');
    await adding;
  }
  await f.db.close();
});

test('a load makes no bits of noise, for which they are too coarse, and nor do insertions after it', async () => {
  await using f = await fixture({ dimension: 640 }, { memoryBytes: 32 << 20 });
  const rows = randomVectors(2100, 640, 3).map((vector, id) => ({ id, vector }));
  await f.collection.ingest(rows.slice(0, 2050));
  await f.collection.upsert(rows.slice(2050));
  expect(f.collection.info().codes).toBe('sq8');
  const { bits = 0 } = (await f.db.stats()).memory.modulePartBytes;
  expect(bits).toBe(0);
});

test('above 600 dimensions searches walk on bits as soon as there are some, those of a copy, too', async () => {
  await using f = await fixture({ dimension: 601 }, { memoryBytes: 64 << 20 });
  const rows = randomVectors(40, 601, 3).map((vector, id) => ({ id, vector }));
  await f.collection.upsert(rows.slice(0, 10));
  expect(f.collection.info().codes).toBe('sq8');
  await f.collection.upsert(rows.slice(10));
  expect(f.collection.info().codes).toBe('bit');
  await f.db.backup('/copy');
  await using copy = await open('/copy', { fileSystem: f.fileSystem });
  const things = await copy.collection('things');
  expect(things.info()).toMatchObject({ codes: 'bit', vectors: 40 });
  expect((await copy.check()).problems).toEqual([]);
});
