/** The descriptor says what the options said, and places are arithmetic. */
import { expect, test } from 'vitest';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import {
  FRAME_SIZE,
  METRIC_COSINE,
  SPACE_CAP_BOTTOM,
  SPACE_CAP_UPPER,
  SPACE_CODE_PAGES,
  SPACE_CODE_ROOT,
  SPACE_CODE_STRIDE,
  SPACE_DIMENSION,
  SPACE_LIST_STRIDE,
  SPACE_METRIC,
  SPACE_PAGE_SHIFT,
} from '../../src/kernels/layout.ts';
import { createSpace } from '../../src/kernels/space.ts';
import { plainMemory } from './plain-memory.ts';

test('a space fills its descriptor, keeps the directories in it and gives all memory back', () => {
  const memory = plainMemory(8192 + 4 * FRAME_SIZE);
  const allocator = new CellAllocator(memory, 4096, memory.buffer.byteLength);
  const before = allocator.stats().freeBytes;
  const space = createSpace({ memory }, allocator, {
    dimension: 48,
    metric: 'cosine',
    geometry: {
      slots: 'sq8',
      slotsPerPage: 64,
      pageMagic: 0,
      pageShift: 6,
      codeStride: 64,
      codeSlotsOffset: 16,
      originalStride: 196,
    },
    capBottom: 32,
    capUpper: 16,
  });
  const field = (offset: number): number => memory.u32[(space.address + offset) >> 2];
  expect([SPACE_DIMENSION, SPACE_METRIC, SPACE_PAGE_SHIFT].map(field)).toEqual([
    48,
    METRIC_COSINE,
    6,
  ]);
  expect([SPACE_CODE_STRIDE, SPACE_LIST_STRIDE].map(field)).toEqual([64, 132]);
  expect([SPACE_CAP_BOTTOM, SPACE_CAP_UPPER].map(field)).toEqual([32, 16]);
  expect([space.pageOf(129), space.slotOf(129), space.capOf(0), space.capOf(3)]).toEqual([
    2, 1, 32, 16,
  ]);
  expect(space.pageOf(0xffffffff)).toBe(0x3ffffff);

  space.codes.setEntry(5, 16);
  expect(field(SPACE_CODE_PAGES)).toBeGreaterThan(5);
  expect(field(SPACE_CODE_ROOT)).toBeGreaterThan(0);

  space.codes.release(() => {});
  space.lists.release(() => {});
  space.originals.release(() => {});
  space.release();
  expect(allocator.stats().freeBytes).toBe(before);
});
