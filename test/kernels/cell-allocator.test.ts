/** What owners of cells rely on: second chances, pins, frames that change hands, and the budget. */
import { expect, test } from 'vitest';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { FRAME_SIZE } from '../../src/kernels/layout.ts';
import { type CellKind, classBytes, permanentKind } from '../../src/kernels/size-class.ts';
import { plainMemory } from './plain-memory.ts';

/** An owner that notes what it holds; cells in `used` get a second chance, cells in `pinned` stay. */
class Owner implements CellKind {
  readonly name = 'owner';
  readonly cellBytes: number;
  readonly cells = new Map<number, number>();
  readonly used = new Set<number>();
  readonly pinned = new Set<number>();
  readonly evicted: number[] = [];

  constructor(cellBytes: number) {
    this.cellBytes = cellBytes;
  }

  tryEvict(tag: number, address: number): boolean {
    expect(this.cells.get(tag)).toBe(address);
    if (this.pinned.has(tag) || this.used.delete(tag)) return false;
    this.cells.delete(tag);
    this.evicted.push(tag);
    return true;
  }

  add(allocator: CellAllocator, tag: number): void {
    this.cells.set(tag, allocator.allocate(this, tag));
  }
}

function allocatorOf(frames: number): CellAllocator {
  const bytes = (frames + 1) * FRAME_SIZE;
  return new CellAllocator(plainMemory(bytes), 4096, 4096 + frames * FRAME_SIZE);
}

const exhausted = expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' });

test('a cell that was used since the last round of the clock stays, one that was not goes', () => {
  const allocator = allocatorOf(1);
  const owner = new Owner(4096);
  for (let tag = 0; tag < 16; tag++) owner.add(allocator, tag);
  for (let tag = 0; tag < 16; tag++) if (tag !== 5 && tag !== 9) owner.used.add(tag);
  owner.add(allocator, 16);
  owner.add(allocator, 17);
  expect(owner.evicted).toEqual([5, 9]);
});

test('a pinned cell is never taken; when all are pinned the allocator says so', () => {
  const allocator = allocatorOf(2);
  const owner = new Owner(16384);
  for (let tag = 0; tag < 8; tag++) {
    owner.add(allocator, tag);
    owner.pinned.add(tag);
  }
  expect(() => owner.add(allocator, 8)).toThrow(exhausted);
  expect(() => allocator.allocateRun(1)).toThrow(exhausted);
  expect(owner.evicted).toEqual([]);
  owner.pinned.delete(3);
  owner.add(allocator, 8);
  expect(owner.evicted).toEqual([3]);
});

test('tags are given back as unsigned numbers', () => {
  const allocator = allocatorOf(1);
  const owner = new Owner(32768);
  owner.add(allocator, 0xffffffff);
  owner.add(allocator, 0x80000000);
  owner.add(allocator, 1);
  expect(owner.evicted).toEqual([0xffffffff]);
});

test('memory moves from a class that does not use it to one that does', () => {
  const allocator = allocatorOf(8);
  const small = new Owner(1024);
  const large = new Owner(8192);
  for (let tag = 0; tag < 8 * 64; tag++) small.add(allocator, tag);
  for (let tag = 0; tag < 64; tag++) {
    large.add(allocator, tag);
    for (const held of large.cells.keys()) large.used.add(held);
  }
  expect(large.cells.size).toBe(64);
  expect(small.cells.size).toBe(0);
});

test('a few hot cells in each frame do not keep the frames from a class that needs them', () => {
  const allocator = allocatorOf(16);
  const small = new Owner(1024);
  const large = new Owner(8192);
  for (let tag = 0; tag < 16 * 64; tag++) small.add(allocator, tag);
  for (let tag = 0; tag < 100; tag++) {
    for (let hot = 0; hot < 16 * 64; hot += 16) if (small.cells.has(hot)) small.used.add(hot);
    large.add(allocator, tag);
    large.used.add(tag);
  }
  expect(large.cells.size).toBeGreaterThan(12 * 8);
});

test('a class without a frame of its own borrows a larger cell when no frame can be emptied', () => {
  const allocator = allocatorOf(2);
  const large = new Owner(16384);
  for (let tag = 0; tag < 8; tag++) large.add(allocator, tag);
  large.pinned.add(0).add(5);
  const small = new Owner(64);
  for (let tag = 0; tag < 6; tag++) {
    small.add(allocator, tag);
    small.pinned.add(tag);
  }
  expect([...large.cells.keys()].sort()).toEqual([0, 5]);
  expect(() => small.add(allocator, 6)).toThrow(exhausted);
  allocator.free(small, small.cells.get(2)!);
  small.cells.delete(2);
  small.add(allocator, 7);
});

test('a cell larger than a frame takes consecutive frames', () => {
  const allocator = allocatorOf(9);
  const owner = new Owner(69632);
  for (let tag = 0; tag < 8; tag++) owner.add(allocator, tag);
  expect(owner.evicted).toEqual([]);
  owner.add(allocator, 8);
  expect(owner.evicted).toEqual([0]);
});

test('a class that fills frames badly falls back to single frames when none lie together', () => {
  const allocator = allocatorOf(3);
  const filler = new Owner(65536);
  for (let tag = 0; tag < 3; tag++) filler.add(allocator, tag);
  filler.pinned.add(1);
  const owner = new Owner(40960);
  for (let tag = 0; tag < 2; tag++) {
    owner.add(allocator, tag);
    owner.pinned.add(tag);
  }
  expect([...filler.cells.keys()]).toEqual([1]);
  expect(() => owner.add(allocator, 2)).toThrow(exhausted);
});

test('a run takes frames by force from cells that were used, but not from pinned ones', () => {
  const allocator = allocatorOf(4);
  const owner = new Owner(65536);
  for (let tag = 0; tag < 4; tag++) {
    owner.add(allocator, tag);
    owner.used.add(tag);
  }
  owner.pinned.add(3);
  const address = allocator.allocateRun(2 * FRAME_SIZE);
  expect(address % 16).toBe(0);
  expect([...owner.cells.keys()].sort()).toEqual([0, 3]);
  expect(() => allocator.allocateRun(2 * FRAME_SIZE)).toThrow(exhausted);
  allocator.freeRun(address, 2 * FRAME_SIZE);
  expect(allocator.stats().freeBytes).toBeGreaterThanOrEqual(2 * FRAME_SIZE);
});

test('hasFree promises an allocation that takes nothing from anyone', () => {
  const allocator = allocatorOf(1);
  const owner = new Owner(16384);
  for (let tag = 0; tag < 4; tag++) {
    expect(allocator.hasFree(owner)).toBe(true);
    owner.add(allocator, tag);
  }
  expect(allocator.hasFree(owner)).toBe(false);
  allocator.free(owner, owner.cells.get(2)!);
  expect(allocator.hasFree(owner)).toBe(true);
});

test('kinds of one size share frames', () => {
  const allocator = allocatorOf(1);
  for (let kind = 0; kind < 64; kind++) allocator.allocate(permanentKind(`k${kind}`, 1024), 0);
  expect(allocator.stats().freeBytes).toBe(0);
});

test('rounding to classes and the tail of a block cost an eighth at most', () => {
  for (let bytes = 256; bytes <= 8 * FRAME_SIZE; bytes += 16 * (1 + (bytes >> 9))) {
    const allocator = allocatorOf(64);
    const kind = permanentKind('cells', bytes);
    let cells = 0;
    try {
      for (;;) {
        allocator.allocate(kind, 0);
        cells++;
      }
    } catch (error) {
      expect(error).toEqual(exhausted);
    }
    const waste = 1 - (cells * kind.cellBytes) / (64 * FRAME_SIZE);
    expect({ bytes, isWasteful: waste > 0.125 + 0.0625 }).toEqual({ bytes, isWasteful: false });
    expect(classBytes(bytes)).toBeLessThanOrEqual(bytes * (1 + 1 / 16) + 16);
  }
});

test('stats count live cells by kind, runs and free frames', () => {
  const allocator = allocatorOf(4);
  const owner = new Owner(4096);
  owner.add(allocator, 0);
  owner.add(allocator, 1);
  allocator.allocateRun(FRAME_SIZE);
  expect(allocator.stats()).toEqual({
    totalBytes: 4 * FRAME_SIZE,
    freeBytes: 2 * FRAME_SIZE,
    runBytes: FRAME_SIZE,
    cellBytes: { owner: 8192 },
    evictions: 0,
  });
});
