/** Damage in the page file is noticed by whoever reads it, and named by file and offset. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { CorruptionError } from '../../src/errors.ts';
import { UNIT_SIZE } from '../../src/paged/geometry.ts';
import { PAGE_FILE_NAME } from '../../src/paged/page-file.ts';
import type { Places } from '../../src/paged/page-map.ts';
import type { File } from '../../src/storage/file-system.ts';
import type { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { Disk, directory, Harness, newFileSystem, TRAINED_AT } from './harness.ts';

const path = `${directory}/${PAGE_FILE_NAME}`;
const dimension = 512;

interface Scene {
  readonly disk: Disk;
  readonly fileSystem: MemoryFileSystem;
  readonly nodes: number[];
  readonly places: Places;
}

/** A space with one full page on disk. */
async function writeOnePage(): Promise<Scene> {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const harness = new Harness({ disk, fileSystem, dimension });
  const [space] = harness.spaces;
  const random = seededRandom(1);
  const nodes: number[] = [];
  harness.begin();
  for (let i = 0; i < space.geometry.slotsPerPage; i++) {
    const node = space.place(new Uint32Array(0), 'append');
    space.put(node, i, Float32Array.from({ length: dimension }, random));
    nodes.push(node);
  }
  harness.commit([]);
  await harness.checkpoint();
  const places = space.checkpoint.places(0);
  if (places === undefined) expect.fail('the page was written');
  harness.store.close();
  return { disk, fileSystem, nodes, places };
}

function flip(file: File, offset: number, mask: number): void {
  const byte = new Uint8Array(1);
  file.readInto(byte, offset);
  byte[0] ^= mask;
  file.write(byte, offset);
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('any damaged byte of a slice is noticed when the slice is loaded', async () => {
  const { disk, fileSystem, nodes, places } = await writeOnePage();
  const harness = new Harness({ disk, fileSystem, dimension });
  const [space] = harness.spaces;
  const file = fileSystem.open(path, 'readwrite');
  const columns = [
    { place: places.codes, bytes: space.geometry.codeSliceBytes, load: () => space.loadCodes(0) },
    {
      place: places.originals,
      bytes: space.geometry.originalSliceBytes,
      load: () => space.original(nodes[0]),
    },
  ];
  for (const { place, bytes, load } of columns) {
    const start = (place?.unit ?? 0) * UNIT_SIZE;
    for (let i = 0; i < bytes; i++) {
      flip(file, start + i, 1 << (i & 7));
      const error = errorOf(load);
      if (!(error instanceof CorruptionError)) expect.fail(`byte ${i} was not noticed`);
      expect(error.location).toEqual({ file: path, offset: start });
      flip(file, start + i, 1 << (i & 7));
    }
    load();
  }
});

test('any damaged byte of a vector is noticed when it is read alone', async () => {
  const { disk, fileSystem, nodes, places } = await writeOnePage();
  const harness = new Harness({ disk, fileSystem, dimension });
  const [space] = harness.spaces;
  const { allocator } = harness;
  expect(
    errorOf(() => {
      for (;;) allocator.allocateRun(1);
    }),
  ).toBeDefined(); // Memory is full.
  const file = fileSystem.open(path, 'readwrite');
  const { originalStride } = space.geometry;
  const start = (places.originals?.unit ?? 0) * UNIT_SIZE;
  nodes.forEach((node, slot) => {
    const offset = start + slot * originalStride;
    space.readVector(node);
    for (let i = 0; i < originalStride; i++) {
      flip(file, offset + i, 128 >> (i & 7));
      const error = errorOf(() => space.readVector(node));
      if (!(error instanceof CorruptionError)) expect.fail(`byte ${i} was not noticed`);
      expect(error.location).toEqual({ file: path, offset });
      flip(file, offset + i, 128 >> (i & 7));
    }
  });
  expect(space.stats().originals?.bytesRead).toBe(
    originalStride * (space.stats().originals?.reads ?? 0),
  );
});

test('any damaged byte of a vector is noticed when it is read with others', async () => {
  const { disk, fileSystem, nodes, places } = await writeOnePage();
  const harness = new Harness({ disk, fileSystem, dimension });
  const [space] = harness.spaces;
  const { allocator } = harness;
  const entries = allocator.allocateRun(8 * nodes.length);
  expect(
    errorOf(() => {
      for (;;) allocator.allocateRun(1);
    }),
  ).toBeDefined();
  const { u32, f32 } = harness.store.kernels.memory;
  const read = (): void => {
    for (const [i, node] of nodes.entries()) u32[(entries >>> 2) + 2 * i] = node;
    space.originals(entries, nodes.length);
  };
  const file = fileSystem.open(path, 'readwrite');
  const { originalStride } = space.geometry;
  const start = (places.originals?.unit ?? 0) * UNIT_SIZE;
  for (let i = 0; i < nodes.length * originalStride; i++) {
    flip(file, start + i, 128 >> (i & 7));
    const error = errorOf(read);
    if (!(error instanceof CorruptionError)) expect.fail(`byte ${i} was not noticed`);
    expect(error.location).toEqual({ file: path, offset: start + i - (i % originalStride) });
    flip(file, start + i, 128 >> (i & 7));
  }
  read();
  for (const [i, node] of nodes.entries()) {
    const address = u32[(entries >>> 2) + 2 * i + 1];
    const vector = f32.slice(address >>> 2, (address >>> 2) + dimension);
    expect(vector).toEqual(space.readVector(node));
  }
});

test('a slice in the place of another one is noticed', async () => {
  const { disk, fileSystem, nodes, places } = await writeOnePage();
  const file = fileSystem.open(path, 'readwrite');
  const harness = new Harness({ disk, fileSystem, dimension });
  const [space] = harness.spaces;
  const slot = new Uint8Array(space.geometry.originalStride);
  const start = (places.originals?.unit ?? 0) * UNIT_SIZE;
  file.readInto(slot, start);
  file.write(slot, start + slot.length);
  expect(
    errorOf(() => {
      for (;;) harness.allocator.allocateRun(1);
    }),
  ).toBeDefined();
  expect(() => space.readVector(nodes[1])).toThrow(CorruptionError);
  space.readVector(nodes[0]);
});

test('a short or missing page file is corruption', async () => {
  const { disk, fileSystem, nodes } = await writeOnePage();
  const file = fileSystem.open(path, 'readwrite');
  file.truncate(file.size() - UNIT_SIZE);
  const short = new Harness({ disk, fileSystem, dimension });
  expect(() => short.spaces[0].readVector(nodes[0])).toThrow('ends within a slice');
  const missing = new Harness({ disk, dimension });
  expect(() => missing.spaces[0].loadCodes(0)).toThrow('page file is missing');
});

test('a page that nothing knows of is corruption', async () => {
  const { disk, fileSystem } = await writeOnePage();
  const harness = new Harness({ disk, fileSystem, dimension });
  expect(() => harness.spaces[0].loadCodes(1)).toThrow(CorruptionError);
  expect(() => harness.spaces[0].original(10_000)).toThrow(CorruptionError);
});

test('check names what is damaged', async () => {
  const { disk, fileSystem, places } = await writeOnePage();
  const file = fileSystem.open(path, 'readwrite');
  flip(file, (places.originals?.unit ?? 0) * UNIT_SIZE + 5, 1);
  const harness = new Harness({ disk, fileSystem, dimension });
  expect(await harness.problems()).toEqual([
    expect.stringMatching(/^PAGE_DAMAGED space 0 page 0 originals: .*checksum/),
  ]);
});

test('a page that memory has no room for is not reported as damaged', async () => {
  const harness = new Harness({ dimension, bits: true });
  const [space] = harness.spaces;
  harness.begin();
  for (let i = 0; i < TRAINED_AT; i++) {
    const node = space.place(new Uint32Array(0), 'append');
    space.put(node, i, new Float32Array(dimension).fill(i));
  }
  harness.commit([]);
  await harness.checkpoint();
  const held: number[] = [];
  const take = (): void => {
    for (;;) held.push(harness.allocator.allocateRun(1));
  };
  expect(take).toThrow('no room');
  // Bits are compared with their codes, which have to be loaded.
  await expect(harness.problems()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  for (const address of held) harness.allocator.freeRun(address, 1);
  expect(await harness.problems()).toEqual([]);
});
