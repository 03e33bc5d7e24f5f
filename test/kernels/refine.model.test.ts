/** Measuring given nodes again: every entry becomes the key of its own distance, in its place. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels, keyDistance } from '../../src/kernels/kernels.ts';
import {
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_ENTRIES,
  WALK_QUERY,
} from '../../src/kernels/layout.ts';
import { decodeSq8, prepareQuery, queryDistance } from '../../src/kernels/oracle/sq8.ts';
import { MemoryBits } from './memory-bits.ts';
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
      isOnBits: fc.boolean(),
    });
  });

test('codes and originals are measured as one at a time', () => {
  fc.assert(
    fc.property(scene, ({ metric, query, vectors, order, isOnBits }) => {
      bump.reset();
      const options = { dimension: query.length, metric, slotsPerPage: 3, nodes: vectors.length };
      const space = new MemorySpace(bump, options);
      const centroid = new Float32Array(query.length);
      new MemoryBits(bump, space, { centroid, seed: 1, slotsPerPage: 6 });
      const addresses = vectors.map((vector) => bump.vector(vector));
      for (const [node, address] of addresses.entries()) space.put(node, node, address);
      const walk = new MemoryWalk(bump, space, vectors.length);
      if (isOnBits) walk.setField(WALK_CODES, CODES_BITS);
      walk.prepare(query);
      if (isOnBits) exports.refinePrepare(walk.address);

      const entries = walk.field(WALK_ENTRIES);
      const refine = (
        measure: (walk: number, entries: number, count: number) => void,
        addressOf: (node: number) => number,
      ): { node: number; distance: number }[] => {
        for (const [i, node] of order.entries()) {
          memory.u32.set([node, addressOf(node)], entries / 4 + 2 * i);
        }
        measure(walk.address, entries, order.length);
        return order.map((_, i) => ({
          node: memory.u32[entries / 4 + 2 * i],
          distance: keyDistance(memory.u32[entries / 4 + 2 * i + 1]),
        }));
      };
      const prepared = prepareQuery(metric, query);
      expect(refine(exports.refineCodes, (node) => space.slot(node))).toEqual(
        order.map((node) => ({
          node,
          distance: queryDistance(metric, prepared, space.code(node)) + 0,
        })),
      );
      const at = walk.field(WALK_QUERY);
      const exact = (node: number): number =>
        exports.distanceExact(metric, at, addresses[node], query.length) + 0;
      expect(refine(exports.refineExact, (node) => addresses[node])).toEqual(
        order.map((node) => ({ node, distance: exact(node) })),
      );
      expect(walk.field(WALK_DISTANCES)).toBe(2 * order.length);
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
