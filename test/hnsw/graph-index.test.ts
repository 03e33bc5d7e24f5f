/** Search and insertion: edges of the contract that random data seldom meets. */
import { expect, test } from 'vitest';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';
import { clusteredVectors, uniformVectors, World } from './world.ts';

test('an empty graph finds nothing; the first node becomes the entry', async () => {
  const world = new World({ dimension: 4 });
  const [vector] = uniformVectors(1, 4, 1);
  expect((await world.graph.search(vector, { k: 3, ef: 10 })).count).toBe(0);
  expect((await world.graph.searchExact(vector, { k: 3 })).count).toBe(0);
  world.add(vector, 2);
  world.commit();
  expect(world.graph.entry).toEqual({ node: 0, layer: 2 });
  const { nodes, distances } = await world.graph.search(vector, { k: 3, ef: 10 });
  expect([...nodes]).toEqual([0]);
  expect(distances[0]).toBe(0);
});

test('a node on a higher layer becomes the entry', () => {
  const world = new World({ dimension: 4 });
  const vectors = uniformVectors(3, 4, 2);
  world.add(vectors[0], 1);
  world.add(vectors[1], 0);
  expect(world.graph.entry).toEqual({ node: 0, layer: 1 });
  world.add(vectors[2], 3);
  expect(world.graph.entry).toEqual({ node: 2, layer: 3 });
});

test('layers are geometric and capped', () => {
  const { graph } = new World({ dimension: 2, seed: 5 });
  const layers = Array.from({ length: 20_000 }, () => graph.randomLayer());
  const share = layers.filter((layer) => layer > 0).length / layers.length;
  expect(share).toBeGreaterThan(0.055);
  expect(share).toBeLessThan(0.07);
  expect(Math.max(...layers)).toBeLessThanOrEqual(12);
});

test('ghosts are never found, and k living nodes still come', async () => {
  const world = new World({ dimension: 16 });
  const vectors = clusteredVectors(1000, 16, { clusters: 5, seed: 3 });
  world.addAll(vectors);
  for (let node = 0; node < 1000; node++) if (node % 10 !== 0) world.makeGhost(node);
  world.commit();
  for (const query of clusteredVectors(20, 16, { clusters: 5, seed: 4 })) {
    const { nodes, count } = await world.graph.search(query, { k: 20, ef: 40 });
    expect(count).toBe(20);
    expect([...nodes].every((node) => node % 10 === 0)).toBe(true);
  }
  const all = await world.graph.search(vectors[0], { k: 100, ef: 100 });
  expect(all.count).toBe(100);
});

test('a walk outgrows its scratch when it has to look everywhere', async () => {
  const world = new World({ dimension: 8 });
  const vectors = uniformVectors(1500, 8, 23);
  world.addAll(vectors);
  for (let node = 0; node < 1500; node++) if (node % 500 !== 0) world.makeGhost(node);
  world.commit();
  const { nodes } = await world.graph.search(vectors[0], { k: 5, ef: 5 });
  const wanted = world.nearest(vectors[0], 5).map(({ node }) => node);
  expect([...nodes]).toEqual(wanted);
  expect(wanted.length).toBe(3);
});

test('results are in the order of exact distances, which codes only guess', async () => {
  const world = new World({ dimension: 16 });
  const near = uniformVectors(300, 16, 24).map((vector) => vector.map((x) => 0.01 * x));
  // One large value makes the steps of a code coarse.
  for (const vector of near) vector[0] = 100;
  world.addAll(near);
  const rough = await world.graph.search(near[5], { k: 20, ef: 300, rerank: false });
  const wanted = world.nearest(near[5], 20).map(({ node }) => node);
  expect([...rough.nodes]).not.toEqual(wanted);
  const { nodes } = await world.graph.search(near[5], { k: 150, ef: 300 });
  expect([...nodes.subarray(0, 20)]).toEqual(wanted);
});

test('a graph whose nodes were all deleted grows on', async () => {
  const world = new World({ dimension: 8 });
  world.addAll(uniformVectors(300, 8, 5));
  for (let node = 0; node < 300; node++) world.makeGhost(node);
  world.commit();
  expect((await world.graph.search(new Float32Array(8), { k: 5, ef: 20 })).count).toBe(0);
  const vectors = uniformVectors(300, 8, 6);
  for (let i = 0; i < 300; i++) {
    const node = world.add(vectors[i]);
    world.commit();
    const { nodes } = await world.graph.search(vectors[i], { k: 1, ef: 20 });
    expect([...nodes]).toEqual([node]);
  }
  expect(await world.graph.check()).toMatchObject({ problems: [], living: 300, reachable: 1 });
  expect(await world.recall(uniformVectors(30, 8, 7), { k: 10, ef: 64 })).toBeGreaterThan(0.95);
});

test('a cluster whose nodes were all deleted takes new nodes, and the others stay reachable', async () => {
  const world = new World({ dimension: 8 });
  const far = uniformVectors(200, 8, 8).map((vector) => vector.map((x) => x + 50));
  const near = uniformVectors(200, 8, 9);
  world.addAll([...far, ...near]);
  for (let node = 200; node < 400; node++) world.makeGhost(node);
  world.commit();
  world.addAll(uniformVectors(100, 8, 10), 1);
  expect(await world.graph.check()).toMatchObject({ problems: [], living: 300, reachable: 1 });
  expect(await world.recall(uniformVectors(20, 8, 11), { k: 10, ef: 100 })).toBeGreaterThan(0.95);
});

test('forgetting the entry starts a fresh graph', async () => {
  const world = new World({ dimension: 8 });
  world.addAll(uniformVectors(50, 8, 12));
  for (let node = 0; node < 50; node++) world.makeGhost(node);
  world.commit();
  world.graph.entry = undefined;
  const fresh = uniformVectors(50, 8, 13);
  world.addAll(fresh);
  const { nodes, stats } = await world.graph.search(fresh[7], { k: 50, ef: 50 });
  expect(nodes.length).toBe(50);
  expect(stats.hops).toBeLessThan(60);
});

test('a beam narrower than k is widened, and limit asks for more than k', async () => {
  const world = new World({ dimension: 8 });
  world.addAll(uniformVectors(300, 8, 14));
  const query = uniformVectors(1, 8, 15)[0];
  expect((await world.graph.search(query, { k: 50, ef: 10 })).count).toBe(50);
  const some = await world.graph.search(query, { k: 5, ef: 40, limit: 12 });
  expect(some.count).toBe(12);
  expect([...some.distances]).toEqual([...some.distances].sort((a, b) => a - b));
  // All that are returned, and the few that their bounds leave open.
  expect(some.stats.refined).toBeGreaterThanOrEqual(12);
  expect(some.stats.refined).toBeLessThan(20);
  const rough = await world.graph.search(query, { k: 5, ef: 40, rerank: false });
  expect(rough.stats.refined).toBe(0);
  expect(Math.abs(rough.distances[0] - some.distances[0])).toBeLessThan(0.02);
});

test('a filter by record number decides what is found', async () => {
  const world = new World({ dimension: 8 });
  world.addAll(uniformVectors(300, 8, 16));
  const address = world.allocator.allocateRun(FRAME_SIZE);
  const { u8 } = world.kernels.memory;
  u8.fill(0, address, address + 38);
  for (let record = 0; record < 300; record += 7) u8[address + (record >> 3)] |= 1 << (record & 7);
  const query = uniformVectors(1, 8, 17)[0];
  const filter = { address, bits: 280 };
  const wanted = world.nearest(query, 300).filter(({ node }) => node % 7 === 0 && node < 280);
  const exact = await world.graph.searchExact(query, { k: 10, filter });
  expect([...exact.nodes]).toEqual(wanted.slice(0, 10).map(({ node }) => node));
  const walked = await world.graph.search(query, { k: 10, ef: 40, filter });
  expect([...walked.nodes]).toEqual([...exact.nodes]);
});

test('distances of given nodes, ghosts too', async () => {
  const world = new World({ dimension: 3, metric: 'dot' });
  world.addAll([Float32Array.of(1, 0, 0), Float32Array.of(0, 2, 0)]);
  world.makeGhost(1);
  const distances = await world.graph.distancesTo(Float32Array.of(3, 4, 0), Uint32Array.of(1, 0));
  expect([...distances]).toEqual([-8, -3]);
});

test('an abort ends a search', async () => {
  const world = new World({ dimension: 16, sliceMs: 0 });
  world.addAll(uniformVectors(2000, 16, 18));
  const query = uniformVectors(1, 16, 19)[0];
  const aborted = expect.objectContaining({ code: 'ABORTED' });
  const signal = AbortSignal.abort('enough');
  await expect(world.graph.search(query, { k: 5, ef: 50, signal })).rejects.toEqual(aborted);
  const controller = new AbortController();
  const searching = world.graph.search(query, { k: 1000, ef: 2000, signal: controller.signal });
  const scanning = world.graph.searchExact(query, { k: 5, signal: controller.signal });
  controller.abort();
  await expect(searching).rejects.toEqual(aborted);
  await expect(scanning).rejects.toEqual(aborted);
  // Scratches are back in the pool: searching again takes no more memory.
  const { runBytes } = world.allocator.stats();
  for (let i = 0; i < 10; i++) await world.graph.search(query, { k: 5, ef: 50 });
  expect(world.allocator.stats().runBytes).toBe(runBytes);
});

test('searches in slices run side by side and do not disturb each other', async () => {
  const world = new World({ dimension: 16, sliceMs: 0 });
  world.addAll(uniformVectors(2000, 16, 20));
  const queries = uniformVectors(12, 16, 21);
  const alone: Uint32Array[] = [];
  for (const query of queries) {
    alone.push((await world.graph.search(query, { k: 10, ef: 600 })).nodes);
  }
  const together = await Promise.all(
    queries.map((query) => world.graph.search(query, { k: 10, ef: 600 })),
  );
  expect(together.map(({ nodes }) => nodes)).toEqual(alone);
});

test('release gives all memory back', () => {
  const world = new World({ dimension: 8 });
  world.addAll(uniformVectors(200, 8, 22));
  world.graph.release();
  expect(Object.keys(world.allocator.stats().cellBytes).sort()).toEqual([
    'codes',
    'descriptors',
    'directories',
  ]);
});

test('a new node chooses half as many neighbours again on layer 0, where lists have room for twice m', () => {
  for (const m of [2, 3, 8]) {
    const world = new World({ dimension: 32, m });
    world.addAll(uniformVectors(200, 32, 3));
    world.add(uniformVectors(1, 32, 4)[0], 1);
    const { neighbours } = world.graph.planInsert(uniformVectors(1, 32, 5)[0], 1);
    world.rollback();
    expect(neighbours[0]).toHaveLength(Math.round(1.5 * m));
    expect(neighbours[1].length).toBeLessThanOrEqual(m);
  }
});
