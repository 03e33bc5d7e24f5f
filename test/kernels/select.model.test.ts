/**
 * Neighbour selection and back edges against the plain rule, with codes and lists that are missing at
 * first: what is asked for, and how often, must not show in what is chosen.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  LINK_APPENDED,
  LINK_PRESENT,
  LINK_REFUSED,
  LINK_REWRITTEN,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_CODE,
} from '../../src/kernels/layout.ts';
import { rewriteFull } from '../../src/kernels/oracle/link.ts';
import { byCodes, type Comparison, prune } from '../../src/kernels/oracle/prune.ts';
import { compareNeighbours } from '../../src/kernels/oracle/walk.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 23));
const { exports } = bump.kernels;

const capBottom = 8;
const capUpper = 5;

interface Scene {
  readonly metric: number;
  readonly holdsVectors: boolean;
  readonly vectors: Float32Array[];
  readonly alpha: number;
  /** Pages whose codes are missing, again and again between calls. */
  readonly missing: number[];
  readonly served: boolean[];
}

const simple = { alpha: 1.2, missing: [], served: [true], holdsVectors: false };

/** Many duplicates, and vectors near each other. */
function vectorOf(dimension: number): fc.Arbitrary<Float32Array> {
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 1, -1) },
    { weight: 1, arbitrary: fc.double({ min: -2, max: 2, noNaN: true }) },
  );
  return fc
    .array(value, { minLength: dimension, maxLength: dimension })
    .map((values) => Float32Array.from(values));
}

function sceneOf(nodes: { min: number; max: number }): fc.Arbitrary<Scene> {
  return fc.integer({ min: 1, max: 70 }).chain((dimension) =>
    fc.record({
      metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
      holdsVectors: fc.boolean(),
      vectors: fc.array(vectorOf(dimension), { minLength: nodes.min, maxLength: nodes.max }),
      alpha: fc.constantFrom(1, 1.2, 2),
      missing: fc.array(fc.nat(80), { maxLength: 80 }),
      served: fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
    }),
  );
}

function place(scene: Scene): MemorySpace {
  bump.reset();
  const { metric, vectors, holdsVectors } = scene;
  const shape = { dimension: vectors[0].length, metric, holdsVectors };
  const options = { ...shape, slotsPerPage: 3, nodes: vectors.length };
  const space = new MemorySpace(bump, { ...options, capBottom, capUpper });
  vectors.forEach((vector, node) => {
    space.put(node, node, bump.vector(vector));
  });
  return space;
}

/** As slots are compared with each other. All are in memory. */
function comparisonOf({ metric, vectors, holdsVectors }: Scene, space: MemorySpace): Comparison {
  if (!holdsVectors) {
    return byCodes(
      metric,
      vectors.map((_, node) => space.code(node)),
    );
  }
  const bits = (node: number): string => Buffer.from(vectors[node].slice().buffer).toString('hex');
  return {
    distance: (left, right) => space.plainDistance(space.slot(left) + SLOT_CODE, right),
    isSame: (left, right) => bits(left) === bits(right),
  };
}

/** Calls until DONE; before each of the first calls some pages disappear. */
function finish(scene: Scene, space: MemorySpace, walk: MemoryWalk, call: () => number): void {
  let asked = 0;
  let calls = 0;
  walk.finish(
    () => {
      if (calls++ < 4) {
        for (const page of scene.missing) if (page < space.pages) space.evictCodes(page);
      }
      return call();
    },
    () => scene.served[asked++ % scene.served.length],
  );
}

function restore(space: MemorySpace): void {
  for (let page = 0; page < space.pages; page++) space.restoreCodes(page);
}

interface Selection {
  readonly scene: Scene;
  readonly ghosts: readonly number[];
  readonly m: number;
  readonly ef: number;
}

function selectionOf(scene: fc.Arbitrary<Scene>): fc.Arbitrary<Selection> {
  return fc.record({
    scene,
    ghosts: fc.array(fc.nat(199), { maxLength: 40 }),
    m: fc.integer({ min: 1, max: 12 }),
    ef: fc.integer({ min: 1, max: 200 }),
  });
}

function expectSelected({ scene, ghosts, m, ef }: Selection): void {
  const space = place(scene);
  const nodes = scene.vectors.length;
  // A chain, so that the walk comes by every node.
  for (let node = 0; node < nodes; node++) {
    space.setList(0, node, node + 1 < nodes ? [node + 1] : []);
  }
  const walk = new MemoryWalk(bump, space, nodes);
  walk.prepare(scene.vectors[0]);
  exports.walkBegin(walk.address, 0, 0, 0, nodes);
  walk.finish((address) => exports.walkRun(address, 1000));
  exports.walkContinue(walk.address, 0, Math.min(ef, nodes));
  walk.finish((address) => exports.walkRun(address, 1000));
  const results = walk.results();
  const dead = new Set(ghosts);
  // They die between the walk and the selection.
  for (const ghost of dead) if (ghost < nodes) space.setLive(ghost, false);

  finish(scene, space, walk, () => exports.selectNeighbours(walk.address, m, scene.alpha));
  restore(space);
  const limit = Math.min(m, capBottom);
  const candidates = results.filter(({ node }) => !dead.has(node));
  const rule = { metric: scene.metric, between: comparisonOf(scene, space) };
  const strict = prune(rule, candidates, limit, 1);
  const rest = strict.dropped;
  const { chosen, dropped } = prune(rule, rest, limit, scene.alpha, strict.chosen);
  const least = Math.floor(limit / 2);
  const expected = [...chosen, ...dropped.slice(0, Math.max(0, least - chosen.length))];
  expected.sort(compareNeighbours);
  expect(walk.selected()).toEqual(expected.map(({ node }) => node));
  expect(walk.results()).toEqual(results);
}

test('selection follows the strict rule, then the one with slack, and fills up to half of what is asked for', () => {
  fc.assert(fc.property(selectionOf(sceneOf({ min: 1, max: 200 })), expectSelected), {
    numRuns: 200,
  });
});

test('so it is with long vectors, of which few are gathered at a time', () => {
  const long = sceneOf({ min: 40, max: 60 }).map((scene) => ({
    ...scene,
    vectors: scene.vectors.map((vector) =>
      Float32Array.from({ length: 6000 }, (_, i) => vector[i % vector.length]),
    ),
  }));
  fc.assert(fc.property(selectionOf(long), expectSelected), { numRuns: 10 });
});

test('a back edge is there already, is appended, refused, or has a full list chosen anew', () => {
  const runs = sceneOf({ min: 12, max: 30 }).chain((scene) =>
    fc.record({
      scene: fc.constant(scene),
      layer: fc.nat(1),
      node: fc.nat(11),
      added: fc.nat(11),
      count: fc.oneof(fc.nat(capBottom), fc.constant(capBottom)),
      // Short lists show detours to some, long ones to most.
      lists: fc.array(fc.uniqueArray(fc.nat(scene.vectors.length - 1), { maxLength: capUpper }), {
        minLength: scene.vectors.length,
        maxLength: scene.vectors.length,
      }),
      ghosts: fc.uniqueArray(fc.nat(11), { maxLength: 4 }),
      missingLists: fc.uniqueArray(fc.nat(29), { maxLength: 30 }),
    }),
  );
  const seen = new Set<string>();
  fc.assert(
    fc.property(runs, ({ scene, layer, node, added, count, lists, ghosts, missingLists }) => {
      fc.pre(node !== added);
      const { metric, vectors } = scene;
      const space = place(scene);
      const cap = layer === 0 ? capBottom : capUpper;
      const others = vectors.map((_, id) => id).filter((id) => id !== node);
      const list = others.slice(0, Math.min(count, cap));
      for (const [id, ids] of lists.entries()) space.setList(layer, id, id === node ? list : ids);
      for (const ghost of ghosts) space.setLive(ghost, false);
      const between = comparisonOf(scene, space);
      const walk = new MemoryWalk(bump, space, 4);
      for (const id of missingLists.filter((one) => one < vectors.length)) {
        if (layer === 0) space.evictList(id);
        else space.evictUpper(layer, id);
      }
      finish(scene, space, walk, () => exports.linkBack(walk.address, layer, node, added));
      const after = space.list(layer, node);
      const candidates = [...list, added].map((id) => ({
        node: id,
        distance: between.distance(id, node),
      }));
      candidates.sort(compareNeighbours);
      const expected = rewriteFull({
        ...{ metric, between, cap, candidates, newNode: added },
        listOf: (id) => lists[id],
        isGhost: (id) => ghosts.includes(id),
      });
      if (list.includes(added)) {
        expect(walk.linkResult).toBe(LINK_PRESENT);
        expect(after).toEqual(list);
      } else if (list.length < cap) {
        expect(walk.linkResult).toBe(LINK_APPENDED);
        expect(after).toEqual([...list, added]);
      } else if (expected === undefined) {
        seen.add('refused');
        expect(walk.linkResult).toBe(LINK_REFUSED);
        expect(after).toEqual(list);
      } else {
        if (expected.homeless.length > 0) seen.add('homeless');
        if (expected.list.length < cap) seen.add('room');
        expect(walk.linkResult).toBe(LINK_REWRITTEN);
        expect(after).toEqual(expected.list);
        expect(walk.selected()).toEqual(expected.homeless);
        expect(walk.replaced(cap)).toEqual(list);
      }
    }),
    { numRuns: 1000, seed: 7 },
  );
  expect([...seen].sort()).toEqual(['homeless', 'refused', 'room']);
});

test('duplicates do not push other directions out of a full list', () => {
  const kinds = [true, false].flatMap((holdsVectors) =>
    [METRIC_L2, METRIC_COSINE].map((metric) => ({ holdsVectors, metric })),
  );
  for (const kind of kinds) {
    const same = Float32Array.of(1, 0.1, 0.2);
    const others = [Float32Array.of(0, 1, 0), Float32Array.of(0.3, 0, -1)];
    // Node 0 has six duplicates and two others; a seventh duplicate asks for an edge.
    const vectors = [same, ...Array.from({ length: 6 }, () => same), ...others, same];
    const space = place({ ...simple, ...kind, vectors });
    space.setList(0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
    // Detours.
    space.setList(0, 1, [2, 3, 4, 5, 6]);
    const walk = new MemoryWalk(bump, space, 4);
    walk.finish((address) => exports.linkBack(address, 0, 0, 9));
    // One of the equals, the two others, and the new node before the rest of the equals, of which three have room.
    const list = space.list(0, 0);
    expect([...list].sort()).toEqual([1, 2, 3, 4, 7, 8, 9]);
    expect([list[0], list[3]]).toEqual([1, 9]);
  }
});

test('where nothing lives, the nearest ghost is the neighbour', () => {
  const vectors = Array.from({ length: 9 }, (_, i) => Float32Array.of(i));
  const space = place({ ...simple, metric: METRIC_L2, vectors });
  for (let node = 0; node < 9; node++) {
    space.setLive(node, false);
    space.setList(0, node, node < 8 ? [node + 1] : []);
  }
  const walk = new MemoryWalk(bump, space, 4);
  walk.prepare([5.2]);
  exports.walkBegin(walk.address, 0, 0, 0, 4);
  walk.finish((address) => exports.walkRun(address, 100));
  expect(walk.results()).toEqual([]);
  walk.finish((address) => exports.selectNeighbours(address, 4, 1));
  expect(walk.selected()).toEqual([5]);
});

test('memory for a single page of codes is enough', () => {
  const vectors = Array.from({ length: 30 }, (_, i) => Float32Array.of(i % 6, Math.floor(i / 6)));
  const space = place({ ...simple, metric: METRIC_L2, vectors });
  const full = [1, 4, 7, 10, 13, 16, 19, 22];
  space.setList(0, 20, full);
  const walk = new MemoryWalk(bump, space, 4);
  const whole = new MemoryWalk(bump, space, 4);
  whole.finish((address) => exports.linkBack(address, 0, 20, 25));
  const expected = space.list(0, 20);
  space.setList(0, 20, full);
  let isServed = false;
  walk.finish(
    (address) => {
      if (!isServed) for (let page = 0; page < space.pages; page++) space.evictCodes(page);
      const status = exports.linkBack(address, 0, 20, 25);
      for (let page = 0; page < space.pages; page++) space.evictCodes(page);
      isServed = true;
      return status;
    },
    () => false,
  );
  expect(space.list(0, 20)).toEqual(expected);
  expect(walk.waited).toBeGreaterThan(8);
});

test('a selection that was abandoned leaves nothing behind for the next', () => {
  const vectors = Array.from({ length: 30 }, (_, i) => Float32Array.of(i % 6, Math.floor(i / 6)));
  const space = place({ ...simple, metric: METRIC_L2, vectors });
  const full = [1, 2, 3, 4, 5, 6, 7, 8];
  space.setList(0, 20, full);
  space.setList(0, 21, full);
  const walk = new MemoryWalk(bump, space, 4);
  space.evictCodes(0);
  expect(exports.linkBack(walk.address, 0, 20, 25)).not.toBe(0);
  space.restoreCodes(0);
  expect(exports.linkBack(walk.address, 0, 21, 25)).toBe(0);
  const first = space.list(0, 21);
  space.setList(0, 21, full);
  const other = new MemoryWalk(bump, space, 4);
  expect(exports.linkBack(other.address, 0, 21, 25)).toBe(0);
  expect(space.list(0, 21)).toEqual(first);
});
