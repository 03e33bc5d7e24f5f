/** The adjacency operator against JavaScript sets, and its laws. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CorruptionError } from '../../src/errors.ts';
import { encodeEdges, encodeList, readEdges } from '../../src/lsm/list-codec.ts';
import { adjacencyMerge, findMergeOperator } from '../../src/lsm/merge-operators.ts';

const ids = fc.uniqueArray(fc.nat(12), { maxLength: 8 });
const base = fc.option(ids, { nil: undefined });
const operand = fc.tuple(ids, ids).map(([added, removed]) => ({
  added: new Set(added),
  removed: new Set(removed.filter((id) => !added.includes(id))),
}));
type Operand = { added: Set<number>; removed: Set<number> };
const operands = fc.array(operand, { minLength: 1, maxLength: 6 });

const sorted = (set: Iterable<number>): Uint32Array => Uint32Array.from(set).sort();
const encoded = (list: readonly Operand[]): Uint8Array[] =>
  list.map(({ added, removed }) => encodeEdges(sorted(added), sorted(removed)));
const encodedBase = (list: number[] | undefined): Uint8Array | undefined =>
  list === undefined ? undefined : encodeList(sorted(list));

test('a merge is the operands applied one by one', () => {
  fc.assert(
    fc.property(base, operands, (start, list) => {
      const model = new Set(start);
      for (const { added, removed } of list) {
        for (const id of removed) model.delete(id);
        for (const id of added) model.add(id);
      }
      expect(adjacencyMerge.merge(encodedBase(start), encoded(list))).toEqual(
        encodeList(sorted(model)),
      );
    }),
  );
});

test('combining operands first changes nothing, in any grouping', () => {
  fc.assert(
    fc.property(base, operands, fc.nat(), fc.nat(), (start, list, a, b) => {
      const bytes = encoded(list);
      const from = a % bytes.length;
      const to = from + 1 + (b % (bytes.length - from));
      const grouped = [
        ...bytes.slice(0, from),
        adjacencyMerge.combine(bytes.slice(from, to)),
        ...bytes.slice(to),
      ];
      const before = encodedBase(start);
      expect(adjacencyMerge.merge(before, grouped)).toEqual(adjacencyMerge.merge(before, bytes));
      expect(adjacencyMerge.combine(grouped)).toEqual(adjacencyMerge.combine(bytes));
    }),
  );
});

test('long lists fold as short ones do', () => {
  const range = (start: number, count: number): Uint32Array =>
    Uint32Array.from({ length: count }, (_, i) => start + i);
  const base = encodeList(range(0, 1000));
  const operand = encodeEdges(range(900, 2000), range(100, 500));
  const expected = [...range(0, 100), ...range(600, 2300)];
  expect(adjacencyMerge.merge(base, [operand])).toEqual(encodeList(Uint32Array.from(expected)));
});

test('a combined operand keeps its removals', () => {
  const remove = encodeEdges(new Uint32Array(0), Uint32Array.of(3));
  const add = encodeEdges(Uint32Array.of(4), new Uint32Array(0));
  const combined = readEdges(adjacencyMerge.combine([remove, add]));
  expect(combined).toEqual({ added: Uint32Array.of(4), removed: Uint32Array.of(3) });
});

test('damaged operands are CORRUPTION', () => {
  const broken = Uint8Array.of(9);
  expect(() => adjacencyMerge.merge(undefined, [broken])).toThrow(CorruptionError);
  expect(() => adjacencyMerge.merge(broken, [])).toThrow(CorruptionError);
  expect(() => adjacencyMerge.combine([broken, broken])).toThrow(CorruptionError);
});

test('operators are found by name', () => {
  expect(findMergeOperator('adjacency')).toBe(adjacencyMerge);
  expect(findMergeOperator('concatenate')).toBeUndefined();
});
