/** Operands that come as tables meet what is below them, wherever their keys lie beside the tables there. */
import { expect, test } from 'vitest';
import { COUNTS } from '../../bench/soak/engine-model.ts';
import { decodeCount, encodeCount } from '../../src/lsm/counter.ts';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { openTiny } from './engine-harness.ts';

/** Counts by low half of the key; undefined where there is none. */
function counts(engine: LsmEngine, keys: readonly number[]): (number | undefined)[] {
  return keys.map((lo) => {
    const value = engine.get(COUNTS, 0, lo);
    return value && Number(decodeCount(value));
  });
}

async function ingest(engine: LsmEngine, keys: readonly number[]): Promise<void> {
  await engine.ingestTables(async (tables) => {
    const entries = keys.map((lo) => ({ hi: 0, lo, value: encodeCount(1) }));
    await tables.add(COUNTS, entries, 'merge');
  });
}

test('an operand over a value is applied to it, and elsewhere it begins one', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  for (const keys of [
    [10, 20],
    [30, 40],
  ]) {
    const batch = new WriteBatch();
    for (const lo of keys) batch.set(COUNTS, 0, lo, encodeCount(100));
    engine.write(batch);
    await engine.checkpoint();
  }
  // Before, on, within, between and behind the tables.
  const keys = [5, 10, 15, 20, 25, 30, 35, 40, 45];
  await ingest(engine, keys);
  const expected = [1, 101, 1, 101, 1, 101, 1, 101, 1];
  expect(counts(engine, keys)).toEqual(expected);
  // What nothing is below of is stored as a value, of no operand.
  const [, , { levels }] = engine.stats().trees;
  expect(levels[0].entries).toBe(4 + keys.length);
  await ingest(engine, keys);
  await engine.compact();
  expect(counts(engine, keys)).toEqual(expected.map((count) => count + 1));
  expect((await engine.check()).problems).toEqual([]);
});

test('operands in an empty tree become values, at the lowest level', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  await ingest(engine, [1, 2, 3]);
  expect(counts(engine, [1, 2, 3, 4])).toEqual([1, 1, 1, undefined]);
  expect(engine.stats().trees[2].levels.map(({ entries }) => entries)).toEqual([
    0, 0, 0, 0, 0, 0, 3,
  ]);
});

test('a snapshot does not see an ingest that came behind it', async () => {
  await using engine = await openTiny(new MemoryFileSystem());
  await ingest(engine, [1]);
  const snapshot = engine.snapshot();
  await ingest(engine, [1, 2]);
  expect(counts(engine, [1, 2])).toEqual([2, 1]);
  expect(Number(decodeCount(engine.get(COUNTS, 0, 1, snapshot.sequence)!))).toBe(1);
  expect(engine.get(COUNTS, 0, 2, snapshot.sequence)).toBeUndefined();
  await engine.compact();
  expect(Number(decodeCount(engine.get(COUNTS, 0, 1, snapshot.sequence)!))).toBe(1);
  snapshot.release();
});
