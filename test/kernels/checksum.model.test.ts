/** Checksums of originals in the module's memory against those that writers keep, made by the hasher. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { createKernels } from '../../src/kernels/kernels.ts';
import { METRIC_L2 } from '../../src/kernels/layout.ts';
import { BumpMemory, MemorySpace } from './memory-space.ts';

const hasher = await loadHasher();
const bump = new BumpMemory(createKernels(1 << 20));
const { exports, memory } = bump.kernels;

interface Read {
  readonly node: number;
  readonly bytes: Uint8Array;
  /** Whether it lies where reads lie; others are not looked at. */
  readonly isRead: boolean;
  /** A bit of vector and checksum that is wrong. */
  readonly flipped: number | undefined;
}

const scene = fc.integer({ min: 1, max: 70 }).chain((dimension) => {
  const read = fc.record({
    node: fc.nat({ max: 0xffffffff }),
    bytes: fc.uint8Array({ minLength: 4 * dimension, maxLength: 4 * dimension }),
    isRead: fc.boolean(),
    flipped: fc.option(fc.nat({ max: 32 * dimension + 31 }), { nil: undefined, freq: 8 }),
  });
  return fc.record({ dimension: fc.constant(dimension), reads: fc.array(read, { maxLength: 11 }) });
});

function write(at: number, { node, bytes, flipped }: Read): void {
  memory.u8.set(bytes, at);
  memory.u32[(at + bytes.length) >>> 2] = hasher.hash32(bytes, node);
  if (flipped !== undefined) memory.u8[at + (flipped >>> 3)] ^= 1 << (flipped & 7);
}

test('whole words hashed in place are what the hasher says', () => {
  const bytes = fc
    .nat({ max: 40 })
    .chain((stripes) => fc.uint8Array({ minLength: 16 * stripes, maxLength: 16 * stripes }));
  fc.assert(
    fc.property(bytes, fc.nat({ max: 0xffffffff }), (array, seed) => {
      bump.reset();
      const address = bump.take(array.length + 16);
      memory.u8.set(array, address);
      const found = exports.checksum(address, array.length, seed) >>> 0;
      expect(found).toBe(hasher.hash32(array, seed));
    }),
  );
});

test('the first of the originals that were read, and are not what their writers said, is found', () => {
  fc.assert(
    fc.property(scene, ({ dimension, reads }) => {
      bump.reset();
      const options = { dimension, metric: METRIC_L2, slotsPerPage: 3, nodes: 1 };
      const space = new MemorySpace(bump, options);
      const stride = 4 * dimension + 4;
      const entries = bump.take(8 * reads.length + 8);
      const elsewhere = bump.take(stride * reads.length + 16);
      const start = bump.take(stride * reads.length + 16);
      for (const [i, read] of reads.entries()) {
        // Any multiple of four: vectors lie as they do on disk.
        const address = (read.isRead ? start : elsewhere) + i * stride;
        write(address, read);
        memory.u32.set([read.node, address], entries / 4 + 2 * i);
      }
      const end = start + stride * reads.length;
      const wrong = reads.findIndex(({ isRead, flipped }) => isRead && flipped !== undefined);
      const found = exports.checkOriginals(space.address, entries, reads.length, start, end);
      expect(found).toBe(wrong < 0 ? reads.length : wrong);
    }),
  );
});
