/** Measuring given nodes again: every entry becomes the key of its own distance, in its place. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels, keyDistance } from '../../src/kernels/kernels.ts';
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  WALK_DISTANCES,
  WALK_ENTRIES,
  WALK_QUERY,
} from '../../src/kernels/layout.ts';
import { decodeSq8 } from '../../src/kernels/oracle/sq8.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 22));
const { exports, memory } = bump.kernels;

const scene = fc
  .record({ dimension: fc.integer({ min: 1, max: 200 }), nodes: fc.integer({ min: 1, max: 13 }) })
  .chain(({ dimension, nodes }) => {
    const value = fc.double({ min: -2, max: 2, noNaN: true });
    const vector = fc
      .array(value, { minLength: dimension, maxLength: dimension })
      .map((values) => Float32Array.from(values));
    return fc.record({
      metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
      query: vector,
      vectors: fc.array(vector, { minLength: nodes, maxLength: nodes }),
      order: fc.shuffledSubarray([...Array(nodes).keys()]),
    });
  });

test('originals are measured as one at a time', () => {
  fc.assert(
    fc.property(scene, ({ metric, query, vectors, order }) => {
      bump.reset();
      const options = { dimension: query.length, metric, slotsPerPage: 3, nodes: vectors.length };
      const space = new MemorySpace(bump, options);
      const addresses = vectors.map((vector) => bump.vector(vector));
      for (const [node, address] of addresses.entries()) space.put(node, node, address);
      const walk = new MemoryWalk(bump, space, vectors.length);
      walk.prepare(query);

      const entries = walk.field(WALK_ENTRIES);
      for (const [i, node] of order.entries()) {
        memory.u32.set([node, addresses[node]], entries / 4 + 2 * i);
      }
      exports.refineExact(walk.address, entries, order.length);
      const at = walk.field(WALK_QUERY);
      const exact = (node: number): number =>
        exports.distanceExact(metric, at, addresses[node], query.length) + 0;
      for (const [i, node] of order.entries()) {
        expect(memory.u32[entries / 4 + 2 * i]).toBe(node);
        expect(keyDistance(memory.u32[entries / 4 + 2 * i + 1])).toBe(exact(node));
      }
      expect(walk.field(WALK_DISTANCES)).toBe(order.length);
    }),
  );
});

test('a slot is decoded to the vector that it stands for', () => {
  fc.assert(
    fc.property(scene, ({ metric, vectors: [vector] }) => {
      bump.reset();
      const options = { dimension: vector.length, metric, slotsPerPage: 3, nodes: 1 };
      const space = new MemorySpace(bump, options);
      space.put(0, 0, bump.vector(vector));
      const target = bump.vector([...vector, 77]) / 4;
      exports.decodeSq8(space.address, space.slot(0), 4 * target);
      const decoded = memory.f32.slice(target, target + vector.length);
      expect(decoded).toEqual(Float32Array.from(decodeSq8(space.code(0))));
      expect(memory.f32[target + vector.length]).toBe(77);
    }),
  );
});
