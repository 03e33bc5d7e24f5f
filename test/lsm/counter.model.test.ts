/** The counter operator against 64-bit integers, and its laws; in an engine, each operand counts once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { CorruptionError } from '../../src/errors.ts';
import { decodeCount, encodeCount } from '../../src/lsm/counter.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { counterMerge, findMergeOperator } from '../../src/lsm/merge-operators.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.constantFrom(0n, 255n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n),
);
const base = fc.option(integer, { nil: undefined });
const operands = fc.array(integer, { minLength: 1, maxLength: 6 });

test('a count survives the round trip, wherever its bytes lie', () => {
  fc.assert(
    fc.property(integer, fc.nat(9), (count, offset) => {
      const bytes = encodeCount(count);
      const moved = new Uint8Array(30);
      moved.set(bytes, offset);
      expect(decodeCount(moved.subarray(offset, offset + 8))).toBe(count);
    }),
  );
  expect(encodeCount(-2)).toEqual(Uint8Array.of(0xfe, 255, 255, 255, 255, 255, 255, 255));
  expect(encodeCount(2 ** 40)).toEqual(encodeCount(2n ** 40n));
});

test('a merge is the sum, modulo 2^64, and leaves what it adds alone', () => {
  fc.assert(
    fc.property(base, operands, (start, list) => {
      const value = start === undefined ? undefined : encodeCount(start);
      const bytes = list.map((count) => encodeCount(count));
      const sum = list.reduce((left, right) => left + right, start ?? 0n);
      expect(decodeCount(counterMerge.merge(value, bytes))).toBe(BigInt.asIntN(64, sum));
      expect(bytes.map((count) => decodeCount(count))).toEqual(list);
      expect(value === undefined ? undefined : decodeCount(value)).toBe(start);
    }),
  );
});

test('combining operands first changes nothing, in any grouping', () => {
  fc.assert(
    fc.property(base, operands, fc.nat(), fc.nat(), (start, list, a, b) => {
      const bytes = list.map((count) => encodeCount(count));
      const from = a % bytes.length;
      const to = from + 1 + (b % (bytes.length - from));
      const grouped = [
        ...bytes.slice(0, from),
        counterMerge.combine(bytes.slice(from, to)),
        ...bytes.slice(to),
      ];
      const value = start === undefined ? undefined : encodeCount(start);
      expect(counterMerge.merge(value, grouped)).toEqual(counterMerge.merge(value, bytes));
      expect(counterMerge.combine(grouped)).toEqual(counterMerge.combine(bytes));
    }),
  );
});

test('what is no count is refused', () => {
  expect(decodeCount(new Uint8Array(7))).toBeUndefined();
  expect(decodeCount(new Uint8Array(9))).toBeUndefined();
  expect(() => counterMerge.merge(undefined, [new Uint8Array(9)])).toThrow(CorruptionError);
  expect(() => counterMerge.merge(new Uint8Array(0), [])).toThrow(CorruptionError);
  expect(() => counterMerge.combine([encodeCount(1), new Uint8Array(7)])).toThrow(CorruptionError);
  expect(() => encodeCount(0.5)).toThrow('a count is an exact integer');
  expect(() => encodeCount(2 ** 53)).toThrow('a count is an exact integer');
  expect(() => encodeCount(2n ** 63n)).toThrow('a count has 64 bits');
  expect(findMergeOperator('counter')).toBe(counterMerge);
});

test('an engine counts each operand once, through checkpoints, compactions and openings', async () => {
  const disk = new MemoryFileSystem();
  const hasher = await loadHasher();
  const open = (): Promise<LsmEngine> =>
    LsmEngine.open(disk, 'data', {
      trees: [{ id: 1, name: 'counts', mergeOperator: 'counter' }],
      hasher,
      durability: 'sync',
      memtableBytes: 1024,
      blockCacheBytes: 4096,
      levelRatio: 2,
      level0Tables: 2,
      baseLevelBytes: 300,
      autoCompact: false,
    });
  let engine = await open();
  const count = (): bigint | undefined => decodeCount(engine.get(1, 0, 7) ?? new Uint8Array(0));
  expect(count()).toBeUndefined();
  for (let i = 1; i <= 40; i++) {
    const batch = new WriteBatch();
    batch.merge(1, 0, 7, encodeCount(i));
    batch.merge(1, 0, 7, encodeCount(-1));
    const sequence = engine.write(batch);
    if (i % 5 === 0) await engine.checkpoint();
    if (i % 7 === 0) await engine.compact();
    if (i % 11 === 0) {
      await engine.close();
      engine = await open();
    }
    await engine.committed(sequence);
    expect(count()).toBe(BigInt((i * (i + 1)) / 2 - i));
  }
  await engine.close();
});
