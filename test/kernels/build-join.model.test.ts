/** The last touch to lists of a bulk build against the plain rule, over dimensions, tails, duplicates and fullness. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowBytes } from '../../src/hnsw/build-job.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import {
  BUILD_CAP,
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_DISTANCES,
  BUILD_FACTOR,
  BUILD_LEAST,
  BUILD_LIST_ROWS,
  BUILD_LIST_STRIDE,
  BUILD_LISTS,
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SIZE,
  BUILD_SLACK,
  BUILD_SPACE,
  BUILD_WORK,
  JOIN_MET_MAX,
  JOIN_OFFERED_MAX,
  JOIN_TABLE_BITS,
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
import { byRows, bySlots, joinList } from '../../src/kernels/oracle/build.ts';
import type { Comparison } from '../../src/kernels/oracle/prune.ts';
import { type SlotKind, slotStride } from '../../src/kernels/space.ts';
import { BumpMemory, readSlot } from './memory-space.ts';

const bump = new BumpMemory(createKernels(1 << 23));
const { exports, memory } = bump.kernels;
const CAP = 6;
const NODES_MAX = 40;
const STRIDE = 4 + 4 * CAP;

interface Scene {
  readonly metric: number;
  readonly slots: SlotKind;
  readonly slack: number;
  readonly least: number;
  readonly vectors: readonly (readonly number[])[];
  /** By node, numbers from which the list is made. */
  readonly named: readonly (readonly number[])[];
  readonly step: number;
}

const scenes: fc.Arbitrary<Scene> = fc.integer({ min: 1, max: 70 }).chain((dimension) => {
  const value = fc.oneof(
    fc.constantFrom(0, 1, -1),
    fc.integer({ min: -32, max: 32 }).map((sixteenths) => sixteenths / 16),
  );
  const list = fc.array(fc.nat(NODES_MAX - 1), { maxLength: CAP });
  return fc.record({
    metric: fc.constantFrom(METRIC_L2, METRIC_COSINE, METRIC_DOT),
    slots: fc.constantFrom('sq8', 'vectors'),
    slack: fc.constantFrom(1, Math.fround(1.21), 1.5),
    least: fc.nat(CAP),
    vectors: fc.array(fc.array(value, { minLength: dimension, maxLength: dimension }), {
      minLength: 1,
      maxLength: NODES_MAX,
    }),
    named: fc.array(list, { minLength: NODES_MAX, maxLength: NODES_MAX }),
    step: fc.integer({ min: 1, max: 50 }),
  });
});

interface Placed {
  readonly job: number;
  /** As lists are chosen by, and as what was met is measured. */
  readonly between: Comparison;
  readonly met: Comparison;
}

function place({ metric, slots: kind, slack, least, vectors }: Scene): Placed {
  bump.reset();
  const dimension = vectors[0].length;
  const space = bump.take(SPACE_SIZE);
  memory.u32[(space + SPACE_DIMENSION) / 4] = dimension;
  memory.u32[(space + SPACE_METRIC) / 4] = metric;
  memory.u32[(space + SPACE_SLOTS) / 4] = kind === 'vectors' ? SLOTS_VECTORS : SLOTS_SQ8;
  const codeStride = slotStride(dimension, kind);
  const rowStride = rowBytes({ dimension, slots: kind });
  const slots = bump.take(codeStride * vectors.length);
  const codes = vectors.map((values, i) => {
    exports.encodeSlot(space, bump.vector(values), slots + i * codeStride);
    return readSlot(bump.kernels, slots + i * codeStride, dimension);
  });
  const vectorAt = (node: number): number => slots + node * codeStride + SLOT_CODE;
  const exact: Comparison = {
    distance: (a, b) => exports.distanceExact(metric, vectorAt(a), vectorAt(b), dimension),
    isSame: (a, b) => vectors[a].every((value, i) => Object.is(value, vectors[b][i])),
  };
  const job = bump.take(BUILD_SIZE);
  const fields: [number, number][] = [
    [BUILD_SPACE, space],
    [BUILD_CODES, slots],
    [BUILD_CODE_STRIDE, codeStride],
    [BUILD_LISTS, bump.take(STRIDE * vectors.length)],
    [BUILD_LIST_STRIDE, STRIDE],
    [BUILD_CAP, CAP],
    [BUILD_LEAST, least],
    [BUILD_ROWS, bump.take(rowStride)],
    [BUILD_LIST_ROWS, bump.take(rowStride * (CAP + JOIN_OFFERED_MAX))],
    [BUILD_ROW_STRIDE, rowStride],
    [BUILD_DISTANCES, bump.take((4 << JOIN_TABLE_BITS) + 8 * JOIN_MET_MAX)],
    [BUILD_WORK, bump.take(8 * (CAP + JOIN_OFFERED_MAX))],
  ];
  for (const [field, value] of fields) memory.u32[(job + field) / 4] = value;
  memory.f32[(job + BUILD_FACTOR) / 4] = 1;
  memory.f32[(job + BUILD_SLACK) / 4] = slack;
  if (kind === 'vectors') return { job, between: exact, met: exact };
  return { job, between: byRows(metric, codes), met: bySlots(metric, codes) };
}

test('a list becomes what the plain rule makes of it and of what its neighbours name', () => {
  fc.assert(
    fc.property(scenes, (scene) => {
      const { job, between, met } = place(scene);
      const count = scene.vectors.length;
      const lists = scene.vectors.map((_, node) => [
        ...new Set(scene.named[node].filter((id) => id < count && id !== node)),
      ]);
      const base = memory.u32[(job + BUILD_LISTS) / 4];
      lists.forEach((list, node) => {
        memory.u32.set([list.length, ...list], (base + node * STRIDE) / 4);
      });
      const out = bump.take(STRIDE * count);
      memory.u8.fill(0xff, out, out + STRIDE * count);
      for (let from = 0; from < count; from += scene.step) {
        const end = Math.min(count, from + scene.step);
        exports.buildJoin(job, from, end, out + from * STRIDE);
      }
      const rule = { ...scene, cap: CAP, offered: JOIN_OFFERED_MAX };
      for (let node = 0; node < count; node++) {
        const list = joinList({ between, met }, node, lists, rule);
        const padding = Array<number>(CAP - list.length).fill(0);
        const at = (out + node * STRIDE) / 4;
        const own = [...memory.u32.subarray(at, at + 1 + CAP)];
        expect(own).toEqual([list.length, ...list, ...padding]);
      }
    }),
    { numRuns: 300 },
  );
});
