/** Plans: what is rolled back was never there, and what memory cannot hold fails cleanly. */
import { expect, test } from 'vitest';
import { clusteredVectors, uniformVectors, World } from './world.ts';

async function answers(world: World, queries: readonly Float32Array[]): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const query of queries) {
    const { nodes, distances, stats } = await world.graph.search(query, { k: 10, ef: 40 });
    found.push([nodes, distances, stats.hops]);
  }
  return found;
}

test('after a rollback lists, entry and answers are as before', async () => {
  const world = new World({ dimension: 16 });
  const vectors = clusteredVectors(800, 16, { clusters: 8, seed: 1 });
  const queries = clusteredVectors(20, 16, { clusters: 8, seed: 2 });
  world.addAll(vectors.slice(0, 400));
  const before = await answers(world, queries);
  const { entry } = world.graph;
  for (const vector of vectors.slice(400)) world.add(vector);
  world.makeGhost(3);
  expect(await answers(world, queries)).not.toEqual(before);
  world.rollback();
  expect(world.graph.entry).toEqual(entry);
  expect(await answers(world, queries)).toEqual(before);
  expect(await world.graph.check()).toMatchObject({ problems: [], nodes: 400, reachable: 1 });
  // The graph grows on as if nothing had happened.
  world.addAll(vectors.slice(400));
  expect(await world.graph.check()).toMatchObject({ problems: [], nodes: 800, reachable: 1 });
});

test('a rolled back first insert leaves an empty graph', async () => {
  const world = new World({ dimension: 4 });
  const [a, b] = uniformVectors(2, 4, 3);
  world.add(a);
  world.rollback();
  expect(world.graph.entry).toBe(undefined);
  expect((await world.graph.search(a, { k: 1, ef: 8 })).count).toBe(0);
  world.add(b);
  world.commit();
  expect((await world.graph.search(a, { k: 1, ef: 8 })).count).toBe(1);
});

test('a planned node that is never linked can be rolled back', () => {
  const world = new World({ dimension: 4 });
  world.addAll(uniformVectors(20, 4, 4));
  const vector = uniformVectors(1, 4, 5)[0];
  world.graph.planInsert(vector, 0);
  expect(() => world.graph.planInsert(vector, 0)).toThrow('linked before');
  expect(() => world.graph.commitPlan()).toThrow('linked before');
  world.rollback();
  world.add(vector);
  world.commit();
});

test('a plan that memory cannot hold fails, and is rolled back', async () => {
  const vectors = clusteredVectors(3000, 32, { clusters: 10, seed: 6 });
  const world = new World({ dimension: 32, frames: 12 });
  world.addAll(vectors.slice(0, 200), 5);
  const queries = vectors.slice(0, 10);
  const before = await answers(world, queries);
  expect(() => {
    for (const vector of vectors) world.add(vector);
  }).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  world.rollback();
  expect(await answers(world, queries)).toEqual(before);
  world.addAll(vectors.slice(200, 300), 5);
  expect(await world.graph.check()).toMatchObject({ problems: [], nodes: 300, reachable: 1 });
});

test('touched lists tell what a layout must write', () => {
  const world = new World({ dimension: 8, m: 4 });
  const vectors = uniformVectors(60, 8, 7);
  world.addAll(vectors.slice(0, 50));
  const added = vectors.slice(50).map((vector) => world.add(vector, 0));
  const touched = [...world.graph.touched()];
  const own = touched.filter(({ before }) => before < 0);
  expect(own.map(({ node }) => node)).toEqual(added);
  expect(own.some(({ rewritten }) => rewritten)).toBe(false);
  for (const { node, before, rewritten, replaced, list } of touched) {
    if (before < 0) continue;
    const stored = world.lists.get(`0:${node}`)!;
    expect(before).toBe(stored.length);
    const old = rewritten ? replaced! : list.subarray(0, before);
    expect(Uint32Array.from(old).sort()).toEqual(stored);
    // A neighbour that took no edge back was touched and has its list as it was.
    if (!rewritten) expect(list.length).toBeGreaterThanOrEqual(before);
  }
  expect(touched.some(({ rewritten }) => rewritten)).toBe(true);
  expect(touched.some(({ before, rewritten }) => before >= 0 && !rewritten)).toBe(true);
});

test('a graph that outgrows its memory is the same one', async () => {
  const vectors = clusteredVectors(2600, 16, { clusters: 8, seed: 8 });
  const queries = clusteredVectors(20, 16, { clusters: 8, seed: 9 });
  const [ample, scarce] = [512, 15].map(
    (frames) => new World({ dimension: 16, m: 32, frames, efConstruction: 40 }),
  );
  for (const world of [ample, scarce]) world.addAll(vectors, 5);
  expect(scarce.lists).toEqual(ample.lists);
  expect(await answers(scarce, queries)).toEqual(await answers(ample, queries));
  expect(scarce.listReads).toBeGreaterThan(ample.listReads);
  expect(await scarce.graph.check()).toMatchObject({ problems: [], nodes: 2600, reachable: 1 });
});

test('a commit lets its lists go in steps, before the next plan touches any', () => {
  const world = new World({ dimension: 4 });
  const vectors = uniformVectors(60, 4, 9);
  for (const vector of vectors) world.add(vector);
  world.graph.commitPlan();
  expect(() => world.add(vectors[0])).toThrow('is settled before');
  let steps = 1;
  for (const _ of world.graph.settlingPlan()) steps++;
  expect(steps).toBeGreaterThan(1);
});
