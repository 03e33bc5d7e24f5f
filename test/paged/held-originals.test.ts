/** A search measures several originals by their addresses: nothing may move or overwrite them meanwhile. */
import { expect, test } from 'vitest';
import { permanentKind } from '../../src/kernels/size-class.ts';
import type { Geometry } from '../../src/paged/geometry.ts';
import { Harness } from './harness.ts';

const dimension = 128;

/** One page more than the directories of a small space have entries for. */
const PAGES = 17;

/** Every slot of the first pages, on disk. */
async function filled(): Promise<Harness> {
  const harness = new Harness({ dimension, memoryBytes: 2 ** 21 });
  const [space] = harness.spaces;
  while (space.counters.pages < PAGES) {
    harness.begin();
    const node = space.place(new Uint32Array(0), 'append');
    const values = Float32Array.from({ length: dimension }, (_, i) => node + i);
    space.put(node, node, values);
    harness.commit([{ space: 0, vector: { node, record: node, values } }]);
    if (harness.store.dirtyBytes > 2 ** 19) await harness.checkpoint();
  }
  await harness.checkpoint();
  harness.evictAll();
  return harness;
}

/** Leaves no room but one whole frame. */
function leaveOneFrame({ allocator }: Harness, cellBytes: readonly number[]): void {
  const runs: number[] = [];
  while (allocator.stats().freeBytes > 0) runs.push(allocator.allocateRun(1));
  for (const kind of cellBytes.map((bytes) => permanentKind('taken', bytes))) {
    while (allocator.hasFree(kind)) allocator.allocate(kind, 0);
  }
  allocator.freeRun(runs[0], 1);
}

test('an original that is read into the last free memory leaves others where they are', async () => {
  const harness = await filled();
  const [space] = harness.spaces;
  const { slotsPerPage, originalStride }: Geometry = space.geometry;
  const { u8 } = harness.store.kernels.memory;
  const bytesAt = (address: number): Buffer =>
    Buffer.from(u8.slice(address, address + originalStride));
  const first = space.original(0);
  const before = bytesAt(first);
  expect(space.columns.originals?.peek(0)).toBe(first);
  leaveOneFrame(harness, [space.columns.originals?.cellBytes ?? 0, 64, 256]);
  const last = space.original(slotsPerPage * (PAGES - 1));
  expect(space.columns.originals?.peek(0)).toBe(first);
  expect(bytesAt(first)).toEqual(before);
  expect(harness.store.kernels.memory.f32[last >>> 2]).toBe(slotsPerPage * (PAGES - 1));
});

test('memory of originals, which workers read, is given to another use only after they have settled', async () => {
  const harness = await filled();
  const [space] = harness.spaces;
  const { allocator } = harness;
  const address = space.original(0);
  expect(space.columns.originals?.peek(0)).toBe(address);
  let isForgotten = false;
  const taken: number[] = [];
  allocator.readers = {
    isReading: true,
    forgot: () => {
      isForgotten = true;
    },
    settle: () => {
      isForgotten = false;
    },
  };
  space.columns.originals?.drop(0);
  expect(isForgotten).toBe(true);
  while (!taken.includes(address)) {
    const kind = permanentKind('taken', space.columns.originals?.cellBytes ?? 0);
    taken.push(allocator.allocate(kind, 0));
    expect(isForgotten).toBe(false);
  }
});
