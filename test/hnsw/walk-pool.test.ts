import { expect, test } from 'vitest';
import { WalkPool } from '../../src/hnsw/walk-pool.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';

function makeAllocator(frames: number) {
  const kernels = createKernels((frames + 2) * FRAME_SIZE);
  const { heapBase } = kernels.memory;
  return {
    kernels,
    allocator: new CellAllocator(kernels.memory, heapBase, heapBase + frames * FRAME_SIZE + 4096),
  };
}

test('a scratch that is kept is there when no other memory is, and comes back', () => {
  const { kernels, allocator } = makeAllocator(12);
  const pool = new WalkPool(kernels, allocator, { homeBytes: 4 * FRAME_SIZE });
  const small = pool.reserve(FRAME_SIZE);
  const free = allocator.stats().freeBytes;
  const taken = allocator.allocateRun(free);
  const grown = pool.reserve(3 * FRAME_SIZE);
  expect(grown.runBytes).toBe(4 * FRAME_SIZE);
  expect(() => pool.reserve(2 * FRAME_SIZE)).toThrowError(/no room/);
  pool.give(grown);
  pool.give(small);
  pool.release();
  expect(pool.reserve(4 * FRAME_SIZE).address).toBe(grown.address);
  allocator.freeRun(taken, free);
});

test('it is not used as long as there is other memory', () => {
  const { kernels, allocator } = makeAllocator(12);
  const pool = new WalkPool(kernels, allocator, { homeBytes: 4 * FRAME_SIZE });
  const first = pool.reserve(4 * FRAME_SIZE);
  const second = pool.reserve(4 * FRAME_SIZE);
  expect(first.address).not.toBe(second.address);
  expect(allocator.stats().runBytes).toBe(12 * FRAME_SIZE);
});
