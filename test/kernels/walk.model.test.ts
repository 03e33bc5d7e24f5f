/**
 * The walk against a beam search on sorted arrays, over random graphs.
 *
 * Neither what is in memory at the start, nor in which order it is brought, nor how often the walk is
 * interrupted or moved, may show in the answer: results, hops and distances must be those of the
 * plain search, which has everything in memory.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  STATUS_YIELD,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_EXPAND,
  WALK_FILTER,
  WALK_FILTER_BITS,
  WALK_HOPS,
  WALK_SPARE,
  WALK_STOP_FACTOR,
  WALK_STOP_K,
} from '../../src/kernels/layout.ts';
import { bitDistance, bitError, prepareBits } from '../../src/kernels/oracle/bits.ts';
import { prepareQuery, queryDistance } from '../../src/kernels/oracle/sq8.ts';
import {
  type BeamOptions,
  beamSearch,
  compareNeighbours,
  descend,
  type Neighbour,
  type WalkCounts,
  type WalkedGraph,
} from '../../src/kernels/oracle/walk.ts';
import { MemoryBits } from './memory-bits.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 23));
const { exports, memory } = bump.kernels;

const capBottom = 8;
const capUpper = 4;

interface Scene {
  readonly dimension: number;
  readonly metric: number;
  readonly slotsPerPage: number;
  readonly vectors: Float32Array[];
  /** lists[layer][node]; upper layers have fewer nodes. */
  readonly lists: number[][][];
  readonly ghosts: boolean[];
  /** By record number; undefined: no filter. */
  readonly filter: boolean[] | undefined;
  readonly query: Float32Array;
  readonly entry: number;
  readonly target: number;
  readonly ef: number;
  /** The walk measures by 1-bit codes; the space has no others. */
  readonly isOnBits: boolean;
  /** Slots hold vectors; bits are made of codes, so that it is one or the other. */
  readonly holdsVectors: boolean;
  readonly expand: boolean;
  /** How early it stops, and by which result. */
  readonly stop: { readonly k: number; readonly gamma: number } | undefined;
  /** How many results it gives behind `ef` ones. */
  readonly spare: number;
}

/** What most walks do not do. */
const plain = {
  isOnBits: false,
  holdsVectors: false,
  expand: false,
  stop: undefined,
  spare: 0,
};

function listsOf(nodes: number, cap: number): fc.Arbitrary<number[][]> {
  const list = fc.uniqueArray(fc.nat(nodes - 1), { maxLength: cap });
  return fc.array(list, { minLength: nodes, maxLength: nodes });
}

/** Few distinct values, so that ties and duplicates are common. */
function vectorOf(dimension: number): fc.Arbitrary<Float32Array> {
  const value = fc.oneof(fc.constantFrom(0, 1, -1), fc.double({ min: -2, max: 2, noNaN: true }));
  return fc
    .array(value, { minLength: dimension, maxLength: dimension })
    .map((values) => Float32Array.from(values));
}

const sizes = fc.record({
  dimension: fc.integer({ min: 1, max: 40 }),
  nodes: fc.integer({ min: 1, max: 120 }),
  layers: fc.integer({ min: 1, max: 4 }),
});

const scene: fc.Arbitrary<Scene> = sizes.chain(({ dimension, nodes, layers }) => {
  // Layer l has a quarter of the nodes below it, the first ones.
  const counts = Array.from({ length: layers }, (_, l) => Math.max(1, Math.floor(nodes / 4 ** l)));
  return fc.record({
    dimension: fc.constant(dimension),
    metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
    slotsPerPage: fc.constantFrom(2, 3, 11, 16),
    vectors: fc.array(vectorOf(dimension), { minLength: nodes, maxLength: nodes }),
    lists: fc.tuple(...counts.map((n, l) => listsOf(n, l === 0 ? capBottom : capUpper))),
    ghosts: fc.array(fc.boolean(), { minLength: nodes, maxLength: nodes }),
    filter: fc.option(fc.array(fc.boolean(), { maxLength: nodes }), { nil: undefined }),
    query: vectorOf(dimension),
    entry: fc.nat(counts[layers - 1] - 1),
    target: fc.nat(layers - 1),
    ef: fc.integer({ min: 1, max: 30 }),
    isOnBits: fc.boolean(),
    holdsVectors: fc.boolean(),
    expand: fc.boolean(),
    stop: fc.option(fc.record({ k: fc.constantFrom(1, 3), gamma: fc.constantFrom(0.125, 1) }), {
      nil: undefined,
    }),
    spare: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
  });
});

function recordOf(node: number): number {
  return (node * 7) % 128;
}

function place(scene: Scene): MemorySpace {
  const { dimension, metric, slotsPerPage, vectors } = scene;
  const nodes = vectors.length;
  bump.reset();
  const holdsVectors = scene.holdsVectors && !scene.isOnBits;
  const options = { dimension, metric, slotsPerPage, nodes, capBottom, capUpper, holdsVectors };
  const space = new MemorySpace(bump, options);
  // The centroid is one of the vectors: its rest is nothing.
  const bitOptions = { centroid: vectors[0], seed: 3, slotsPerPage: 2 * slotsPerPage };
  const bits = scene.isOnBits ? new MemoryBits(bump, space, bitOptions) : undefined;
  vectors.forEach((vector, node) => {
    (bits ?? space).put(node, recordOf(node), bump.vector(vector));
    space.setLive(node, !scene.ghosts[node]);
  });
  scene.lists.forEach((lists, layer) => {
    for (const [node, list] of lists.entries()) space.setList(layer, node, list);
  });
  return space;
}

function newWalk(scene: Scene, space: MemorySpace): MemoryWalk {
  const walk = new MemoryWalk(bump, space, scene.ef + scene.spare);
  walk.setField(WALK_SPARE, scene.spare);
  if (scene.isOnBits) walk.setField(WALK_CODES, CODES_BITS);
  if (scene.expand) walk.setField(WALK_EXPAND, 1);
  if (scene.stop !== undefined) {
    memory.f32[(walk.address + WALK_STOP_FACTOR) / 4] = scene.stop.gamma;
    walk.setField(WALK_STOP_K, Math.min(scene.stop.k, scene.ef));
  }
  walk.prepare(scene.query);
  if (scene.filter !== undefined) {
    const bits = bump.take(16);
    // Records behind the end of the filter fail, whatever stands there.
    memory.u8.fill(255, bits, bits + 16);
    scene.filter.forEach((isSet, record) => {
      if (!isSet) memory.u8[bits + (record >> 3)] &= ~(1 << (record & 7));
    });
    walk.setField(WALK_FILTER, bits);
    walk.setField(WALK_FILTER_BITS, scene.filter.length);
  }
  return walk;
}

/** Distances to the query, as the walk measures them. */
function measureOf({ metric, query }: Scene, space: MemorySpace): (node: number) => number {
  const { bits } = space;
  if (bits !== undefined) {
    const prepared = prepareBits(bits.column, query);
    return (node) => bitDistance(metric, prepared, bits.code(node));
  }
  if (space.options.holdsVectors) {
    const address = bump.vector(query);
    return (node) => space.plainDistance(address, node);
  }
  const prepared = prepareQuery(metric, query);
  return (node) => queryDistance(metric, prepared, space.code(node));
}

/** The standard error of each result of a walk on bits. */
function errorsOf({ metric, query }: Scene, space: MemorySpace, found: Neighbour[]): number[] {
  const { bits } = space;
  if (bits === undefined) return [];
  const prepared = prepareBits(bits.column, query);
  return found.map(({ node, distance }) => bitError(metric, prepared, bits.code(node), distance));
}

function beamOptions({
  ef,
  expand,
  filter,
  stop,
  metric,
  spare,
}: Scene): BeamOptions & { ef: number } {
  const k = Math.min(stop?.k ?? 1, ef);
  return {
    ef,
    spare,
    expand: expand && filter !== undefined,
    stop: stop === undefined || metric === METRIC_DOT ? undefined : { ...stop, k },
  };
}

/** The graph for the plain search, and the nearest node that it ever measured. */
function plainGraph(scene: Scene, space: MemorySpace): WalkedGraph & { nearest: Neighbour[] } {
  const distanceTo = measureOf(scene, space);
  const nearest: Neighbour[] = [];
  return {
    nearest,
    neighbours: (layer, node) => scene.lists[layer][node],
    isEligible: (node) =>
      !scene.ghosts[node] && (scene.filter === undefined || scene.filter[recordOf(node)] === true),
    distance: (node) => {
      const distance = distanceTo(node) + 0;
      const found = { distance, node };
      if (nearest.length === 0 || compareNeighbours(found, nearest[0]) < 0) nearest[0] = found;
      return distance;
    },
  };
}

function plainWalk(scene: Scene, graph: WalkedGraph, counts: WalkCounts): Neighbour[] {
  const from = scene.lists.length - 1;
  const { entry, target } = scene;
  const start = from === target ? entry : descend(graph, entry, { from, target }, counts);
  return beamSearch(graph, [start], { layer: target, ...beamOptions(scene) }, counts);
}

function begin(scene: Scene, walk: MemoryWalk): void {
  const { entry, target, ef } = scene;
  exports.walkBegin(walk.address, entry, scene.lists.length - 1, target, ef);
}

test('a walk finds what a plain beam search finds, in as many hops', () => {
  fc.assert(
    fc.property(scene, (scene) => {
      const space = place(scene);
      const walk = newWalk(scene, space);
      begin(scene, walk);
      walk.finish((address) => exports.walkRun(address, 1000));
      const counts = { hops: 0, distances: 0 };
      const expected = plainWalk(scene, plainGraph(scene, space), counts);
      expect(walk.results()).toEqual(expected);
      if (scene.isOnBits) expect(walk.errors()).toEqual(errorsOf(scene, space, expected));
      expect(walk.field(WALK_HOPS)).toBe(counts.hops);
      expect(walk.field(WALK_DISTANCES)).toBe(counts.distances);
      expect(exports.walkRun(walk.address, 1)).toBe(0);
      // Nothing of the first walk is left in the second one.
      begin(scene, walk);
      walk.finish((address) => exports.walkRun(address, 1000));
      expect(walk.results()).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

/** What is missing at first, and how a call goes: its hops, which needs it is served, when it moves. */
const interruptions = fc.record({
  missing: fc.array(
    fc.record({ kind: fc.constantFrom('codes', 'page', 'list', 'upper'), value: fc.nat(119) }),
    { maxLength: 60 },
  ),
  again: fc.array(fc.nat(119), { maxLength: 20 }),
  served: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
  moves: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
  hops: fc.integer({ min: 1, max: 3 }),
});

function evict(scene: Scene, space: MemorySpace, kind: string, value: number): void {
  const node = value % scene.vectors.length;
  const page = Math.floor(node / scene.slotsPerPage);
  if (kind === 'codes') {
    space.evictCodes(page);
    space.bits?.evict(Math.floor(page / 2));
  } else if (kind === 'page') space.evictListPage(page);
  else if (kind === 'list') space.evictList(node);
  else for (let layer = 1; layer < scene.lists.length; layer++) space.evictUpper(layer, node);
}

test('what is missing, interruptions and moves do not show in the answer', () => {
  fc.assert(
    fc.property(scene, interruptions, (scene, { missing, again, served, moves, hops }) => {
      const space = place(scene);
      const counts = { hops: 0, distances: 0 };
      const graph = plainGraph(scene, space);
      const expected = plainWalk(scene, graph, counts);
      for (const { kind, value } of missing) evict(scene, space, kind, value);
      const walk = newWalk(scene, space);
      begin(scene, walk);
      const evictions = again.values();
      let moved = 0;
      let calls = 0;
      let asked = 0;
      const run = (): void => {
        walk.finish(
          (address) => {
            const status = exports.walkRun(address, hops);
            const next = evictions.next();
            if (status === STATUS_YIELD && next.done !== true) {
              evict(scene, space, 'codes', next.value);
              evict(scene, space, 'list', next.value);
            }
            if (moved < 3 && moves[calls++ % moves.length]) {
              moved++;
              walk.grow();
            }
            return status;
          },
          () => served[asked++ % served.length],
        );
      };
      run();
      expect(walk.results()).toEqual(expected);
      if (scene.isOnBits) expect(walk.errors()).toEqual(errorsOf(scene, space, expected));
      expect(walk.field(WALK_HOPS)).toBe(counts.hops);
      expect(walk.field(WALK_DISTANCES)).toBe(counts.distances);

      // And on in the layer below, from the results and the nearest ghost.
      if (scene.target === 0) return;
      const entries = expected.map(({ node }) => node);
      const ghost = graph.nearest[0].node;
      const measured = new Set([...entries, ghost]).size;
      const below = beamSearch(
        graph,
        [...entries, ghost],
        { layer: scene.target - 1, ...beamOptions(scene) },
        counts,
      );
      exports.walkContinue(walk.address, scene.target - 1, scene.ef);
      run();
      expect(walk.results()).toEqual(below);
      expect(walk.field(WALK_HOPS)).toBe(counts.hops);
      expect(walk.field(WALK_DISTANCES)).toBe(counts.distances - measured);
    }),
    { numRuns: 300 },
  );
});

test('a walk that passes through far more nodes than its ef asks for a larger scratch', () => {
  const nodes = 8000;
  const vectors = Array.from({ length: nodes }, (_, i) => Float32Array.of(i, (i * i) % 17));
  const lists = [
    vectors.map((_, i) => [i + 1, i + 2, (i * 31) % nodes].filter((id) => id < nodes && id !== i)),
  ];
  const ghosts = vectors.map((_, i) => i % 1600 !== 3);
  const shared = {
    ...plain,
    dimension: 2,
    metric: METRIC_L2,
    slotsPerPage: 16,
    ghosts,
    filter: undefined,
  };
  const scene = {
    ...shared,
    vectors,
    lists,
    query: Float32Array.of(3600, 3),
    entry: 0,
    target: 0,
    ef: 5,
  };
  const space = place(scene);
  const walk = newWalk(scene, space);
  begin(scene, walk);
  walk.finish((address) => exports.walkRun(address, 100));
  expect(walk.grown).toBeGreaterThan(1);
  const counts = { hops: 0, distances: 0 };
  expect(walk.results()).toEqual(plainWalk(scene, plainGraph(scene, space), counts));
  expect(walk.results()).toHaveLength(5);
});

test('a walk may be begun with a larger ef than its scratch was laid out for', () => {
  const vectors = Array.from({ length: 300 }, (_, i) => Float32Array.of(i));
  const lists = [vectors.map((_, i) => [i - 1, i + 1].filter((id) => id >= 0 && id < 300))];
  const shared = { ...plain, dimension: 1, metric: METRIC_L2, slotsPerPage: 16, filter: undefined };
  const ghosts = vectors.map(() => false);
  const scene = {
    ...shared,
    vectors,
    lists,
    ghosts,
    query: Float32Array.of(150),
    entry: 0,
    target: 0,
    ef: 2,
  };
  const space = place(scene);
  const walk = newWalk(scene, space);
  exports.walkBegin(walk.address, 0, 0, 0, 250);
  walk.finish((address) => exports.walkRun(address, 100));
  expect(walk.results()).toHaveLength(250);
});

test('errors are looked up in bit pages that have been taken out of memory', () => {
  const nodes = 60;
  const vectors = Array.from({ length: nodes }, (_, i) => Float32Array.of(i, (i * i) % 13));
  const lists = [vectors.map((_, i) => [i + 1, i + 2].filter((id) => id < nodes))];
  const scene = {
    ...{ ...plain, isOnBits: true, dimension: 2, metric: METRIC_L2, slotsPerPage: 2 },
    ...{ vectors, lists, ghosts: vectors.map(() => false), filter: undefined },
    ...{ query: Float32Array.of(9, 3), entry: 0, target: 0, ef: nodes },
  };
  const space = place(scene);
  const walk = newWalk(scene, space);
  begin(scene, walk);
  walk.finish(
    (address) => {
      const status = exports.walkRun(address, 1);
      if (status === STATUS_YIELD) for (let page = 0; page < 15; page++) space.bits?.evict(page);
      return status;
    },
    () => false,
  );
  expect(walk.results()).toHaveLength(nodes);
  expect(walk.errors()).toEqual(errorsOf(scene, space, walk.results()));
});
