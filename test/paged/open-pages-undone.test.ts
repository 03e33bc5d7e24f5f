/** What is known of pages with room outlives plans that are undone, and a reopening. */
import { expect, test } from 'vitest';
import { Disk, Harness, newFileSystem } from './harness.ts';

const none = new Uint32Array(0);
const dimension = 128;

function put(harness: Harness, count: number): number[] {
  const [space] = harness.spaces;
  const values = new Float32Array(dimension);
  return Array.from({ length: count }, (_, record) => {
    const node = space.place(none, 'append');
    space.put(node, record, values);
    return node;
  });
}

/** One commit of `count` vectors; returns their nodes. */
function append(harness: Harness, count: number): number[] {
  harness.begin();
  const nodes = put(harness, count);
  const values = new Float32Array(dimension);
  harness.commit(nodes.map((node, record) => ({ space: 0, vector: { node, record, values } })));
  return nodes;
}

function undone(harness: Harness, count: number): void {
  harness.begin();
  put(harness, count);
  harness.rollback();
}

/** Opened again, with `free` free slots on the last of pages that are full else. */
async function reopened(free: number): Promise<{ harness: Harness; slots: number }> {
  const files = newFileSystem();
  const disk = new Disk();
  const before = new Harness({ dimension, fileSystem: files, disk, memoryBytes: 2 ** 22 });
  const slots = before.spaces[0].geometry.slotsPerPage;
  append(before, 20 * slots - free);
  await before.checkpoint();
  const harness = new Harness({ dimension, fileSystem: files, disk, memoryBytes: 2 ** 22 });
  return { harness, slots };
}

test('a page with room is known after the first plan was undone', async () => {
  const { harness } = await reopened(2);
  const [space] = harness.spaces;
  undone(harness, 1);
  append(harness, 2);
  expect(space.counters.pages).toBe(20);
});

test('places that become free before any is taken do not hide the others', async () => {
  const { harness, slots } = await reopened(1);
  const [space] = harness.spaces;
  harness.begin();
  space.setGhost(3, 1);
  harness.commit([]);
  harness.begin();
  space.setFree(3);
  harness.commit([]);
  expect(append(harness, 2).sort((a, b) => a - b)).toEqual([3, 20 * slots - 1]);
});

test('a ceiling that a plan had to lift is there again when the plan is undone', async () => {
  const { harness, slots } = await reopened(1);
  const [space] = harness.spaces;
  space.setCeiling(10);
  undone(harness, slots);
  expect(space.ceiling).toBe(10);
});
