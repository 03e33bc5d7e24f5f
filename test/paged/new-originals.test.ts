/** Originals that wait for a checkpoint, beside the cached slice of their page. */
import { expect, test } from 'vitest';
import { Disk, Harness, isSame, newFileSystem, type Vector } from './harness.ts';

const dimension = 128;
const none = new Uint32Array(0);

function vectorOf(seed: number): Float32Array {
  return Float32Array.from({ length: dimension }, (_, i) => Math.sin(seed * 31 + i));
}

function put(harness: Harness, record: number): Vector {
  const [space] = harness.spaces;
  const node = space.place(none, 'append');
  const values = vectorOf(record);
  space.put(node, record, values);
  return { node, record, values };
}

function append(harness: Harness, record: number): Vector {
  harness.begin();
  const vector = put(harness, record);
  harness.commit([{ space: 0, vector }]);
  return vector;
}

test('a vector on a page that is on disk pins its codes and itself', async () => {
  const harness = new Harness({ dimension });
  const [{ geometry }] = harness.spaces;
  const first = append(harness, 1);
  await harness.checkpoint();
  expect(harness.store.dirtyBytes).toBe(0);
  const second = append(harness, 2);
  expect(harness.store.dirtyBytes).toBe(
    geometry.codeSliceBytes + Math.ceil(geometry.originalStride / 16) * 16,
  );
  for (const { node, values } of [first, second]) {
    expect(isSame(harness.spaces[0].readVector(node), values)).toBe(true);
  }
});

test('a cached slice shows new vectors, and loses those of a rollback', async () => {
  const harness = new Harness({ dimension });
  const [space] = harness.spaces;
  const first = append(harness, 1);
  await harness.checkpoint();
  space.readVector(first.node);
  const cell = (): number => space.columns.originals?.peek(0) ?? 0;
  expect(cell()).not.toBe(0);
  const second = append(harness, 2);
  expect(space.original(second.node)).toBe(cell() + geometryStride(space));
  expect(isSame(space.readVector(second.node), second.values)).toBe(true);
  harness.begin();
  put(harness, 3);
  harness.rollback();
  expect(cell()).toBe(0);
  expect(isSame(space.readVector(second.node), second.values)).toBe(true);
});

test('what is written while a checkpoint writes is in the next one', async () => {
  const disk = new Disk();
  const fileSystem = newFileSystem();
  const harness = new Harness({ disk, fileSystem, dimension });
  const vectors = [append(harness, 1)];
  await harness.checkpoint(
    () => vectors.push(append(harness, 2)),
    () => vectors.push(append(harness, 3)),
  );
  await harness.checkpoint();
  expect(harness.store.dirtyBytes).toBe(0);
  expect(await harness.problems()).toEqual([]);
  const again = new Harness({ disk, fileSystem, dimension });
  for (const { node, values } of vectors) {
    expect(isSame(again.spaces[0].readVector(node), values)).toBe(true);
  }
});

function geometryStride({ geometry }: Harness['spaces'][number]): number {
  return geometry.originalStride;
}
