/** The column of 1-bit codes by itself: its beginning, its recovery, and what a check says of its damage. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { CorruptionError } from '../../src/errors.ts';
import type { BitPages } from '../../src/paged/bit-pages.ts';
import { UNIT_SIZE } from '../../src/paged/geometry.ts';
import { BITS_END, bitsHi, pageKey } from '../../src/paged/page-map.ts';
import { hasBit } from '../../src/paged/slot-states.ts';
import type { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { Disk, directory, Harness, newFileSystem, TRAINED_AT, type Vector } from './harness.ts';

const dimension = 768;
const path = `${directory}/data.pages`;

function open(disk: Disk, fileSystem: MemoryFileSystem): Harness {
  return new Harness({ disk, fileSystem, dimension, bits: true, memoryBytes: 2 ** 21 });
}

/** A commit of so many vectors; returns their nodes. */
function put(harness: Harness, count: number, seed: number): number[] {
  const [space] = harness.spaces;
  const random = seededRandom(seed);
  harness.begin();
  const added: { space: number; vector: Vector }[] = [];
  for (let i = 0; i < count; i++) {
    const values = Float32Array.from({ length: dimension }, () => random() - 0.5);
    const node = space.place(new Uint32Array(0), 'append');
    space.put(node, 100 * seed + i, values);
    added.push({ space: 0, vector: { node, record: 100 * seed + i, values } });
  }
  harness.commit(added);
  return added.map(({ vector }) => vector.node);
}

function bitsOf(harness: Harness): BitPages {
  const { bits } = harness.spaces[0];
  if (bits === undefined) expect.fail('the space has bits');
  return bits;
}

/** Where the slice of the first bit page starts. */
function sliceStart(harness: Harness): number {
  return (bitsOf(harness).checkpoint.place(0)?.unit ?? 0) * UNIT_SIZE;
}

test('bits begin with the commit that trains them, and a rolled back training leaves nothing', () => {
  const harness = open(new Disk(), newFileSystem());
  const [space] = harness.spaces;
  put(harness, TRAINED_AT - 1, 1);
  expect(space.hasBits).toBe(false);
  const bits = bitsOf(harness);
  const pinned = harness.store.dirtyBytes;
  harness.begin();
  for (const _ of bits.train()) expect(space.hasBits).toBe(false);
  expect(bits.trainedEntry.hi).toBe(bitsHi(0));
  harness.rollback();
  expect(space.hasBits).toBe(false);
  expect(bits.column.peek(0)).toBe(0);
  expect(harness.store.dirtyBytes).toBe(pinned);
  put(harness, 1, 2);
  expect(space.hasBits).toBe(true);
});

test('after a crash before the next checkpoint bits are made again, the same ones', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const first = open(disk, fileSystem);
  put(first, 5, 1);
  await first.checkpoint();
  put(first, 40, 2);
  const { column } = bitsOf(first);
  const before = Buffer.from(column.bytes(column.peek(0)).slice());
  first.store.close();
  const second = open(disk, fileSystem.crash(1, 0));
  expect(second.spaces[0].hasBits).toBe(true);
  const after = bitsOf(second).column;
  expect(Buffer.compare(before, after.bytes(after.peek(0)))).toBe(0);
  expect(await second.problems()).toEqual([]);
  await second.checkpoint();
  expect(await second.problems()).toEqual([]);
});

test('a record number is found in the bits when the codes are not in memory', async () => {
  const harness = open(new Disk(), newFileSystem());
  const nodes = put(harness, 20, 3);
  await harness.checkpoint();
  harness.evictAll();
  const [space] = harness.spaces;
  bitsOf(harness).load(0);
  const { reads } = space.stats().codes;
  expect(space.recordOf(nodes[0])).toBe(300);
  expect(space.stats().codes.reads).toBe(reads);
});

test('bits that come back into memory show who has died, or come, since they were there whole', async () => {
  const harness = open(new Disk(), newFileSystem());
  const [space] = harness.spaces;
  const bits = bitsOf(harness);
  // A whole bit page and some.
  const nodes = put(harness, bits.geometry.slotsPerPage + 3, 3);
  await harness.checkpoint();
  const isLive = (node: number): boolean => {
    const page = Math.floor(node / bits.geometry.slotsPerPage);
    return hasBit(bits.masks.of(bits.load(page)), node % bits.geometry.slotsPerPage);
  };
  for (let i = 0; i < 3; i++) {
    harness.evictAll();
    expect(nodes.every(isLive)).toBe(true);
  }
  harness.evictAll();
  harness.begin();
  space.setGhost(nodes[1], 7);
  harness.commit([]);
  expect(isLive(nodes[1])).toBe(false);
  await harness.checkpoint();
  harness.evictAll();
  expect(isLive(nodes[1])).toBe(false);
  expect(isLive(nodes[0])).toBe(true);
  expect(isLive(nodes[nodes.length - 1] + 1)).toBe(false);
  const [added] = put(harness, 1, 4);
  await harness.checkpoint();
  harness.evictAll();
  expect(isLive(added)).toBe(true);
  expect(await harness.problems()).toEqual([]);
});

test('any damaged bit of a slice is noticed when it is loaded, and by a check', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const first = open(disk, fileSystem);
  put(first, 20, 4);
  await first.checkpoint();
  const start = sliceStart(first);
  first.store.close();
  const file = fileSystem.open(path, 'readwrite');
  const byte = new Uint8Array(1);
  for (let offset = 0; offset < UNIT_SIZE; offset += 97) {
    file.readInto(byte, start + offset);
    byte[0] ^= 1 << (offset & 7);
    file.write(byte, start + offset);
    const harness = open(disk, fileSystem);
    expect(() => bitsOf(harness).load(0)).toThrow(CorruptionError);
    expect((await harness.problems()).join()).toContain('PAGE_DAMAGED space 0 bit page 0');
    byte[0] ^= 1 << (offset & 7);
    file.write(byte, start + offset);
  }
});

test('a check compares bits with codes, masks with states, and misses no slice', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const harness = open(disk, fileSystem);
  put(harness, 20, 5);
  const { column, geometry } = bitsOf(harness);
  const cell = column.bytes(column.peek(0));
  cell[geometry.slotsOffset + 3 * geometry.stride + 20] ^= 1;
  expect(await harness.problems()).toEqual([
    'BITS_DIFFER space 0 bit page 0: bits and code of slot 3',
  ]);
  cell[geometry.slotsOffset + 3 * geometry.stride + 20] ^= 1;
  cell[0] ^= 4;
  expect(await harness.problems()).toEqual(['MASKS_DIFFER space 0 bit page 0: live mask of bits']);
  cell[0] ^= 4;
  await harness.checkpoint();
  expect(await harness.problems()).toEqual([]);
  harness.evictAll();
  disk.tree.delete(bitsHi(0), 0);
  expect((await harness.problems()).join()).toContain('PAGE_MISSING space 0 bit page 0');
  disk.tree.set(bitsHi(0), BITS_END, new Uint8Array(3));
  expect(() => open(disk, fileSystem)).toThrow('not a u32');
});

test('a checkpoint writes bits as they were at its freeze, whatever is put meanwhile', async () => {
  const harness = open(new Disk(), newFileSystem());
  const { store, disk } = harness;
  put(harness, 20, 6);
  store.freeze(1);
  const [late] = put(harness, 3, 7);
  const entries = await store.write(1);
  for (const { hi, lo, value } of entries) if (value !== undefined) disk.tree.set(hi, lo, value);
  await store.installed(1);
  const { checkpoint, geometry } = bitsOf(harness);
  const place = checkpoint.place(0);
  if (place === undefined) expect.fail('the bit page was written');
  const slice = new Uint8Array(geometry.sliceBytes);
  store.file.readSlice(place, slice);
  const slotAt = (node: number): Uint8Array => {
    const start = geometry.slotsOffset + node * geometry.stride;
    return slice.subarray(start, start + geometry.stride);
  };
  expect(slotAt(late - 1).some((byte) => byte !== 0)).toBe(true);
  expect(slotAt(late).every((byte) => byte === 0)).toBe(true);
  expect(slice.subarray(0, 4 * geometry.maskWords).every((byte) => byte === 0)).toBe(true);
  expect(await harness.problems()).toEqual([]);
  await harness.checkpoint();
  expect(store.dirtyBytes).toBe(0);
  expect(await harness.problems()).toEqual([]);
});

/** All but the first 60 nodes go, and the pages that are empty then. */
function giveUp(harness: Harness, nodes: readonly number[]): void {
  const [space] = harness.spaces;
  harness.begin();
  for (const node of nodes.slice(60)) space.setGhost(node, 1);
  harness.commit([]);
  harness.begin();
  for (const node of nodes.slice(60)) space.setFree(node);
  harness.commit([]);
  harness.begin();
  const dropped = space.dropLast(1000);
  for (const page of dropped) harness.disk.tree.delete(0, pageKey(page, 'states'));
  harness.commit([]);
}

test.each(['at rest', 'while a checkpoint writes them', 'before any checkpoint'])(
  'bit pages of pages that are given up go, with their units: %s',
  async (when) => {
    const harness = open(new Disk(), newFileSystem());
    const { store } = harness;
    const nodes = put(harness, 180, 8);
    const { checkpoint, column } = bitsOf(harness);
    expect(checkpoint.pagesNeeded).toBeGreaterThan(2);
    if (when === 'at rest') await harness.checkpoint();
    if (when === 'while a checkpoint writes them') {
      store.freeze(1);
      giveUp(harness, nodes);
      for (const { hi, lo, value } of await store.write(1)) {
        if (value !== undefined) harness.disk.tree.set(hi, lo, value);
      }
      await store.installed(1);
      expect(checkpoint.placedEnd).toBeGreaterThan(2);
    } else {
      giveUp(harness, nodes);
    }
    expect(checkpoint.pagesNeeded).toBe(1);
    expect(column.peek(1)).toBe(0);
    expect(await harness.problems()).toEqual([]);
    await harness.checkpoint();
    expect(checkpoint.placedEnd).toBe(1);
    expect(checkpoint.place(1)).toBeUndefined();
    expect(store.dirtyBytes).toBe(0);
    expect(await harness.problems()).toEqual([]);
    // What grows again has bits again.
    put(harness, 90, 9);
    await harness.checkpoint();
    harness.evictAll();
    expect(await harness.problems()).toEqual([]);
  },
);

test('a slice of bits that lies behind a unit is written again before it', async () => {
  const harness = open(new Disk(), newFileSystem());
  put(harness, 20, 10);
  await harness.checkpoint();
  const { checkpoint } = bitsOf(harness);
  const before = checkpoint.place(0)?.unit ?? 0;
  harness.begin();
  expect(harness.spaces[0].relocate(0, before + 1)).toBe(true);
  expect(harness.spaces[0].relocate(0, before + 1)).toBe(false);
  harness.commit([]);
  await harness.checkpoint();
  expect(checkpoint.place(0)?.unit).not.toBe(before);
  expect(await harness.problems()).toEqual([]);
});
