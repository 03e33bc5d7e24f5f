/** Places that become free, and pages that are given up at the end: in memory, on disk and in the page file. */
import { expect, test } from 'vitest';
import { UNIT_SIZE } from '../../src/paged/geometry.ts';
import { pageKey } from '../../src/paged/page-map.ts';
import { Disk, Harness, newFileSystem } from './harness.ts';

const none = new Uint32Array(0);
const dimension = 128;

function vectorOf(record: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => record + i / 128);
}

/** One commit of `count` vectors; returns their nodes. */
function append(harness: Harness, count: number, from: number): number[] {
  const [space] = harness.spaces;
  harness.begin();
  const vectors = Array.from({ length: count }, (_, i) => {
    const node = space.place(none, 'append');
    const values = vectorOf(from + i);
    space.put(node, from + i, values);
    return { space: 0, vector: { node, record: from + i, values } };
  });
  harness.commit(vectors);
  return vectors.map(({ vector }) => vector.node);
}

/** Deletes nodes and frees their places, in two commits. */
function free(harness: Harness, nodes: readonly number[]): void {
  const [space] = harness.spaces;
  harness.begin();
  for (const node of nodes) space.setGhost(node, 1);
  harness.commit([]);
  harness.begin();
  for (const node of nodes) space.setFree(node);
  harness.commit([]);
}

/** One commit that gives up the empty pages at the end. */
function drop(harness: Harness, isUndone = false): readonly number[] {
  const [space] = harness.spaces;
  harness.begin();
  const pages = space.dropLast(1000);
  if (isUndone) harness.rollback();
  else {
    for (const page of pages) harness.disk.tree.delete(space.id, pageKey(page, 'states'));
    harness.commit([]);
  }
  return pages;
}

function open(fileSystem = newFileSystem(), disk = new Disk()): Harness {
  return new Harness({ dimension, fileSystem, disk, memoryBytes: 2 ** 22, bits: true });
}

const pagesOf = (harness: Harness): number => harness.spaces[0].counters.pages;

test('a place that became free is given again, and its page is found when no open page is known', async () => {
  const fileSystem = newFileSystem();
  const harness = open(fileSystem);
  const nodes = append(harness, 300, 0);
  const freed = nodes.filter((node) => node % 3 === 0);
  free(harness, freed);
  await harness.checkpoint();
  const pages = pagesOf(harness);
  const again = open(fileSystem, harness.disk);
  expect(again.spaces[0].counters).toMatchObject({ ghosts: 0, nodes: 300 - freed.length });
  again.spaces[0].setCeiling(0);
  again.spaces[0].setCeiling(Number.POSITIVE_INFINITY);
  const given = append(again, freed.length - 40, 1000);
  expect(pagesOf(again)).toBe(pages);
  for (const node of given) {
    expect(again.spaces[0].recordOf(node)).toBeGreaterThanOrEqual(1000);
    expect(nodes.includes(node) && !freed.includes(node)).toBe(false);
  }
  expect(await again.problems()).toEqual([]);
});

test.each([
  ['after a checkpoint', 'before'],
  ['while a checkpoint writes them', 'during'],
  ['before any checkpoint', 'never'],
])('pages are given up %s', async (_name, when) => {
  const fileSystem = newFileSystem();
  const harness = open(fileSystem);
  const nodes = append(harness, 300, 0);
  const pages = pagesOf(harness);
  free(harness, nodes.slice(100));
  if (when === 'before') await harness.checkpoint();
  if (when === 'during') await harness.checkpoint(() => drop(harness));
  else drop(harness);
  const left = pagesOf(harness);
  expect(left).toBeLessThan(pages / 2);
  expect(await harness.problems()).toEqual([]);
  // A crash before the next checkpoint forgets what memory knows.
  const after = open(fileSystem, harness.disk);
  expect(pagesOf(after)).toBe(left);
  expect(await after.problems()).toEqual([]);
  await after.checkpoint();
  expect(await after.problems()).toEqual([]);
  for (const node of nodes.slice(0, 100)) expect(after.spaces[0].readVector(node)[0]).toBe(node);
  // What was given up can be opened again, and be filled with something else.
  append(after, 200, 5000);
  await after.checkpoint();
  expect(pagesOf(after)).toBe(pages);
  expect(await after.problems()).toEqual([]);
});

test('a checkpoint that began before writes pages that were given up since, as they were', async () => {
  const fileSystem = newFileSystem();
  const harness = open(fileSystem);
  const nodes = append(harness, 300, 0);
  free(harness, nodes.slice(100));
  harness.store.freeze(1);
  // A crash may lose the commit that gives them up, and keep the checkpoint.
  const atFreeze = new Disk();
  for (const [key, value] of harness.disk.tree.entries) atFreeze.tree.entries.set(key, value);
  for (const [space, value] of harness.disk.counters) atFreeze.counters.set(space, value);
  const given = drop(harness);
  for (const { hi, lo, value } of await harness.store.write(1)) {
    for (const { tree } of [harness.disk, atFreeze]) tree.set(hi, lo, value as Uint8Array);
  }
  harness.disk.log = [];
  await harness.store.installed(1);
  expect(await harness.problems()).toEqual([]);
  await harness.checkpoint();
  expect(await harness.problems()).toEqual([]);
  const earlier = open(fileSystem, atFreeze);
  expect(await earlier.problems()).toEqual([]);
  const { slotsPerPage } = earlier.spaces[0].geometry;
  for (const page of given) {
    const node = page * slotsPerPage;
    expect(earlier.spaces[0].recordOf(node)).toBe(node);
  }
});

test('when giving pages up is undone, or its checkpoint fails, nothing is lost', async () => {
  const harness = open();
  const nodes = append(harness, 300, 0);
  await harness.checkpoint();
  const pages = pagesOf(harness);
  free(harness, nodes.slice(100));
  expect(drop(harness, true).length).toBeGreaterThan(0);
  expect(pagesOf(harness)).toBe(pages);
  drop(harness);
  harness.store.freeze(2);
  await harness.store.write(2);
  harness.store.failed(new Error('not installed'));
  expect(await harness.problems()).toEqual([]);
  await harness.checkpoint();
  expect(await harness.problems()).toEqual([]);
});

test('the file is cut behind what is used, after pages at its end were written elsewhere', async () => {
  const harness = open();
  const [space] = harness.spaces;
  const nodes = append(harness, 300, 0);
  await harness.checkpoint();
  const lastPage = pagesOf(harness) - 1;
  const { slotsPerPage } = space.geometry;
  // All but the last page become empty: its slices lie at the end of the file.
  free(
    harness,
    nodes.filter((node) => node < lastPage * slotsPerPage),
  );
  const before = harness.store.file.size();
  const beyond = (unit: number): number[] =>
    Array.from({ length: lastPage + 1 }, (_, page) => page).filter((page) =>
      space.relocate(page, unit),
    );
  harness.begin();
  expect(beyond(harness.store.unitsIn(before))).toEqual([]);
  const moved = beyond(1);
  harness.commit([]);
  expect(moved).toContain(lastPage);
  await harness.checkpoint();
  expect(await harness.problems()).toEqual([]);
  expect(harness.store.shrinkFile(0) % UNIT_SIZE).toBe(0);
  expect(harness.store.file.size()).toBe(harness.store.units.limit * UNIT_SIZE);
  for (const node of nodes.filter((one) => one >= lastPage * slotsPerPage)) {
    expect(space.readVector(node)[0]).toBe(node);
  }
  expect(await harness.problems()).toEqual([]);
});

test('while pages are emptied no place on them is given', () => {
  const harness = open();
  const nodes = append(harness, 300, 0);
  free(
    harness,
    nodes.filter((node) => node % 2 === 0),
  );
  const [space] = harness.spaces;
  const { slotsPerPage } = space.geometry;
  space.setCeiling(3);
  const room = 3 * slotsPerPage - nodes.filter((n) => n % 2 === 1 && n < 3 * slotsPerPage).length;
  for (const node of append(harness, room, 2000)) expect(node).toBeLessThan(3 * slotsPerPage);
  expect(space.ceiling).toBe(3);
  // No room is left below: the space grows, and the ceiling is given up.
  expect(append(harness, 1, 3000)[0]).toBeGreaterThanOrEqual(3 * slotsPerPage);
  expect(space.ceiling).toBe(Number.POSITIVE_INFINITY);
});
