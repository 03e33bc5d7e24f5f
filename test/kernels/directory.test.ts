/** A directory against a Map, with the fields of its descriptor and its chunks under memory pressure. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { Directory } from '../../src/kernels/directory.ts';
import type { KernelMemory } from '../../src/kernels/kernels.ts';
import {
  DIRECTORY_CHUNK_ENTRIES,
  DIRECTORY_CHUNK_SHIFT,
  ENTRY_PINNED,
  ENTRY_REFERENCED,
  FRAME_SIZE,
} from '../../src/kernels/layout.ts';
import { plainMemory } from './plain-memory.ts';

const rootField = 1024;
const pagesField = 1028;

function setUp(frames: number): {
  memory: KernelMemory;
  allocator: CellAllocator;
  directory: Directory;
} {
  const memory = plainMemory(4096 + frames * FRAME_SIZE);
  const allocator = new CellAllocator(memory, 4096, memory.buffer.byteLength);
  return { memory, allocator, directory: new Directory(memory, allocator, rootField, pagesField) };
}

/** The look-up as the module does it, from the two fields. */
function look({ u32 }: KernelMemory, page: number): number {
  if (page >= u32[pagesField >> 2]) return 0;
  const chunk = u32[(u32[rootField >> 2] >> 2) + (page >> DIRECTORY_CHUNK_SHIFT)];
  return chunk === 0 ? 0 : u32[(chunk >> 2) + (page & (DIRECTORY_CHUNK_ENTRIES - 1))];
}

test('a directory is a map from pages to entries', () => {
  const page = fc.oneof(fc.nat(40), fc.nat(2000), fc.nat(200_000));
  const write = fc.tuple(page, fc.integer({ min: 0, max: 1000 }));
  fc.assert(
    fc.property(fc.array(write, { maxLength: 60 }), page, (writes, probe) => {
      const { memory, allocator, directory } = setUp(8);
      const model = new Map<number, number>();
      for (const [at, value] of writes) {
        directory.setEntry(at, value * 16);
        model.set(at, value * 16);
      }
      for (const at of [...model.keys(), probe]) {
        expect(directory.entry(at)).toBe(model.get(at) ?? 0);
        expect(look(memory, at)).toBe(model.get(at) ?? 0);
      }
      const released: number[] = [];
      directory.release((at) => released.push(at));
      const present = [...model].filter(([, value]) => value !== 0).map(([at]) => at);
      expect(released).toEqual(present.sort((a, b) => a - b));
      expect(allocator.stats().freeBytes).toBe(8 * FRAME_SIZE);
    }),
  );
});

test('a small directory costs a few bytes, not a chunk', () => {
  const { allocator, directory } = setUp(2);
  directory.setEntry(3, 16);
  expect(allocator.stats().cellBytes.directories).toBeLessThanOrEqual(128);
});

test('cells in a directory: pinned and used ones stay, one that is not entered yet too', () => {
  const { directory } = setUp(2);
  expect(directory.tryEvict(7)).toBe(false);
  directory.setEntry(7, 4096 | ENTRY_PINNED | ENTRY_REFERENCED);
  expect(directory.tryEvict(7)).toBe(false);
  expect(directory.entry(7)).toBe(4096 | ENTRY_PINNED | ENTRY_REFERENCED);
  directory.setPinned(7, false);
  expect(directory.tryEvict(7)).toBe(false);
  expect(directory.entry(7)).toBe(4096);
  expect(directory.cell(7)).toBe(4096);
  expect(directory.tryEvict(7)).toBe(false);
  expect(directory.tryEvict(7)).toBe(true);
  expect(directory.cell(7)).toBe(0);
});

test('under pressure cells come and go, empty chunks with them, and every entry stays right', () => {
  const { allocator, directory, memory } = setUp(4);
  const kind = {
    name: 'cells',
    cellBytes: 4096,
    tryEvict: (page: number, address: number): boolean => {
      expect((directory.entry(page) & ~15) >>> 0 === address || directory.entry(page) === 0).toBe(
        true,
      );
      return directory.tryEvict(page);
    },
  };
  for (let i = 0; i < 2000; i++) {
    const page = (i * 7919) % 40_000;
    const address = allocator.allocate(kind, page);
    memory.u32[address >> 2] = page;
    directory.setEntry(page, address | ENTRY_REFERENCED);
    let present = 0;
    for (let back = 0; i % 10 === 0 && back <= i && back < 70; back++) {
      const other = ((i - back) * 7919) % 40_000;
      const cell = directory.cell(other);
      if (cell !== 0) present++;
      if (cell !== 0) expect(memory.u32[cell >> 2]).toBe(other);
    }
    if (i % 10 === 0) expect(present).toBeGreaterThan(0);
    expect(directory.cell(page)).toBe(address);
  }
});
