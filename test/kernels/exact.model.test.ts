/** Exact distances and scans, and what happens at the ends of the number range. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  WALK_DISTANCES,
  WALK_FILTER,
  WALK_FILTER_BITS,
} from '../../src/kernels/layout.ts';
import { exactDistance } from '../../src/kernels/oracle/exact.ts';
import { prepareQuery } from '../../src/kernels/oracle/sq8.ts';
import { compareNeighbours } from '../../src/kernels/oracle/walk.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 23));
const { exports, memory } = bump.kernels;
const metrics = [METRIC_L2, METRIC_COSINE, METRIC_DOT];

test('a scan finds the nearest living nodes that pass the filter', () => {
  const value = fc.oneof(fc.constantFrom(0, 1, 2), fc.double({ min: -3, max: 3, noNaN: true }));
  const runs = fc
    .record({ dimension: fc.integer({ min: 1, max: 40 }), k: fc.nat(20) })
    .chain(({ dimension, k }) => {
      const vector = fc
        .array(value, { minLength: dimension, maxLength: dimension })
        .map((values) => Float32Array.from(values));
      return fc.record({
        k: fc.constant(k),
        metric: fc.constantFrom(...metrics),
        query: vector,
        vectors: fc.array(fc.record({ vector, isLive: fc.boolean() }), {
          minLength: 1,
          maxLength: 60,
        }),
        filter: fc.option(fc.array(fc.boolean(), { maxLength: 60 }), { nil: undefined }),
      });
    });
  fc.assert(
    fc.property(runs, ({ k, metric, query, vectors, filter }) => {
      bump.reset();
      const dimension = query.length;
      const slotsPerPage = 5;
      const space = new MemorySpace(bump, {
        dimension,
        metric,
        slotsPerPage,
        nodes: vectors.length,
      });
      const stride = 4 * dimension + 4;
      const originals = Array.from({ length: space.pages }, () => bump.take(slotsPerPage * stride));
      const addressOf = (node: number): number =>
        originals[Math.floor(node / slotsPerPage)] + (node % slotsPerPage) * stride;
      vectors.forEach(({ vector, isLive }, node) => {
        memory.f32.set(vector, addressOf(node) / 4);
        space.put(node, node, addressOf(node));
        space.setLive(node, isLive);
      });
      const walk = new MemoryWalk(bump, space, Math.max(k, 1));
      walk.prepare(query);
      if (filter !== undefined) {
        const bits = bump.take(16);
        filter.forEach((isSet, record) => {
          if (isSet) memory.u8[bits + (record >> 3)] |= 1 << (record & 7);
        });
        walk.setField(WALK_FILTER, bits);
        walk.setField(WALK_FILTER_BITS, filter.length);
      }
      exports.scanBegin(walk.address, k);
      for (let page = 0; page < space.pages; page++) {
        exports.scanPage(walk.address, page, space.codeCell(page), originals[page]);
      }
      exports.scanEnd(walk.address);
      const eligible = vectors
        .map(({ isLive }, node) => ({ node, isLive }))
        .filter(({ node, isLive }) => isLive && (filter === undefined || filter[node] === true));
      const queryAddress = bump.vector(query);
      const expected = eligible
        .map(({ node }) => ({
          distance: exports.distanceExact(metric, queryAddress, addressOf(node), dimension) + 0,
          node,
        }))
        .sort(compareNeighbours)
        .slice(0, k);
      expect(walk.results()).toEqual(expected);
      expect(walk.field(WALK_DISTANCES)).toBe(eligible.length);
    }),
  );
});

test('exact distances agree with sums in f64', () => {
  const dimensionOf = fc.integer({ min: 1, max: 300 });
  const vectors = fc
    .tuple(dimensionOf, fc.constantFrom(1, 1e-44, 1e-20, 1e18, 1e38))
    .chain(([dimension, scale]) => {
      const vector = fc
        .array(fc.double({ min: -1, max: 1, noNaN: true }), {
          minLength: dimension,
          maxLength: dimension,
        })
        .map((values) => Float32Array.from(values, (value) => value * scale));
      return fc.tuple(vector, vector);
    });
  fc.assert(
    fc.property(vectors, fc.constantFrom(...metrics), ([left, right], metric) => {
      bump.reset();
      const exact = exactDistance(metric, left, right);
      const dimension = left.length;
      const args = [bump.vector(left), bump.vector(right)] as const;
      const distance = exports.distanceExact(metric, ...args, dimension);
      if (Math.abs(exact) > 3.4e38) {
        expect(distance).toBe(exact > 0 ? Infinity : -Infinity);
        return;
      }
      const size = metric === METRIC_DOT ? sumOfMagnitudes(left, right) : Math.max(exact, 1e-300);
      const slack = metric === METRIC_COSINE ? 1e-5 : size * 1e-5 + dimension * 1.5e-45;
      expect(Math.abs(distance - exact)).toBeLessThanOrEqual(slack);
    }),
    { numRuns: 500 },
  );
});

function sumOfMagnitudes(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, i) => sum + Math.abs(value * right[i]), 0);
}

function distancesByWalk(
  metric: number,
  query: Float32Array,
  vectors: readonly Float32Array[],
): { distance: number; node: number }[] {
  bump.reset();
  const dimension = query.length;
  const nodes = vectors.length;
  const space = new MemorySpace(bump, { dimension, metric, slotsPerPage: 4, nodes });
  vectors.forEach((vector, node) => {
    space.put(node, node, bump.vector(vector));
    space.setList(0, node, node + 1 < nodes ? [node + 1] : []);
  });
  const walk = new MemoryWalk(bump, space, nodes);
  walk.prepare(query);
  exports.walkBegin(walk.address, 0, 0, 0, nodes);
  walk.finish((address) => exports.walkRun(address, 1000));
  return walk.results();
}

test('the largest queries do not overflow the integer sums', () => {
  for (const dimension of [1, 2, 16, 64, 255, 1000, 4096, 16_384]) {
    const shapes = [
      Float32Array.from({ length: dimension }, (_, i) => (i % 2 === 0 ? 3e38 : -3e38)),
      Float32Array.from({ length: dimension }, (_, i) => (i === 0 ? 1 : 0)),
      Float32Array.from({ length: dimension }, (_, i) => (i < dimension / 2 ? 1 : -1)),
    ];
    for (const query of shapes) {
      for (const metric of metrics) {
        const { values } = prepareQuery(metric, query);
        expect(255 * values.reduce((sum, value) => sum + Math.abs(value), 0)).toBeLessThan(2 ** 31);
      }
    }
    const signs = shapes[2];
    const opposite = signs.map((value) => -value);
    const [near, far] = distancesByWalk(METRIC_L2, signs, [opposite, signs]);
    expect(near.node).toBe(1);
    expect(near.distance).toBeLessThan(dimension * 1e-3);
    const exact = exactDistance(METRIC_L2, signs, opposite);
    expect(Math.abs(far.distance - exact)).toBeLessThanOrEqual(exact * 1e-3);
  }
});

test('finite vectors of any size give an order without NaN', () => {
  const size = fc.constantFrom(0, 1e-45, 1e-40, 1e-20, 1, 1e19, 1e38, 3.4e38);
  const vector = fc
    .array(fc.tuple(size, fc.double({ min: -1, max: 1, noNaN: true })), {
      minLength: 20,
      maxLength: 20,
    })
    .map((values) => Float32Array.from(values, ([scale, value]) => scale * value));
  const runs = fc.tuple(vector, fc.array(vector, { minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(runs, fc.constantFrom(...metrics), ([query, vectors], metric) => {
      const results = distancesByWalk(metric, query, vectors);
      expect(results).toHaveLength(vectors.length);
      for (const { distance } of results) expect(distance).not.toBeNaN();
      expect([...results].sort(compareNeighbours)).toEqual(results);
    }),
    { numRuns: 300 },
  );
});

test('what is not a number comes last, in the order of the nodes', () => {
  const ordinary = Float32Array.of(5, 1, 2);
  const broken = Float32Array.of(NaN, 1, 2);
  const vectors = [broken, ordinary, broken, Float32Array.of(1, 2, 3)];
  for (const metric of metrics) {
    const results = distancesByWalk(metric, Float32Array.of(1, 2, 3), vectors);
    expect(results.slice(2).map(({ node }) => node)).toEqual([0, 2]);
    expect(results.slice(2).every(({ distance }) => Number.isNaN(distance))).toBe(true);
  }
});

test('an offset that all vectors share does not blur their distances', () => {
  const value = fc.double({ min: -1, max: 1, noNaN: true });
  const vector = fc.array(value, { minLength: 64, maxLength: 64 });
  const runs = fc.record({
    vectors: fc.array(vector, { minLength: 2, maxLength: 5 }),
    query: vector,
    offset: fc.constantFrom(0, 10, -1000, 30_000),
  });
  fc.assert(
    fc.property(runs, ({ vectors, query, offset }) => {
      const shift = (values: number[]): Float32Array =>
        Float32Array.from(values, (v) => v + offset);
      const moved = vectors.map(shift);
      for (const { distance, node } of distancesByWalk(METRIC_L2, shift(query), moved)) {
        const exact = exactDistance(METRIC_L2, shift(query), moved[node]);
        // Half a step of 2/255 in each of 64 dimensions, against the length of the difference.
        const blur = (1 / 255) * Math.sqrt(64) + 1e-4;
        expect(Math.abs(Math.sqrt(distance) - Math.sqrt(exact))).toBeLessThan(blur);
      }
    }),
    { numRuns: 200 },
  );
});
