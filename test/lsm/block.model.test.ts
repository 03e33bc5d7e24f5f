/** Blocks against the entries that they were built from, and against bytes that nobody built. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  allocateBlock,
  type Block,
  blockHi,
  blockKind,
  blockSequence,
  blockValueEnd,
  blockValueStart,
  openBlock,
  seekBlock,
} from '../../src/lsm/block.ts';
import { BlockBuilder } from '../../src/lsm/block-builder.ts';
import { compareKeys } from '../../src/lsm/entry.ts';
import { keyHalf, sortedEntries } from './arbitrary-entries.ts';
import type { Entry } from './array-cursor.ts';

const builder = new BlockBuilder();

function build(entries: readonly Entry[]): Uint8Array {
  builder.clear();
  for (const { hi, lo, sequence, kind, value } of entries) {
    const expected = builder.sizeAfter(hi, sequence, value.length);
    builder.add(hi, lo, sequence, kind, value);
    expect(builder.size).toBe(expected);
  }
  const bytes = new Uint8Array(builder.size);
  builder.write(bytes);
  return bytes;
}

function open(bytes: Uint8Array): Block | string {
  const block = allocateBlock(bytes.length);
  block.u8.set(bytes);
  return openBlock(block, bytes.length) ?? block;
}

function read(block: Block): Entry[] {
  return Array.from({ length: block.count }, (_, i) => ({
    hi: blockHi(block, i),
    lo: block.u32[block.keyLo + i],
    sequence: blockSequence(block, i),
    kind: blockKind(block, i),
    value: block.u8.slice(blockValueStart(block, i), blockValueEnd(block, i)),
  }));
}

test('a block gives back its entries and finds its keys', () => {
  fc.assert(
    fc.property(sortedEntries, keyHalf, keyHalf, (entries, hi, lo) => {
      const block = open(build(entries));
      if (typeof block === 'string') throw new Error(block);
      expect(read(block)).toEqual(entries);
      const found = entries.findIndex((e) => compareKeys(e.hi, e.lo, hi, lo) >= 0);
      expect(seekBlock(block, hi, lo)).toBe(found < 0 ? entries.length : found);
    }),
  );
});

test('keys with few gaps and many versions are found', () => {
  const keys = fc.array(fc.tuple(fc.constantFrom(1, 1, 1, 2, 3), fc.integer({ min: 1, max: 3 })), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(keys, (gaps) => {
      let lo = 0;
      const entries = gaps.flatMap(([gap, versions]): Entry[] => {
        lo += gap;
        const value = new Uint8Array(0);
        return Array.from({ length: versions }, (_, i) => {
          return { hi: 4, lo, sequence: versions - i, kind: 3, value };
        });
      });
      const block = open(build(entries));
      if (typeof block === 'string') throw new Error(block);
      for (let wanted = 0; wanted <= lo + 1; wanted++) {
        const found = entries.findIndex((e) => e.lo >= wanted);
        expect(seekBlock(block, 4, wanted)).toBe(found < 0 ? entries.length : found);
      }
    }),
  );
});

test('high halves that do not vary are not columns', () => {
  const at = (hi: number, sequence: number): Entry => {
    return { hi, lo: 1, sequence, kind: 3, value: new Uint8Array(0) };
  };
  expect(build([at(4, 9), at(4, 8)]).length).toBe(16 + 2 * 13);
  expect(build([at(4, 2 ** 40 + 1), at(4, 2 ** 40)]).length).toBe(16 + 2 * 13);
  expect(build([at(4, 9), at(5, 9)]).length).toBe(16 + 2 * 17);
  expect(build([at(4, 2 ** 40), at(4, 9)]).length).toBe(16 + 2 * 17);
});

test('bytes that nobody built are refused or read without leaving the block', () => {
  const places = fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(sortedEntries, places, fc.nat(), (entries, changes, cut) => {
      const bytes = build(entries.slice(0, 6));
      for (const { at, to } of changes) bytes[at % bytes.length] = to;
      const damaged = bytes.subarray(0, bytes.length - (cut % 3 === 0 ? cut % bytes.length : 0));
      const block = open(damaged);
      if (typeof block === 'string') return;
      for (const { kind, value } of read(block)) {
        expect([1, 2, 3]).toContain(kind);
        expect(value.length).toBeLessThanOrEqual(damaged.length);
      }
      expect(blockValueEnd(block, block.count - 1)).toBe(damaged.length);
    }),
    { numRuns: 3000 },
  );
});

test('each kind of damage is told apart', () => {
  const deletes = [1, 2, 3].map(
    (lo): Entry => ({ hi: 0, lo, sequence: 5, kind: 3, value: new Uint8Array(0) }),
  );
  const damaged = (position: number, value: number): Block | string => {
    const bytes = build(deletes);
    bytes[position] = value;
    return open(bytes);
  };
  expect(open(new Uint8Array(12))).toMatch(/shorter than its header/);
  expect(damaged(0, 0)).toMatch(/impossible entry count/);
  expect(damaged(3, 200)).toMatch(/impossible entry count/);
  expect(damaged(4, 4)).toMatch(/unknown block flags/);
  expect(damaged(4, 3)).toMatch(/columns longer than the block/);
  expect(damaged(15, 1)).toMatch(/impossible sequence number/);
  expect(damaged(16, 9)).toMatch(/out of order/);
  expect(damaged(44, 1)).toMatch(/value ends before/);
  expect(damaged(48, 1)).toMatch(/do not fill/);
  expect(damaged(52, 0)).toMatch(/unknown entry kind/);
});
