/** Recall against exact distances, with floors; and that memory does not change an answer. */
import { expect, test } from 'vitest';
import { clusteredVectors, uniformVectors, World, type WorldOptions } from './world.ts';

function build(vectors: Float32Array[], options: Omit<WorldOptions, 'dimension'> = {}): World {
  const world = new World({ dimension: vectors[0].length, ...options });
  world.addAll(vectors);
  return world;
}

const kinds = ['sq8', 'vectors'] as const;

test.each(kinds)(
  '%s, uniform and clustered, 2,000 x 32: recall@10 of 0.95 and more at ef 64',
  async (slots) => {
    for (const metric of ['l2', 'cosine', 'dot'] as const) {
      const uniform = build(uniformVectors(2000, 32, 1), { metric, slots });
      const floor = metric === 'dot' ? 0.85 : 0.95;
      const options = { k: 10, ef: 64 };
      expect(await uniform.recall(uniformVectors(100, 32, 2), options)).toBeGreaterThan(floor);
      const clustered = build(clusteredVectors(2000, 32, { clusters: 20, seed: 3 }), {
        metric,
        slots,
      });
      const queries = clusteredVectors(100, 32, { clusters: 20, seed: 4 });
      expect(await clustered.recall(queries, options)).toBeGreaterThan(floor);
      const sound = { problems: [], living: 2000, reachable: 1 };
      expect(await clustered.graph.check()).toMatchObject(sound);
      expect(await uniform.graph.check()).toMatchObject(sound);
    }
  },
);

test.each(kinds)('one and two dimensions, %s', async (slots) => {
  for (const dimension of [1, 2]) {
    for (const metric of ['l2', 'cosine', 'dot'] as const) {
      const world = build(uniformVectors(500, dimension, 5), { metric, slots });
      const queries = uniformVectors(30, dimension, 6);
      const recall = await world.recall(queries, { k: 10, ef: 100 });
      expect({ dimension, metric, isGood: recall > 0.9 }).toEqual({
        dimension,
        metric,
        isGood: true,
      });
    }
  }
});

test.each(kinds)('with hardly any memory the answers are the same, %s', async (slots) => {
  const vectors = clusteredVectors(1500, 48, { clusters: 10, seed: 7 });
  const rich = build(vectors, { slots });
  const poor = new World({ dimension: 48, frames: 10, slots });
  poor.addAll(vectors, 4);
  expect(poor.allocator.stats().evictions).toBeGreaterThan(1000);
  expect([...poor.lists].sort()).toEqual([...rich.lists].sort());
  for (const query of clusteredVectors(30, 48, { clusters: 10, seed: 8 })) {
    const a = await rich.graph.search(query, { k: 10, ef: 50 });
    const b = await poor.graph.search(query, { k: 10, ef: 50 });
    expect(b.nodes).toEqual(a.nodes);
    expect(b.distances).toEqual(a.distances);
    expect(b.stats.hops).toBe(a.stats.hops);
    const exact = await poor.graph.searchExact(query, { k: 10 });
    expect([...exact.nodes]).toEqual(rich.nearest(query, 10).map(({ node }) => node));
  }
  expect(await poor.graph.check()).toMatchObject({ problems: [], nodes: 1500, living: 1500 });
});

test.each(kinds)(
  'equal vectors are all found, and do not cut the others off, %s',
  async (slots) => {
    const equal = uniformVectors(1, 16, 9)[0];
    const others = uniformVectors(1500, 16, 10);
    const world = new World({ dimension: 16, slots });
    const duplicates: number[] = [];
    for (let i = 0; i < 1500; i++) {
      world.add(others[i]);
      if (i % 3 === 0) duplicates.push(world.add(equal));
    }
    world.commit();
    expect((await world.graph.check()).reachable).toBe(1);
    const { nodes } = await world.graph.search(equal, { k: 500, ef: 500 });
    expect([...nodes].sort((a, b) => a - b)).toEqual(duplicates);
    const queries = uniformVectors(50, 16, 11);
    expect(await world.recall(queries, { k: 10, ef: 64 })).toBeGreaterThan(0.95);

    const alone = new World({ dimension: 16, slots });
    alone.addAll(Array.from({ length: 500 }, () => equal));
    const all = await alone.graph.search(equal, { k: 500, ef: 500 });
    expect(all.count).toBe(500);
  },
);
