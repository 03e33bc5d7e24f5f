/** The sweep of a graph by itself: lists in a Map, the driver a loop. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { NodeBits } from '../../src/hnsw/node-bits.ts';
import type { GraphSweep } from '../../src/hnsw/sweep.ts';
import { clusteredVectors, uniformVectors, World } from './world.ts';

/** Repairs, links again, and takes the ghosts out of the store; `between` runs between any two pieces. */
function sweepAll(world: World, between: () => void = () => {}): GraphSweep {
  const ghosts = new NodeBits();
  for (const [node, { isLiving }] of world.nodes) if (!isLiving) ghosts.add(node);
  const sweep = world.graph.beginSweep(ghosts);
  const keys = [...world.lists.keys()].map((key) => key.split(':').map(Number));
  keys.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  for (const [layer, node] of keys) {
    const list = world.lists.get(`${layer}:${node}`)!;
    if (sweep.examine(layer, node, list, list.length)) sweep.repair(layer, node);
    world.commit();
    between();
  }
  const { entry } = world.graph;
  if (entry !== undefined && ghosts.has(entry.node)) {
    const living = keys.filter(([, node]) => world.nodes.get(node)!.isLiving);
    const [layer, node] = living[living.length - 1];
    sweep.replaceEntry({ layer, node });
    world.commit();
  }
  for (const [node, { isLiving, vector }] of [...world.nodes]) {
    if (isLiving && sweep.needsLink(node)) sweep.relink({ layer: 0, node }, vector);
    world.commit();
    between();
  }
  for (const key of sweep.weakAbove) {
    const { isLiving, vector } = world.nodes.get(key.node)!;
    if (isLiving) sweep.relink(key, vector);
    world.commit();
  }
  for (let again = sweep.revisit(10); again.length > 0; again = sweep.revisit(10)) {
    for (const { layer, node } of again) sweep.repair(layer, node);
    world.commit();
  }
  world.graph.endSweep();
  for (const key of world.lists.keys()) {
    const [layer, node] = key.split(':').map(Number);
    if (!ghosts.has(node)) continue;
    world.lists.delete(key);
    world.graph.forget(layer, node);
  }
  return sweep;
}

/** No list names a node that is not in the store. */
function danglingEdges(world: World): number {
  let count = 0;
  for (const [key, list] of world.lists) {
    const layer = key.split(':')[0];
    for (const id of list) if (!world.lists.has(`${layer}:${id}`)) count++;
  }
  return count;
}

test.each([
  ['a tenth', 0.1],
  ['nine tenths', 0.9],
])(
  'after %s of the nodes were deleted and swept, the graph is as good as new',
  async (_n, share) => {
    const vectors = clusteredVectors(1500, 16, { clusters: 30, seed: 4 });
    const world = new World({ dimension: 16, m: 8 });
    world.addAll(vectors);
    const random = seededRandom(5);
    const deleted = new Set(vectors.map((_, i) => i).filter(() => random() < share));
    for (const node of deleted) world.makeGhost(node);
    world.commit();
    sweepAll(world);
    expect(danglingEdges(world)).toBe(0);
    const report = await world.graph.check();
    // The ghosts are still in the pages here, without lists: nothing else is wrong.
    expect(report.problems.filter((problem) => !problem.endsWith('has no list'))).toEqual([]);
    expect(report.unnamed).toBe(0);
    expect(report.reachable).toBe(1);
    const fresh = new World({ dimension: 16, m: 8 });
    fresh.addAll(vectors.filter((_, i) => !deleted.has(i)));
    const queries = clusteredVectors(50, 16, { clusters: 30, seed: 6 });
    const options = { k: 10, ef: 32 };
    const recall = await world.recall(queries, options);
    expect(recall).toBeGreaterThanOrEqual((await fresh.recall(queries, options)) - 0.02);
  },
);

test('a full list of far nodes takes near ones when its node is linked again', () => {
  const vectors = uniformVectors(400, 24, 11);
  const world = new World({ dimension: 24 });
  world.addAll(vectors);
  const node = 200;
  const others = world.nearest(vectors[node], vectors.length).map(({ node: other }) => other);
  expect(others[0]).toBe(node);
  world.lists.set(`0:${node}`, Uint32Array.from(others.slice(-32)).sort());
  world.graph.forget(0, node);
  const sweep = world.graph.beginSweep(new NodeBits());
  sweep.relink({ layer: 0, node }, vectors[node]);
  world.commit();
  world.graph.endSweep();
  const list = [...(world.lists.get(`0:${node}`) ?? [])];
  expect(others.slice(1, 6).filter((near) => !list.includes(near))).toEqual([]);
});

test('a node whose new links are undone still needs them', () => {
  const world = new World({ dimension: 12, m: 3 });
  const vectors = uniformVectors(600, 12, 9);
  world.addAll(vectors);
  const ghosts = new NodeBits();
  for (let node = 0; node < 600; node++) if (node % 6 > 0) world.makeGhost(node);
  for (const [node, { isLiving }] of world.nodes) if (!isLiving) ghosts.add(node);
  world.commit();
  const sweep = world.graph.beginSweep(ghosts);
  const living = vectors.map((_, node) => node).filter((node) => node % 6 === 0);
  for (const node of living) {
    const list = world.lists.get(`0:${node}`)!;
    if (sweep.examine(0, node, list, list.length)) sweep.repair(0, node);
  }
  world.commit();
  const weak = living.filter((node) => sweep.needsLink(node));
  expect(weak.length).toBeGreaterThan(10);
  for (const node of weak) sweep.relink({ layer: 0, node }, vectors[node]);
  world.rollback();
  expect(living.filter((node) => sweep.needsLink(node))).toEqual(weak);
  world.graph.endSweep();
});

test('a node that only ghosts named is named again', async () => {
  const world = new World({ dimension: 12, m: 3 });
  world.addAll(uniformVectors(2000, 12, 8));
  for (let node = 0; node < 2000; node += 4) world.makeGhost(node);
  world.commit();
  sweepAll(world);
  expect((await world.graph.check()).unnamed).toBe(0);
});

test('what is inserted and deleted between the pieces of a sweep takes no edge to its ghosts', async () => {
  const world = new World({ dimension: 4, m: 3 });
  world.addAll(uniformVectors(300, 4, 1));
  for (let node = 0; node < 300; node += 2) world.makeGhost(node);
  world.commit();
  const more = uniformVectors(2000, 4, 2);
  let next = 0;
  const sweep = sweepAll(world, () => {
    if (next % 3 === 0) world.add(more[next]);
    if (next % 5 === 0) {
      const living = [...world.nodes].filter(([, { isLiving }]) => isLiving);
      world.makeGhost(living[next % living.length][0]);
    }
    next++;
    world.commit();
  });
  expect(next).toBeGreaterThan(300);
  expect(danglingEdges(world)).toBe(0);
  expect(sweep.bytes).toBeLessThan(10_000);
  const report = await world.graph.check();
  expect(report.problems.filter((problem) => !problem.endsWith('has no list'))).toEqual([]);
  expect(report.reachable).toBeGreaterThan(0.99);
});

test('a moved node is found at its new place, before the sweep and after it', async () => {
  const world = new World({ dimension: 8, m: 4 });
  const vectors = uniformVectors(200, 8, 3);
  world.addAll(vectors);
  const copies = new Map<number, number>();
  for (let node = 100; node < 200; node++) copies.set(node, world.move(node));
  world.commit();
  const expectFound = async (): Promise<void> => {
    for (const [node, copy] of copies) {
      const { nodes } = await world.graph.search(vectors[node], { k: 1, ef: 32 });
      expect(nodes[0]).toBe(copy);
    }
  };
  await expectFound();
  sweepAll(world);
  await expectFound();
  expect(danglingEdges(world)).toBe(0);
});
