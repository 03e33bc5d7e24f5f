/** The operator `pairs` against JavaScript sets, its laws, and its bytes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { findMergeOperator } from '../../src/lsm/merge-operators.ts';
import { pairMerge } from '../../src/lsm/pair-merge.ts';
import {
  encodePairOperand,
  encodePairs,
  type PairSet,
  pairCount,
  readPairOperand,
  readPairs,
} from '../../src/lsm/pair-set.ts';

const LARGE = 0xffffffff;
const word = fc.oneof(fc.nat(3), fc.constantFrom(LARGE, LARGE - 1, 0x80000000));
const pair = fc.tuple(word, word).map(([high, low]) => `${high}:${low}`);
const pairs = fc.uniqueArray(pair, { maxLength: 10 });
const operand = fc.tuple(pairs, pairs).map(([added, removed]) => ({
  added,
  removed: removed.filter((one) => !added.includes(one)),
}));
const operands = fc.array(operand, { minLength: 1, maxLength: 7 });

function toSet(names: Iterable<string>): PairSet {
  const all = [...names]
    .map((name) => name.split(':').map(Number))
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const high = Uint32Array.from(all, ([first]) => first);
  return { high, low: Uint32Array.from(all, ([, second]) => second), count: all.length };
}

function toNames(set: PairSet | undefined): string[] {
  if (set === undefined) return ['malformed'];
  return Array.from({ length: set.count }, (_, i) => `${set.high[i]}:${set.low[i]}`);
}

const encoded = ({ added, removed }: { added: string[]; removed: string[] }): Uint8Array =>
  encodePairOperand({ added: toSet(added), removed: toSet(removed) });

test('a merge is the operands applied one by one', () => {
  fc.assert(
    fc.property(fc.option(pairs, { nil: undefined }), operands, (start, list) => {
      const model = new Set(start);
      for (const { added, removed } of list) {
        for (const one of removed) model.delete(one);
        for (const one of added) model.add(one);
      }
      const base = start && encodePairs(toSet(start));
      const merged = pairMerge.merge(base, list.map(encoded));
      expect(merged).toEqual(encodePairs(toSet(model)));
      expect(pairCount(merged)).toBe(model.size);
      expect(toNames(readPairs(merged))).toEqual(toNames(toSet(model)));
    }),
  );
});

test('combining operands first changes nothing, in any grouping', () => {
  fc.assert(
    fc.property(pairs, operands, fc.nat(), fc.nat(), (start, list, a, b) => {
      const bytes = list.map(encoded);
      const from = a % bytes.length;
      const to = from + 1 + (b % (bytes.length - from));
      const middle = pairMerge.combine(bytes.slice(from, to));
      const grouped = [...bytes.slice(0, from), middle, ...bytes.slice(to)];
      const base = encodePairs(toSet(start));
      expect(pairMerge.merge(base, grouped)).toEqual(pairMerge.merge(base, bytes));
      expect(pairMerge.combine(grouped)).toEqual(pairMerge.combine(bytes));
    }),
  );
});

test('bytes that are read are those that would be written', () => {
  const byte = fc.oneof(fc.nat(4), fc.constantFrom(0x7f, 0x80, 0xff));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 12 }), (bytes) => {
      const given = Uint8Array.from(bytes);
      const set = readPairs(given);
      if (set !== undefined) expect(encodePairs(set)).toEqual(given);
      const both = readPairOperand(given);
      if (both !== undefined) expect(encodePairOperand(both)).toEqual(given);
    }),
    { numRuns: 3000 },
  );
});

test('the bytes of a set and of an operand', () => {
  const set = toSet(['0:5', '0:6', '3:0', '4:300']);
  expect([...encodePairs(set)]).toEqual([4, 0, 1, 5, 0, 2, 0, 0, 0, 0, 172, 2]);
  const none = toSet([]);
  expect([...encodePairOperand({ added: none, removed: toSet(['1:2']) })]).toEqual([0, 1, 1, 0, 2]);
});

test('damage is CORRUPTION', () => {
  const broken = Uint8Array.of(9);
  expect(() => pairMerge.merge(undefined, [broken])).toThrow(CorruptionError);
  expect(() => pairMerge.merge(broken, [])).toThrow(CorruptionError);
  expect(() => pairMerge.combine([broken])).toThrow(CorruptionError);
  const both = Uint8Array.of(1, 0, 0, 7, 1, 0, 0, 7);
  expect(() => pairMerge.combine([both])).toThrow(CorruptionError);
});

test('the operator is found by its name', () => {
  expect(findMergeOperator('pairs')).toBe(pairMerge);
});
