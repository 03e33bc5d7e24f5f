/**
 * The kernels of 1-bit codes against their plain versions, for each dimension with its tails. Rotation,
 * factors, bits, the query's planes and the estimate must be equal, not close.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKernels, instantiate, type KernelExports } from '../../src/kernels/kernels.ts';
import {
  BIT_CODE,
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  WALK_CODES,
} from '../../src/kernels/layout.ts';
import * as oracle from '../../src/kernels/oracle/bits.ts';
import { bitCount } from '../../src/kernels/space.ts';
import { MemoryBits } from './memory-bits.ts';
import { BumpMemory, MemorySpace, MemoryWalk } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 22));
const { memory, shared } = bump.kernels;
/** Bits are counted by words, or by vectors. */
const countings = [true, false].map((countsWords) => instantiate(shared, countsWords).exports);

const dimensions = [...Array.from({ length: 130 }, (_, i) => i + 1), 192, 300, 784, 1536, 2047];
const metrics = [METRIC_L2, METRIC_COSINE, METRIC_DOT];

const scaleOf = fc.constantFrom(1, 1, 1, 1e-3, 1e6, 1e-42, 1e30, 0);
const offsetOf = fc.constantFrom(0, 0, 0, 1, -100);

function vectorOf(dimension: number): fc.Arbitrary<Float32Array> {
  const value = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 0.5, 20) },
  );
  return fc
    .tuple(fc.array(value, { minLength: dimension, maxLength: dimension }), scaleOf, offsetOf)
    .map(([values, scale, offset]) => Float32Array.from(values, (v) => (v + offset) * scale));
}

/** Five nodes, so that four are measured at once and one alone: all with one list, from node 0. */
function place(
  metric: number,
  vectors: readonly Float32Array[],
  centroid: Float32Array,
  seed: number,
): { space: MemorySpace; bits: MemoryBits } {
  bump.reset();
  const options = { dimension: centroid.length, metric, slotsPerPage: 3, nodes: vectors.length };
  const space = new MemorySpace(bump, options);
  const bits = new MemoryBits(bump, space, { centroid, seed, slotsPerPage: 6 });
  vectors.forEach((vector, node) => {
    bits.put(node, node, bump.vector(vector));
  });
  space.setList(
    0,
    0,
    Array.from({ length: vectors.length - 1 }, (_, i) => i + 1),
  );
  return { space, bits };
}

/** A walk over all nodes. */
function walkOnBits(space: MemorySpace, query: Float32Array, exports: KernelExports): MemoryWalk {
  const { nodes } = space.options;
  const walk = new MemoryWalk(bump, space, nodes);
  walk.setField(WALK_CODES, CODES_BITS);
  walk.prepare(query);
  exports.walkBegin(walk.address, 0, 0, 0, nodes);
  walk.finish((address) => exports.walkRun(address, 10));
  return walk;
}

describe.each(metrics)('metric %i', (metric) => {
  test('codes, estimates and errors equal those of the plain versions', () => {
    const runs = fc.constantFrom(...dimensions).chain((dimension) =>
      fc.record({
        vectors: fc.array(vectorOf(dimension), { minLength: 6, maxLength: 6 }),
        query: vectorOf(dimension),
        centroid: fc.oneof(vectorOf(dimension), fc.constant(new Float32Array(dimension))),
        seed: fc.nat(2 ** 32 - 1),
      }),
    );
    fc.assert(
      fc.property(runs, ({ vectors, query, centroid, seed }) => {
        // One vector is the centroid itself: nothing is left of it.
        const all = [...vectors, centroid];
        const { space, bits } = place(metric, all, centroid, seed);
        const prepared = oracle.prepareBits(bits.column, query);
        for (const exports of countings) {
          const walk = walkOnBits(space, query, exports);
          const errors = walk.errors();
          expect(walk.results()).toHaveLength(all.length);
          for (const [i, { node, distance }] of walk.results().entries()) {
            const code = bits.code(node);
            expect(code).toEqual(oracle.encodeBits(bits.column, all[node]));
            expect(distance).toEqual(oracle.bitDistance(metric, prepared, code) + 0);
            expect(errors[i]).toEqual(oracle.bitError(metric, prepared, code, distance));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test('every dimension is read to its end and not beyond', () => {
    for (const dimension of dimensions) {
      const wave = (phase: number): Float32Array =>
        Float32Array.from({ length: dimension }, (_, i) => Math.sin(i * i + phase));
      const centroid = wave(7).map((value) => value / 3);
      const { space, bits } = place(metric, [wave(1), wave(2)], centroid, 5);
      const slot = bits.slot(1);
      const before = memory.u8.slice(slot - 8, slot);
      // What stands behind a slot must make no difference, and stays.
      const end = slot + BIT_CODE + bitCount(dimension) / 8;
      memory.u8.fill(255, end, end + 16);
      bits.put(1, 1, bump.vector(wave(2)));
      const prepared = oracle.prepareBits(bits.column, wave(3));
      for (const exports of countings) {
        for (const { node, distance } of walkOnBits(space, wave(3), exports).results()) {
          expect(distance).toBe(oracle.bitDistance(metric, prepared, bits.code(node)));
        }
      }
      expect(memory.u8.slice(end, end + 16)).toEqual(new Uint8Array(16).fill(255));
      expect(memory.u8.slice(slot - 8, slot)).toEqual(before);
    }
  });
});

test('a rotation keeps lengths and angles, and two seeds give two of them', () => {
  for (const count of [64, 128, 192, 832, 1600, 4096]) {
    const left = Float32Array.from({ length: count }, (_, i) => Math.sin(i * i + 1));
    const right = Float32Array.from({ length: count }, (_, i) => Math.cos(3 * i));
    const rotated = [left, right].map((vector) => {
      const copy = Float32Array.from(vector);
      oracle.rotate(copy, 17);
      return copy;
    });
    const product = (a: Float32Array, b: Float32Array): number =>
      a.reduce((sum, value, i) => sum + value * b[i], 0);
    const growth = product(rotated[0], rotated[0]) / product(left, left);
    expect(growth).toBeCloseTo(Number.isInteger(Math.log2(count)) ? 1 : 16, 4);
    const change = product(rotated[0], rotated[1]) / growth - product(left, right);
    expect(change / count).toBeCloseTo(0, 5);
    const other = Float32Array.from(left);
    oracle.rotate(other, 18);
    const cosine = product(rotated[0], other) / product(rotated[0], rotated[0]);
    expect(Math.abs(cosine)).toBeLessThan(5 / Math.sqrt(count));
  }
});
