/** Leaves of a bulk build against the plain rule, in any pieces, over dimensions, tails and duplicates. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowBytes } from '../../src/hnsw/build-job.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  BUILD_CANDIDATES,
  BUILD_CANDIDATES_MAX,
  BUILD_CAP,
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_KEPT_MAX,
  BUILD_LIST_ROWS,
  BUILD_LIST_STRIDE,
  BUILD_LISTS,
  BUILD_NEAREST,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SIZE,
  BUILD_SPACE,
  BUILD_WORK,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_CODE,
  SLOTS_SQ8,
  SLOTS_VECTORS,
  SPACE_DIMENSION,
  SPACE_METRIC,
  SPACE_SIZE,
  SPACE_SLOTS,
} from '../../src/kernels/layout.ts';
import { buildLeaf, byRows } from '../../src/kernels/oracle/build.ts';
import type { Comparison } from '../../src/kernels/oracle/prune.ts';
import { type SlotKind, slotStride } from '../../src/kernels/space.ts';
import { BumpMemory, readSlot } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 23));
const { exports, memory } = bump.kernels;
const rule = { nearest: 6, keptMax: 4, candidatesMax: 7, cap: 5 };
const NODES_MAX = 40;

interface Scene {
  readonly metric: number;
  readonly slots: SlotKind;
  readonly factor: number;
  readonly vectors: readonly (readonly number[])[];
  readonly leaves: readonly (readonly number[])[];
  readonly step: number;
}

interface Placed {
  readonly job: number;
  /** Of nodes. */
  readonly count: number;
  readonly between: Comparison;
}

const scenes: fc.Arbitrary<Scene> = fc.integer({ min: 1, max: 70 }).chain((dimension) => {
  // Sixteenths: values that underflow in single precision make ties that double precision does not see.
  const value = fc.oneof(
    fc.constantFrom(0, 1, -1),
    fc.integer({ min: -32, max: 32 }).map((sixteenths) => sixteenths / 16),
  );
  const ids = fc.uniqueArray(fc.nat(NODES_MAX - 1), { minLength: 1, maxLength: NODES_MAX });
  const scene = fc.record({
    metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
    slots: fc.constantFrom('sq8', 'vectors'),
    factor: fc.constantFrom(1, Math.fround(1.21), 1.5),
    vectors: fc.array(fc.array(value, { minLength: dimension, maxLength: dimension }), {
      minLength: 3,
      maxLength: NODES_MAX,
    }),
    leaves: fc.array(ids, { minLength: 1, maxLength: 4 }),
    step: fc.integer({ min: 1, max: 50 }),
  });
  const twins = fc.array(fc.tuple(fc.nat(NODES_MAX - 1), fc.nat(NODES_MAX - 1)), { maxLength: 20 });
  return fc.tuple(scene, twins).map(([given, pairs]) => withTwins(given, pairs));
});

/** Vectors that differ in their last value from others, or not at all. */
function withTwins(scene: Scene, pairs: readonly (readonly [number, number])[]): Scene {
  const vectors = [...scene.vectors];
  const { length } = vectors;
  for (const [from, to] of pairs) {
    vectors[to % length] = vectors[from % length].with(-1, (from + to) % 2);
  }
  return { ...scene, vectors };
}

/** Writes a job and slots; gives the job's address, and how what the slots hold is compared. */
function place({ metric, slots: kind, factor, vectors }: Scene): Placed {
  bump.reset();
  const dimension = vectors[0].length;
  const holdsVectors = kind === 'vectors';
  const space = bump.take(SPACE_SIZE);
  memory.u32[(space + SPACE_DIMENSION) / 4] = dimension;
  memory.u32[(space + SPACE_METRIC) / 4] = metric;
  memory.u32[(space + SPACE_SLOTS) / 4] = holdsVectors ? SLOTS_VECTORS : SLOTS_SQ8;
  const codeStride = slotStride(dimension, kind);
  const rowStride = rowBytes({ dimension, slots: kind });
  const listStride = 4 + 4 * rule.cap;
  const slots = bump.take(codeStride * vectors.length);
  const codes = vectors.map((values, i) => {
    const slot = slots + i * codeStride;
    exports.encodeSlot(space, bump.vector(values), slot);
    return readSlot(bump.kernels, slot, dimension);
  });
  const vectorAt = (node: number): number => slots + node * codeStride + SLOT_CODE;
  const between: Comparison = {
    distance: (a, b) => exports.distanceExact(metric, vectorAt(a), vectorAt(b), dimension),
    isSame: (a, b) => vectors[a].every((value, i) => Object.is(value, vectors[b][i])),
  };
  const job = bump.take(BUILD_SIZE);
  const fields: [number, number][] = [
    [BUILD_SPACE, space],
    [BUILD_CODES, slots],
    [BUILD_CODE_STRIDE, codeStride],
    [BUILD_LISTS, bump.take(listStride * vectors.length)],
    [BUILD_LIST_STRIDE, listStride],
    [BUILD_CAP, rule.cap],
    [BUILD_ROWS, bump.take(rowStride * NODES_MAX)],
    [BUILD_LIST_ROWS, bump.take(rowStride * rule.cap)],
    [BUILD_ROW_STRIDE, rowStride],
    [BUILD_DISTANCES, bump.take(4 * NODES_MAX * NODES_MAX)],
    [BUILD_CANDIDATES, bump.take((8 + 8 * rule.candidatesMax) * NODES_MAX)],
    [BUILD_CANDIDATES_MAX, rule.candidatesMax],
    [BUILD_NEAREST, rule.nearest],
    [BUILD_KEPT_MAX, rule.keptMax],
    [BUILD_WORK, bump.take(8 * (rule.candidatesMax + rule.cap) + 8 * rule.cap + 16)],
  ];
  for (const [field, value] of fields) memory.u32[(job + field) / 4] = value;
  memory.f32[(job + BUILD_FACTOR) / 4] = factor;
  const comparison = holdsVectors ? between : byRows(metric, codes);
  return { job, count: vectors.length, between: comparison };
}

function listOf(job: number, node: number): number[] {
  const list = memory.u32[(job + BUILD_LISTS) / 4] / 4 + node * (1 + rule.cap);
  return [...memory.u32.subarray(list + 1, list + 1 + memory.u32[list])];
}

function runLeaf(job: number, members: readonly number[], step: number): void {
  const ids = bump.take(4 * members.length);
  memory.u32.set(members, ids / 4);
  const count = members.length;
  exports.buildRows(job, ids, count, memory.u32[(job + BUILD_ROWS) / 4]);
  const inSteps = (work: (from: number, to: number) => void): void => {
    for (let from = 0; from < count; from += step) work(from, Math.min(count, from + step));
  };
  inSteps((from, to) => exports.buildMeasure(job, count, from, to));
  inSteps((from, to) => exports.buildChoose(job, count, from, to));
  exports.buildReverse(job, count);
  inSteps((from, to) => exports.buildMerge(job, ids, count, from, to));
}

test('a leaf makes of the lists what the plain rule makes of them', () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const { job, count, between } = place(scene);
      const lists: number[][] = Array.from({ length: count }, () => []);
      for (const leaf of scene.leaves) {
        const members = leaf.filter((node) => node < count);
        if (members.length < 2) continue;
        runLeaf(job, members, scene.step);
        for (const [node, list] of buildLeaf(between, members, lists, { ...scene, ...rule })) {
          lists[node] = list;
        }
        expect(lists.map((_, node) => listOf(job, node))).toEqual(lists);
      }
    }),
    { numRuns: 300 },
  );
});

test('edges are turned round where there is room', () => {
  fc.assert(
    fc.property(scenes, fc.integer({ min: 1, max: 9 }), (scene, step) => {
      const { job, count } = place(scene);
      const members = Array.from({ length: count }, (_, node) => node);
      runLeaf(job, members, scene.step);
      const lists = members.map((node) => listOf(job, node));
      for (const node of members) {
        for (const target of lists[node]) {
          const list = lists[target];
          if (list.length < rule.cap && !list.includes(node)) list.push(node);
        }
      }
      for (let from = 0; from < count; from += step) {
        exports.buildBackEdges(job, from, Math.min(count, from + step));
      }
      expect(members.map((node) => listOf(job, node))).toEqual(lists);
    }),
    { numRuns: 100 },
  );
});

test('nodes go to the nearest leader, and the second nearest is named', () => {
  fc.assert(
    fc.property(scenes, fc.integer({ min: 1, max: 9 }), (given, wanted) => {
      const scene = { ...given, metric: METRIC_L2 };
      const { job, count } = place(scene);
      const leaders = Math.min(wanted, count);
      const stride = memory.u32[(job + BUILD_ROW_STRIDE) / 4];
      const ids = bump.take(4 * count);
      for (let i = 0; i < count; i++) memory.u32[ids / 4 + i] = i;
      const rows = bump.take(stride * leaders);
      exports.buildRows(job, ids, leaders, rows);
      const nearest = bump.take(4 * count);
      const second = bump.take(4 * count);
      exports.buildAssign(job, ids, count, rows, leaders, nearest, second);
      for (let i = 0; i < leaders; i++) {
        const own = memory.u32[nearest / 4 + i];
        expect(own).toBeLessThanOrEqual(i);
        if (leaders > 1) expect(memory.u32[second / 4 + i]).not.toBe(own);
        // A leader is nearest to itself, or to one that comes before and is as good as equal.
        const apart = scene.vectors[own].map((value, j) => Math.abs(value - scene.vectors[i][j]));
        expect(Math.max(...apart)).toBeLessThan(0.05);
      }
    }),
    { numRuns: 100 },
  );
});
