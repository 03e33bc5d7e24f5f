import { expect, test } from 'vitest';
import { Pace } from '../../src/base/pace.ts';
import { seededRandom } from '../../src/base/random.ts';
import { PAGE_FILE_NAME } from '../../src/paged/page-file.ts';
import { FREE_UNITS_HI, type TreeEntry } from '../../src/paged/page-map.ts';
import type { PagedSpace } from '../../src/paged/paged-space.ts';
import type { PlacePolicy } from '../../src/paged/place-policy.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import {
  Disk,
  directory,
  Harness,
  isSame,
  isSorted,
  newFileSystem,
  type Vector,
} from './harness.ts';

const dimension = 768; // Five slots a page.
const none = new Uint32Array(0);

function vectorOf(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: dimension }, () => random() - 0.5);
}

/** One commit of `count` vectors, one after the other. */
function append(harness: Harness, count: number, seed = 1, spaceId = 0): Vector[] {
  const space = harness.spaces[spaceId];
  harness.begin();
  const vectors = Array.from({ length: count }, (_, i) => {
    const node = space.place(none, 'append');
    const values = vectorOf(seed + i);
    space.put(node, seed + i, values);
    return { node, record: seed + i, values };
  });
  harness.commit(vectors.map((vector) => ({ space: spaceId, vector })));
  return vectors;
}

function bytesOf(fileSystem: FileSystem): Buffer {
  const file = fileSystem.open(`${directory}/${PAGE_FILE_NAME}`, 'read');
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  return Buffer.from(bytes);
}

test('opening reads nothing; a vector is read from its page alone', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const first = new Harness({ disk, fileSystem, dimension });
  const vectors = append(first, 40);
  await first.checkpoint();
  const counting = new CountingFileSystem(fileSystem);
  const second = new Harness({ disk, fileSystem: counting, dimension });
  expect(counting.total('read').calls).toBe(0);
  expect(second.spaces[0].counters).toEqual({ pages: 8, nodes: 40, live: 40, ghosts: 0 });
  expect(isSame(second.spaces[0].readVector(vectors[17].node), vectors[17].values)).toBe(true);
  const { calls, bytes } = counting.total('read');
  expect([calls, bytes]).toEqual([1, second.spaces[0].geometry.originalSliceBytes]);
});

test('the entries of a checkpoint are sorted, and name every dirty page once', async () => {
  const harness = new Harness({ dimension, spaces: 2 });
  append(harness, 12, 1, 1);
  append(harness, 12, 50, 0);
  harness.store.freeze(1);
  const entries: readonly TreeEntry[] = await harness.store.write(1);
  expect(isSorted(entries)).toBe(true);
  const keys = entries.map(({ hi, lo }) => `${hi} ${lo}`);
  const open = 0xffffffff;
  const units = [`${FREE_UNITS_HI} 0`, `${FREE_UNITS_HI} ${open}`];
  expect(keys).toEqual([
    '0 0',
    '0 2',
    '0 4',
    `0 ${open - 1}`,
    `0 ${open}`,
    '1 0',
    '1 2',
    '1 4',
    `1 ${open - 1}`,
    `1 ${open}`,
    ...units,
  ]);
  await harness.store.installed(1);
  expect(harness.store.dirtyBytes).toBe(0);
  expect(await harness.store.write.call(frozen(harness), 2)).toEqual([]);
});

function frozen(harness: Harness): Harness['store'] {
  harness.store.freeze(2);
  return harness.store;
}

test('a checkpoint writes pages as they were when it was frozen, whatever is changed meanwhile', async () => {
  const files: Buffer[] = [];
  for (const during of [0, 2]) {
    const fileSystem = newFileSystem();
    const harness = new Harness({ dimension, fileSystem });
    append(harness, 13);
    harness.store.freeze(1);
    if (during > 0) append(harness, during, 100);
    await harness.store.write(1);
    await harness.store.installed(1);
    files.push(bytesOf(fileSystem));
    expect(harness.allocator.stats().cellBytes['frozen pages'] ?? 0).toBe(0);
  }
  expect(files[0].equals(files[1])).toBe(true);
});

test('masks are zero on disk', async () => {
  const fileSystem = newFileSystem();
  const harness = new Harness({ dimension, fileSystem });
  append(harness, 5);
  await harness.checkpoint();
  const [space] = harness.spaces;
  const unit = space.checkpoint.places(0)?.codes?.unit ?? -1;
  const head = bytesOf(fileSystem).subarray(
    unit * 4096,
    unit * 4096 + 8 * space.geometry.maskWords,
  );
  expect([...head]).toEqual(Array.from(head, () => 0));
});

test('ghosts make no page dirty', async () => {
  const harness = new Harness({ dimension });
  const vectors = append(harness, 5);
  await harness.checkpoint();
  harness.evictAll();
  harness.begin();
  harness.spaces[0].setGhost(vectors[2].node, 77);
  const [[page]] = harness.spaces[0].changedStates();
  harness.commit([]);
  expect(page).toBe(0);
  expect(harness.store.dirtyBytes).toBe(0);
  expect(harness.spaces[0].isLive(vectors[2].node)).toBe(false);
  harness.spaces[0].loadCodes(0);
  expect(harness.spaces[0].isLive(vectors[2].node)).toBe(false);
  expect(harness.spaces[0].counters).toMatchObject({ live: 4, ghosts: 1 });
});

test('open pages are known again after a reopen', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  append(new Harness({ disk, fileSystem, dimension }), 3);
  for (const isWritten of [false, true]) {
    const harness = new Harness({ disk, fileSystem, dimension });
    if (isWritten) await harness.checkpoint();
    const again = new Harness({ disk, fileSystem, dimension });
    again.begin();
    expect(again.spaces[0].place(none, 'append')).toBe(3);
    again.rollback();
  }
});

test('units replaced by a checkpoint are used by the next one, but not while they are retained', async () => {
  const harness = new Harness({ dimension });
  const takenBytes: number[] = [];
  const round = async (): Promise<void> => {
    append(harness, 1);
    await harness.checkpoint();
    takenBytes.push(harness.store.stats().takenBytes);
  };
  await round();
  const pageBytes = takenBytes[0];
  await round();
  await round();
  expect(harness.store.stats().fileBytes).toBe(2 * pageBytes);
  const retention = harness.store.retain();
  await round();
  await round();
  expect(takenBytes).toEqual([1, 1, 1, 2, 3].map((pages) => pages * pageBytes));
  expect(harness.store.stats().heldBytes).toBe(2 * pageBytes);
  retention.release();
  retention.release();
  expect(harness.store.stats()).toMatchObject({ takenBytes: pageBytes, heldBytes: 0 });
  expect(await harness.problems()).toEqual([]);
});

test('a long checkpoint lets the event loop run', async () => {
  // Every piece is as long as a slice may be.
  class Restless extends Pace {
    override get sliceMs(): number {
      return 0;
    }
  }
  const harness = new Harness({ dimension, memoryBytes: 2 ** 23, pace: new Restless() });
  append(harness, 1200); // 240 pages of 20 KB.
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await harness.checkpoint();
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(4);
});

test('an insert that finds no memory changes nothing', async () => {
  const harness = new Harness({ dimension, memoryBytes: 8 * 65536 });
  const [space] = harness.spaces;
  const vectors: Vector[] = [];
  expect(() => {
    for (;;) vectors.push(...append(harness, 1, vectors.length));
  }).toThrow('no room');
  harness.rollback();
  expect(vectors.length).toBeGreaterThan(10);
  expect(space.counters.nodes).toBe(vectors.length);
  await harness.checkpoint();
  vectors.push(...append(harness, 1, 1000));
  for (const { node, values } of vectors) expect(isSame(space.readVector(node), values)).toBe(true);
  expect(await harness.problems()).toEqual([]);
});

test('a checkpoint may end while a plan is under way, whatever becomes of both', async () => {
  for (const isInstalled of [false, true]) {
    for (const isCommit of [false, true]) {
      const disk = new Disk();
      const harness = new Harness({ disk, dimension });
      const [space] = harness.spaces;
      const vectors = append(harness, 3);
      harness.store.freeze(1);
      const entries = await harness.store.write(1);
      harness.begin();
      const values = vectorOf(99);
      const node = space.place(none, 'append');
      space.put(node, 99, values);
      if (isInstalled) {
        for (const { hi, lo, value } of entries) disk.tree.set(hi, lo, value as Uint8Array);
        await harness.store.installed(1);
      } else {
        harness.store.failed(new Error('the version was not installed'));
      }
      if (isCommit) vectors.push({ node, record: 99, values });
      if (isCommit) harness.commit([]);
      else harness.rollback();
      harness.evictAll();
      for (const vector of vectors) {
        expect(isSame(space.readVector(vector.node), vector.values)).toBe(true);
        expect(space.recordOf(vector.node)).toBe(vector.record);
      }
      expect(harness.store.dirtyBytes > 0).toBe(isCommit || !isInstalled);
      expect(await harness.problems()).toEqual([]);
    }
  }
});

/** Vectors arrive in `clusters` groups at random; neighbours of a vector are the last ones of its group. */
function fillInClusters(space: PagedSpace, harness: Harness, policy: PlacePolicy): number[] {
  const random = seededRandom(5);
  const clusters: number[][] = Array.from({ length: 40 }, () => []);
  const values = vectorOf(1);
  for (let i = 0; i < 2000; i++) {
    const cluster = clusters[Math.floor(random() * clusters.length)];
    harness.begin();
    const node = space.place(Uint32Array.from(cluster.slice(-8).reverse()), policy);
    space.put(node, i, values);
    harness.commit([]);
    cluster.push(node);
  }
  const pages = clusters.map((nodes) => new Set(nodes.map((node) => Math.floor(node / 5))).size);
  return pages;
}

test.each<PlacePolicy>(['affinity', 'section', 'append', 'random'])(
  'with the policy %s pages are at least four fifths full',
  (policy) => {
    const harness = new Harness({ dimension, memoryBytes: 2 ** 24 });
    fillInClusters(harness.spaces[0], harness, policy);
    expect(harness.spaces[0].stats().fill).toBeGreaterThanOrEqual(0.8);
  },
);

test('affinity gathers neighbours on fewer pages than append and random', () => {
  const pages = (policy: PlacePolicy): number => {
    const harness = new Harness({ dimension, memoryBytes: 2 ** 24 });
    return fillInClusters(harness.spaces[0], harness, policy).reduce((sum, count) => sum + count);
  };
  const affinity = pages('affinity');
  // 2000 vectors need 400 pages at the least; append and random spread a cluster over one page a vector.
  expect(affinity).toBeLessThan(900);
  expect(pages('section')).toBeLessThan(1000);
  expect(pages('append')).toBeGreaterThan(1700);
  expect(pages('random')).toBeGreaterThan(1700);
});

/** Takes the page out of memory, and nothing else: where it is on disk stays known. */
function unload(harness: Harness, page: number): void {
  const { codes, originals } = harness.spaces[0].columns;
  codes.drop(page);
  originals?.drop(page);
}

test('a page that a checkpoint has moved is read from where it is now', async () => {
  const harness = new Harness({ dimension });
  const [space] = harness.spaces;
  const vectors = append(harness, 3);
  await harness.checkpoint();
  for (let round = 0; round < 3; round++) {
    unload(harness, 0);
    for (const { node, record, values } of vectors) {
      expect(space.recordOf(node)).toBe(record);
      expect(space.readVector(node)).toEqual(values);
    }
    if (round === 2) break;
    const places = space.checkpoint.places(0);
    vectors.push(...append(harness, 1, 50 + round));
    space.columns.originals?.drop(0);
    expect(space.readVector(vectors[0].node)).toEqual(vectors[0].values);
    await harness.checkpoint();
    expect(space.checkpoint.places(0)).not.toEqual(places);
  }
});

test('a page that was given up and opened again is not what it was', async () => {
  const harness = new Harness({ dimension });
  const [space] = harness.spaces;
  const before = append(harness, 5);
  await harness.checkpoint();
  unload(harness, 0);
  space.loadCodes(0);
  harness.begin();
  for (const { node } of before) space.setGhost(node, 9);
  for (const { node } of before) space.setFree(node);
  expect(space.dropLast(1)).toEqual([0]);
  harness.commit([]);
  await harness.checkpoint();
  const [after] = append(harness, 1, 70);
  await harness.checkpoint();
  unload(harness, 0);
  expect(before.map(({ node }) => space.isLive(node))).toEqual([true, false, false, false, false]);
  space.loadCodes(0);
  expect(before.map(({ node }) => space.isLive(node))).toEqual([true, false, false, false, false]);
  expect(space.recordOf(after.node)).toBe(70);
});

test('a page whose slots all lived shows a ghost that came while it was not in memory', async () => {
  const harness = new Harness({ dimension });
  const [space] = harness.spaces;
  const vectors = append(harness, 5);
  await harness.checkpoint();
  const living = (): boolean[] => {
    unload(harness, 0);
    space.loadCodes(0);
    return vectors.map(({ node }) => space.isLive(node));
  };
  // The second time it is known already.
  expect([living(), living()]).toEqual([Array(5).fill(true), Array(5).fill(true)]);
  unload(harness, 0);
  harness.begin();
  space.setGhost(vectors[3].node, 9);
  expect(living()).toEqual([true, true, true, false, true]);
  harness.commit([]);
  expect(living()).toEqual([true, true, true, false, true]);
  harness.begin();
  space.setGhost(vectors[1].node, 10);
  space.rollbackPlan();
  expect(living()).toEqual([true, true, true, false, true]);
});
