/**
 * Every distance kernel and the encoder against their plain versions, for each dimension with its
 * tails. The integer parts are exact and the floating-point ones follow the same order, so that codes
 * and distances must be equal, not close.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKernels } from '../../src/kernels/kernels.ts';
import { METRIC_COSINE, METRIC_DOT, METRIC_L2 } from '../../src/kernels/layout.ts';
import { exactDistance } from '../../src/kernels/oracle/exact.ts';
import * as oracle from '../../src/kernels/oracle/sq8.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 22));
const { exports } = bump.kernels;

const dimensions = [...Array.from({ length: 130 }, (_, i) => i + 1), 300, 784, 1536];
const metrics = [METRIC_L2, METRIC_COSINE, METRIC_DOT];

const scaleOf = fc.constantFrom(1, 1, 1, 1e-3, 1e6, 1e-42, 1e30);
const offsetOf = fc.constantFrom(0, 0, 0, 1, -100, 1e5);

/** Values of one magnitude around one offset, some of them equal, some far out. */
function vectorOf(dimension: number): fc.Arbitrary<Float32Array> {
  const value = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 0.5, 20) },
  );
  return fc
    .tuple(fc.array(value, { minLength: dimension, maxLength: dimension }), scaleOf, offsetOf)
    .map(([values, scale, offset]) => Float32Array.from(values, (v) => (v + offset) * scale));
}

/** As near as single precision comes to a distance whose terms are so large. */
function expectNear(found: number, expected: number, vectors: readonly Float32Array[]): void {
  const [left, right] = vectors.map((vector) => Math.hypot(...vector));
  const size = Math.max(1, left, right);
  if (expected > 3e38 || size ** 2 > 3e38) return;
  expect(Math.abs(found - expected)).toBeLessThan(1e-5 * size ** 2);
}

function walkDistance(space: MemorySpace, query: Float32Array): number {
  const walk = new MemoryWalk(bump, space, 1);
  walk.prepare(query);
  exports.walkBegin(walk.address, 0, 0, 0, 1);
  walk.finish((address) => exports.walkRun(address, 10));
  return walk.results()[0].distance;
}

describe.each(metrics)('metric %i', (metric) => {
  test('codes, and distances to them, equal those of the plain versions', () => {
    const runs = fc.constantFrom(...dimensions).chain((dimension) =>
      fc.record({
        left: vectorOf(dimension),
        right: vectorOf(dimension),
        query: vectorOf(dimension),
      }),
    );
    fc.assert(
      fc.property(runs, ({ left, right, query }) => {
        bump.reset();
        const dimension = query.length;
        const space = new MemorySpace(bump, { dimension, metric, slotsPerPage: 3, nodes: 3 });
        space.put(0, 1, bump.vector(left));
        space.put(1, 2, bump.vector(right));
        expect(space.code(0)).toEqual(oracle.encodeSq8(metric, left));
        expect(space.code(1)).toEqual(oracle.encodeSq8(metric, right));
        const prepared = oracle.prepareQuery(metric, query);
        const byWalk = walkDistance(space, query);
        expect(byWalk).toBe(oracle.queryDistance(metric, prepared, space.code(0)) + 0);
        const between = exports.codeDistance(space.address, space.slot(0), space.slot(1));
        expect(between).toBe(oracle.codeDistance(metric, space.code(0), space.code(1)));
        if (metric !== METRIC_DOT && (metric === METRIC_L2 || left.some((v) => v !== 0))) {
          expect(exports.codeDistance(space.address, space.slot(0), space.slot(0))).toBe(0);
        }
      }),
      { numRuns: 600 },
    );
  });

  test('every dimension is read to its end and not beyond', () => {
    for (const dimension of dimensions) {
      bump.reset();
      const space = new MemorySpace(bump, { dimension, metric, slotsPerPage: 3, nodes: 3 });
      const vector = Float32Array.from({ length: dimension }, (_, i) => Math.sin(i * i + 1));
      const other = Float32Array.from({ length: dimension }, (_, i) => Math.cos(i * 3 + dimension));
      space.put(0, 1, bump.vector(vector));
      // The next slot, and the padding before it, must make no difference.
      const cellEnd = space.codeCell(0) + space.codeCellBytes;
      bump.kernels.memory.u8.fill(255, space.slot(0) + 16 + dimension, cellEnd);
      const prepared = oracle.prepareQuery(metric, other);
      const expected = oracle.queryDistance(metric, prepared, space.code(0));
      expect(walkDistance(space, other)).toBe(expected);
      const exact = exactDistance(metric, vector, other);
      const addresses = [bump.vector([...vector, NaN]), bump.vector([NaN, ...other, NaN]) + 4];
      const distance = exports.distanceExact(metric, addresses[0], addresses[1], dimension);
      expect(Math.abs(distance - exact)).toBeLessThan(1e-5 * Math.max(1, Math.abs(exact)));
    }
  });

  test('slots that hold vectors are measured exactly, whatever stands beside them', () => {
    const runs = fc.constantFrom(...dimensions).chain((dimension) =>
      fc.record({
        left: vectorOf(dimension),
        right: vectorOf(dimension),
        query: vectorOf(dimension),
        shift: fc.constantFrom(0, 4, 8, 12),
      }),
    );
    fc.assert(
      fc.property(runs, ({ left, right, query, shift }) => {
        bump.reset();
        const dimension = query.length;
        const shape = { dimension, metric, slotsPerPage: 3, nodes: 3, holdsVectors: true };
        const space = new MemorySpace(bump, shape);
        const aligned = bump.vector([...new Float32Array(shift / 4), ...left]);
        space.put(0, 1, aligned + shift);
        space.put(1, 2, bump.vector(right));
        const { u8 } = bump.kernels.memory;
        u8.fill(255, space.slot(1) + 16 + 4 * dimension, space.codeCell(0) + space.codeCellBytes);
        for (const node of [0, 1]) {
          const start = space.slot(node) + 16;
          const stored = new Float32Array(u8.slice(start, start + 4 * dimension).buffer);
          expect(stored).toEqual(node === 0 ? left : right);
        }
        const byWalk = walkDistance(space, query);
        expect(byWalk).toBe(space.plainDistance(bump.vector(query), 0));
        const between = exports.codeDistance(space.address, space.slot(0), space.slot(1));
        expect(between + 0).toBe(space.plainDistance(bump.vector(right), 0));
        expectNear(byWalk, exactDistance(metric, query, left), [query, left]);
        expectNear(between, exactDistance(metric, left, right), [left, right]);
      }),
      { numRuns: 600 },
    );
  });

  test('a code is off by half a step at most, where it is not clipped', () => {
    fc.assert(
      fc.property(fc.constantFrom(...dimensions).chain(vectorOf), (vector) => {
        const slot = oracle.encodeSq8(metric, vector);
        const factor = metric === METRIC_COSINE ? oracle.inverseNorm(vector) : 1;
        const decoded = oracle.decodeSq8(slot);
        const values = Float64Array.from(vector, (value) => value * factor);
        const range = Math.max(...values) - Math.min(...values);
        const size = Math.max(...values.map(Math.abs));
        let error = 0;
        for (let i = 0; i < values.length; i++) error += (values[i] - decoded[i]) ** 2;
        // Uniform rounding has 1/12 of a squared step; the worst case is three times that.
        const unclipped = values.length * ((range / 255) ** 2 / 4);
        expect(error).toBeLessThanOrEqual(
          unclipped * 1.01 + values.length * (size * 1e-7) ** 2 + 1e-80,
        );
      }),
    );
  });
});

test('page numbers are exact for every size of page and every node', () => {
  const sizes = fc.integer({ min: 2, max: 1024 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 2 ** 20 }), (slotsPerPage, page) => {
      bump.reset();
      let space: MemorySpace;
      try {
        space = new MemorySpace(bump, { dimension: 1, metric: METRIC_L2, slotsPerPage, nodes: 1 });
      } catch {
        return; // Sizes without an exact 32-bit reciprocal are never chosen.
      }
      for (const node of [page * slotsPerPage, page * slotsPerPage + slotsPerPage - 1]) {
        if (page === 0 || node >= 2 ** 32) continue;
        const walk = new MemoryWalk(bump, space, 1);
        exports.walkBegin(walk.address, node, 0, 0, 1);
        exports.walkRun(walk.address, 1);
        const needs = bump.kernels.memory.u32[walk.address / 4 + 7] / 4;
        expect(bump.kernels.memory.u32[needs + 1]).toBe(page);
      }
    }),
  );
});
