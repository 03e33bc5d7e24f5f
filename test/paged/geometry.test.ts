import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import type { SlotKind } from '../../src/kernels/space.ts';
import {
  chooseGeometry,
  DIMENSION_MAX,
  divideByMultiply,
  SLOTS_PER_PAGE_MAX,
  UNIT_SIZE,
} from '../../src/paged/geometry.ts';
import { STAGING_BYTES } from '../../src/paged/slice-writer.ts';

const dimensions = Array.from({ length: DIMENSION_MAX }, (_, i) => i + 1);

test('less than a tenth of every page is not slots, at any dimension', () => {
  for (const dimension of dimensions) {
    const geometry = chooseGeometry(dimension);
    const { slotsPerPage, codeStride, codeSliceBytes, originalStride, originalSliceBytes } =
      geometry;
    const pageBytes = codeSliceBytes + originalSliceBytes;
    const waste = 1 - (slotsPerPage * (codeStride + originalStride)) / pageBytes;
    const codeWaste = 1 - (slotsPerPage * codeStride) / codeSliceBytes;
    if (waste >= 0.1 || codeWaste >= 0.1) expect.fail(`dimension ${dimension} wastes ${waste}`);
  }
});

test('where slots hold vectors, pages waste less than a tenth and have no other slices', () => {
  for (const dimension of dimensions) {
    const g = chooseGeometry(dimension, 'vectors');
    const problems = [
      g.slotsPerPage * g.codeStride <= 0.9 * g.codeSliceBytes,
      g.slotsPerPage < 2 || g.slotsPerPage > SLOTS_PER_PAGE_MAX,
      g.codeStride !== 16 + 4 * dimension || g.originalStride !== g.codeStride,
      g.codeSliceBytes % UNIT_SIZE !== 0 || g.originalSliceBytes !== 0,
      g.codeSlotsOffset < 8 * g.maskWords || g.codeSlotsOffset % 16 !== 0,
      g.codeSlotsOffset + g.slotsPerPage * g.codeStride > g.codeSliceBytes,
      g.codeSliceBytes > STAGING_BYTES,
      divideByMultiply(g.slotsPerPage) === undefined,
    ];
    if (problems.includes(true)) expect.fail(`dimension ${dimension}: ${problems}`);
  }
});

test('slots and masks fit their slices, which are whole units', () => {
  for (const dimension of dimensions) {
    const g = chooseGeometry(dimension);
    const problems = [
      g.slotsPerPage < 2 || g.slotsPerPage > SLOTS_PER_PAGE_MAX,
      g.codeSliceBytes % UNIT_SIZE !== 0 || g.originalSliceBytes % UNIT_SIZE !== 0,
      g.codeStride < 16 + dimension || g.codeStride % 4 !== 0,
      g.originalStride !== 4 * dimension + 4,
      g.maskWords * 32 < g.slotsPerPage,
      g.codeSlotsOffset < 8 * g.maskWords || g.codeSlotsOffset % 16 !== 0,
      g.codeSlotsOffset + g.slotsPerPage * g.codeStride > g.codeSliceBytes,
      g.slotsPerPage * g.originalStride > g.originalSliceBytes,
      g.originalSliceBytes > STAGING_BYTES || g.codeSliceBytes > STAGING_BYTES,
    ];
    if (problems.includes(true)) expect.fail(`dimension ${dimension}: ${problems}`);
  }
});

function divide(node: number, { magic, shift }: { magic: number; shift: number }): number {
  if (magic === 0) return node >>> shift;
  return Number((BigInt(node) * BigInt(magic)) >> BigInt(32 + shift));
}

test('the page of a node by multiplication is its quotient, at every boundary near the ends', () => {
  const slotCounts = new Set(dimensions.map((dimension) => chooseGeometry(dimension).slotsPerPage));
  for (const slots of slotCounts) {
    const division = divideByMultiply(slots);
    if (division === undefined) expect.fail(`no magic for ${slots}`);
    const lastPage = Math.floor((2 ** 32 - 1) / slots);
    for (const page of [0, 1, 2, 3, 1000, lastPage >>> 1, lastPage - 1, lastPage]) {
      for (const node of [page * slots - 1, page * slots, page * slots + 1, 2 ** 32 - 1]) {
        if (node < 0 || node >= 2 ** 32) continue;
        if (divide(node, division) !== Math.floor(node / slots)) expect.fail(`${node} / ${slots}`);
      }
    }
  }
});

test('a magic number that is given is exact for every node; powers of two have none', () => {
  const u32 = fc.nat(2 ** 32 - 1);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SLOTS_PER_PAGE_MAX }), u32, (slots, node) => {
      const division = divideByMultiply(slots);
      fc.pre(division !== undefined);
      expect(division.magic === 0).toBe((slots & (slots - 1)) === 0);
      expect(divide(node, division)).toBe(Math.floor(node / slots));
      // The hardest dividends are the last ones of a quotient.
      const last = Math.floor(node / slots) * slots + slots - 1;
      if (last < 2 ** 32) expect(divide(last, division)).toBe(Math.floor(last / slots));
    }),
    { numRuns: 2000 },
  );
});

test('seven has no exact 32-bit magic', () => {
  expect(divideByMultiply(7)).toBeUndefined();
});

test('the geometry of each dimension is part of the format and never changes', async () => {
  const hasher = await loadHasher();
  const hashOf = (kind: SlotKind): number => {
    const all = dimensions.flatMap((dimension) => {
      const { slots: _, ...figures } = chooseGeometry(dimension, kind);
      return Object.values(figures);
    });
    return hasher.hash32(new Uint8Array(new Uint32Array(all).buffer), 0);
  };
  expect(hashOf('sq8')).toBe(2876376279);
  expect(hashOf('vectors')).toBe(2978236581);
});
