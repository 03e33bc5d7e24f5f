/** Filtered searches large enough to walk: every way, random and correlated fields, and what the statistics say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, type Database, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const ROWS = 12_000;
const DIMENSION = 8;
const CLUSTERS = 40;
const K = 10;

interface Meta {
  /** Of no meaning, 0 to 1. */
  readonly random: number;
  /** Near vectors share it. */
  readonly cluster: number;
  readonly tag: string;
}

const random = seededRandom(7);
const centres = Array.from({ length: CLUSTERS * DIMENSION }, () => 8 * random());
const vectors = new Float32Array(ROWS * DIMENSION);
const metadata: Meta[] = [];
for (let row = 0; row < ROWS; row++) {
  const cluster = row % CLUSTERS;
  for (let i = 0; i < DIMENSION; i++) {
    vectors[row * DIMENSION + i] = centres[cluster * DIMENSION + i] + random() + random();
  }
  metadata.push({ random: random(), cluster, tag: `t${cluster % 3}` });
}
const rowVector = (row: number): Float32Array =>
  vectors.subarray(row * DIMENSION, (row + 1) * DIMENSION);

let db: Database;
let things: Collection<Meta>;

beforeAll(async () => {
  db = await open('/db', { fileSystem: new MemoryFileSystem(), durability: 'none' });
  const fields = { random: 'number', cluster: 'number' } as const;
  things = await db.collection<Meta>('t', {
    dimension: DIMENSION,
    metric: 'l2',
    fields,
    exactBelow: 0,
  });
  await things.build({ vectors, metadata });
});

afterAll(() => db.close());

function nearest(query: Float32Array, passes: (meta: Meta) => boolean): number[] {
  const found: { row: number; distance: number }[] = [];
  for (let row = 0; row < ROWS; row++) {
    if (!passes(metadata[row])) continue;
    let sum = 0;
    const vector = rowVector(row);
    for (let i = 0; i < DIMENSION; i++) sum += (vector[i] - query[i]) ** 2;
    found.push({ row, distance: Math.sqrt(sum) });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, K).map(({ distance }) => distance);
}

async function recallOf(
  filter: { readonly [field: string]: { readonly $lt: number } },
  passes: (meta: Meta) => boolean,
  ef?: number,
): Promise<{ recall: number; plans: Set<string> }> {
  let hits = 0;
  let total = 0;
  const plans = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const query = rowVector(i * 577);
    const found = await things.searchWithStats({ vector: query, filter, k: K, ef });
    const truth = nearest(query, passes);
    expect(found.hits.length).toBe(truth.length);
    const last = truth[truth.length - 1] ?? 0;
    hits += found.hits.filter(({ distance }) => distance <= last + 1e-5).length;
    total += truth.length;
    plans.add(found.stats.plan);
    if (found.stats.exact) expect(hits).toBe(total);
  }
  return { recall: hits / total, plans };
}

test('recall holds at every share of a random field', async () => {
  const plans: string[] = [];
  for (const share of [0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 0.9]) {
    const found = await recallOf({ random: { $lt: share } }, (meta) => meta.random < share, 24);
    expect([share, found.recall >= 0.95]).toEqual([share, true]);
    plans.push([...found.plans].join());
  }
  expect(plans[0]).toBe('exact');
  expect(plans).toContain('expand');
  expect(plans[plans.length - 1]).toBe('walk');
});

test('recall holds where what matches lies elsewhere', async () => {
  for (const clusters of [1, 5, 10, 20, 30]) {
    const passes = ({ cluster }: Meta): boolean => cluster < clusters;
    const found = await recallOf({ cluster: { $lt: clusters } }, passes);
    expect([clusters, found.recall >= 0.95]).toEqual([clusters, true]);
  }
});

test('the statistics say where the matches came from', async () => {
  const search = { vector: rowVector(3), k: K, filter: { random: { $lt: 0.3 } } };
  const first = (await things.searchWithStats(search)).stats;
  const truth = metadata.filter((meta) => meta.random < 0.3).length;
  expect(first).toMatchObject({ filter: 'index', matching: truth, looked: 0, plan: 'walk' });
  expect((await things.searchWithStats(search)).stats.filter).toBe('kept');
  await things.upsert({ id: 'x', vector: rowVector(3), metadata: { ...metadata[3], random: 0 } });
  const updated = await things.searchWithStats(search);
  expect(updated.stats).toMatchObject({ filter: 'updated', matching: truth + 1, looked: 1 });
  expect(updated.hits.map(({ id }) => id)).toContain('x');
  await things.update('x', { metadata: { random: 0.99 } });
  const left = await things.searchWithStats(search);
  expect(left.stats).toMatchObject({ filter: 'updated', matching: truth, looked: 1 });
  expect(left.hits.map(({ id }) => id)).not.toContain('x');
  await things.update('x', { metadata: { random: 0 } });
  expect((await things.search(search)).map(({ id }) => id)).toContain('x');
  await things.delete('x');
  const after = await things.searchWithStats(search);
  expect(after.stats).toMatchObject({ filter: 'updated', matching: truth });
  expect(after.hits.map(({ id }) => id)).not.toContain('x');
  const scanned = { ...search, filter: { tag: 't1' } };
  expect((await things.searchWithStats(scanned)).stats).toMatchObject({
    filter: 'scan',
    looked: ROWS + 1,
  });
  expect((await things.searchWithStats(scanned)).stats.filter).toBe('kept');
  const both = { ...search, filter: { tag: 't1', cluster: 7 } };
  const { stats } = await things.searchWithStats(both);
  expect(stats).toMatchObject({ filter: 'index', looked: ROWS / CLUSTERS, plan: 'exact' });
  expect((await things.searchWithStats({ vector: rowVector(3) })).stats.filter).toBe('none');
});

test('searches at the same time share one set, and a snapshot has its own', async () => {
  const search = { vector: rowVector(9), k: K, filter: { random: { $gt: 0.6 } } };
  const snapshot = await db.snapshot();
  const before = await things.search(search);
  const changed = { id: 'y', vector: rowVector(9), metadata: { ...metadata[9], random: 0.9 } };
  await things.upsert(changed);
  const many = await Promise.all(Array.from({ length: 8 }, () => things.search(search)));
  for (const hits of many) expect(hits[0].id).toBe('y');
  expect(await (await snapshot.collection<Meta>('t')).search(search)).toEqual(before);
  expect((await things.search(search))[0].id).toBe('y');
  await snapshot.close();
  await things.delete('y');
});
