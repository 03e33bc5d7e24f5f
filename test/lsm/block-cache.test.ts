import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Block } from '../../src/lsm/block.ts';
import { BlockCache, type BlockOwner } from '../../src/lsm/block-cache.ts';

const FRAME = 64;
const SEGMENT = 64 * FRAME;

/** What a reader does: the block from its slot, or a fresh one filled with its number. */
function fetch(cache: BlockCache, owner: BlockOwner, index: number, length: number): Block {
  const cached = owner.blocks[index];
  if (cached !== undefined) {
    cached.isReferenced = true;
    return cached;
  }
  const block = cache.allocate(length, owner, index);
  block.u8.fill(index, block.start, block.start + length);
  if (block.isCached) owner.blocks[index] = block;
  return block;
}

function holds(block: Block, index: number, length: number): boolean {
  return block.u8.subarray(block.start, block.start + length).every((byte) => byte === index);
}

test('cached and pinned blocks keep their bytes, whatever is asked for in between', () => {
  const step = fc.record({ index: fc.nat(99), pin: fc.boolean(), release: fc.nat(20) });
  // Bytes of a block: a part of a frame, several frames, nearly a segment, more than a segment.
  const lengthOf = (index: number): number => [40, 64, 150, 1000, 4000, 5000][index % 6];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new BlockCache({ bytes: 3 * SEGMENT, frameBytes: FRAME });
      const owner: BlockOwner = { blocks: [] };
      const pinned: { block: Block; index: number }[] = [];
      for (const { index, pin, release } of steps) {
        const block = fetch(cache, owner, index, lengthOf(index));
        expect(holds(block, index, lengthOf(index))).toBe(true);
        if (pin) {
          block.pins++;
          pinned.push({ block, index });
        } else if (release < pinned.length) {
          pinned.splice(release, 1)[0].block.pins--;
        }
        for (const { block, index } of pinned) {
          expect(holds(block, index, lengthOf(index))).toBe(true);
        }
        const { usedBytes, reservedBytes } = cache.stats();
        expect(usedBytes).toBeLessThanOrEqual(reservedBytes);
        expect(reservedBytes).toBeLessThanOrEqual(3 * SEGMENT);
      }
      for (let index = 0; index < 100; index++) {
        const block = owner.blocks[index];
        if (block !== undefined) expect(holds(block, index, lengthOf(index))).toBe(true);
      }
    }),
  );
});

test('what is used again and again outlives a scan', () => {
  const cache = new BlockCache({ bytes: 2 * SEGMENT, frameBytes: FRAME });
  const owner: BlockOwner = { blocks: [] };
  for (let index = 0; index < 1000; index++) {
    fetch(cache, owner, index % 250, FRAME);
    for (let hot = 0; hot < 10; hot++) {
      const block = fetch(cache, owner, hot, FRAME);
      if (index > 200) expect(block.isReferenced).toBe(true);
    }
  }
});

test('a large block takes the frames of neighbouring small ones', () => {
  const cache = new BlockCache({ bytes: SEGMENT, frameBytes: FRAME });
  const owner: BlockOwner = { blocks: [] };
  for (let index = 0; index < 64; index++) fetch(cache, owner, index, FRAME);
  const large = fetch(cache, owner, 64, 10 * FRAME);
  expect(large.isCached).toBe(true);
  expect(owner.blocks.filter((block) => block !== undefined).length).toBe(64 - 10 + 1);
  expect(cache.stats().usedBytes).toBe(SEGMENT);
});

test('memory is reserved only when it is needed', () => {
  const cache = new BlockCache({ bytes: 100 * SEGMENT, frameBytes: FRAME });
  expect(cache.stats().reservedBytes).toBe(0);
  fetch(cache, { blocks: [] }, 0, FRAME);
  expect(cache.stats().reservedBytes).toBe(SEGMENT);
});

test('charges take segments away and give them back', () => {
  const cache = new BlockCache({ bytes: 4 * SEGMENT, frameBytes: FRAME });
  const owner: BlockOwner = { blocks: [] };
  const fill = (): void => {
    for (let index = 0; index < 255; index++) fetch(cache, owner, index, FRAME);
  };
  fill();
  const pinned = fetch(cache, owner, 200, FRAME);
  pinned.pins++;
  expect(cache.stats()).toMatchObject({ usedBytes: 255 * FRAME, reservedBytes: 4 * SEGMENT });

  cache.charge(2.5 * SEGMENT);
  expect(cache.stats()).toMatchObject({ reservedBytes: SEGMENT, chargedBytes: 2.5 * SEGMENT });
  expect(owner.blocks.filter((block) => block !== undefined).length).toBe(64);
  fill();
  expect(holds(pinned, 200, FRAME)).toBe(true);

  cache.charge(100 * SEGMENT);
  expect(cache.stats().reservedBytes).toBe(SEGMENT);
  cache.charge(-102.5 * SEGMENT);
  fill();
  expect(cache.stats().reservedBytes).toBe(4 * SEGMENT);
});

test('a forgotten owner has no blocks, and frames of its pinned ones wait', () => {
  const cache = new BlockCache({ bytes: SEGMENT, frameBytes: FRAME });
  const gone: BlockOwner = { blocks: [] };
  const other: BlockOwner = { blocks: [] };
  for (let index = 0; index < 32; index++) fetch(cache, gone, index, FRAME);
  const pinned = fetch(cache, gone, 7, FRAME);
  pinned.pins++;
  fetch(cache, other, 0, FRAME);
  cache.forget(gone);
  expect(gone.blocks.every((block) => block === undefined)).toBe(true);
  expect(other.blocks[0]).toBeDefined();
  expect(cache.stats().usedBytes).toBe(2 * FRAME);
  for (let index = 100; index < 300; index++) fetch(cache, other, index, FRAME);
  expect(holds(pinned, 7, FRAME)).toBe(true);
});

test('with every frame pinned, blocks are the caller’s alone', () => {
  const cache = new BlockCache({ bytes: SEGMENT, frameBytes: FRAME });
  const owner: BlockOwner = { blocks: [] };
  for (let index = 0; index < 64; index++) fetch(cache, owner, index, FRAME).pins++;
  const block = fetch(cache, owner, 64, FRAME);
  expect(block.isCached).toBe(false);
  expect(owner.blocks[64]).toBeUndefined();
  expect(holds(block, 64, FRAME)).toBe(true);
});
