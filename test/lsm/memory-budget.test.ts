/** One budget over everything of an engine that grows, at every step of a history. */
import { expect, test } from 'vitest';
import { KIB, MIB } from '../../src/base/units.ts';
import { BlockCache } from '../../src/lsm/block-cache.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { EngineOptions } from '../../src/lsm/engine-options.ts';
import { MemoryBudget } from '../../src/lsm/memory-budget.ts';
import { OpenTables } from '../../src/lsm/open-tables.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { hasher } from './build-table.ts';

const BUDGET = 4 * MIB;
const VALUE = new Uint8Array(100);

function open(options: Partial<EngineOptions> = {}, files = new MemoryFileSystem()) {
  return LsmEngine.open(files, 'lsm', {
    trees: [{ id: 1, name: 'plain' }],
    hasher,
    durability: 'os',
    memoryBytes: BUDGET,
    ...options,
  });
}

/** The parts are what they say, and their sum is within the budget. */
function expectWithin(engine: LsmEngine): void {
  const { memory, ...stats } = engine.stats();
  const { memtableBytes, blockCacheBytes, tableReaderBytes, logBufferBytes, jobBytes } = memory;
  expect(memory.totalBytes).toBe(
    memtableBytes + blockCacheBytes + tableReaderBytes + logBufferBytes + jobBytes,
  );
  expect(memory.totalBytes).toBeLessThanOrEqual(memory.budgetBytes);
  expect(memtableBytes).toBe(stats.memtableBytes);
  expect(tableReaderBytes).toBe(stats.tableReaderBytes);
  expect(logBufferBytes).toBe(stats.logBufferBytes);
}

function fill(batch: WriteBatch, from: number, count: number): WriteBatch {
  batch.clear();
  for (let i = from; i < from + count; i++) {
    batch.set(1, 0, Math.imul(i, 2654435761) >>> 0, VALUE);
  }
  return batch;
}

test('the sum stays within the budget through loads, checkpoints, compactions, reads and scans', async () => {
  const engine = await open();
  const batch = new WriteBatch();
  let most = 0;
  let checkpoint: Promise<void> | undefined;
  for (let i = 0; i < 60_000; i += 100) {
    const sequence = engine.write(fill(batch, i, 100));
    expectWithin(engine);
    if (i % 700 === 0) await engine.committed(sequence);
    if (i % 1000 === 0)
      for (let k = 0; k < i; k += 97) engine.get(1, 0, Math.imul(k, 2654435761) >>> 0);
    if (engine.shouldCheckpoint()) {
      await checkpoint;
      expectWithin(engine);
      checkpoint = engine.checkpoint();
    }
    expectWithin(engine);
    most = Math.max(most, engine.stats().memory.blockCacheBytes);
  }
  await checkpoint;
  const iterator = engine.iterator(1);
  let entries = 0;
  while (iterator.next()) if (++entries % 1000 === 0) expectWithin(engine);
  expect(entries).toBe(60_000);
  const compacting = engine.compact();
  while (iterator.prev()) {
    if (--entries % 500 !== 0) continue;
    expectWithin(engine);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(entries).toBe(0);
  await compacting;
  expectWithin(engine);
  iterator.close();
  // The cache has what the others leave, and it has grown and shrunk with them.
  expect(most).toBeGreaterThan(256 * KIB);
  await engine.close();
});

test('a commit that the budget cannot hold is refused and changes nothing, in one call or in slices', async () => {
  const engine = await open();
  const batch = new WriteBatch();
  const before = engine.write(fill(batch, 0, 10));
  const huge = fill(new WriteBatch(), 100, 60_000);
  expect(() => engine.write(huge)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  await expect(engine.writeSliced(huge)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  expect(engine.appliedSequence).toBe(before);
  expect(engine.write(fill(batch, 10, 10))).toBe(before + 10);
  expectWithin(engine);
  await engine.close();
});

test('who never waits for the log or checkpoints is refused, and goes on after a checkpoint', async () => {
  const engine = await open();
  const batch = new WriteBatch();
  let i = 0;
  const writeAll = (): void => {
    for (; i < 200_000; i += 100) engine.write(fill(batch, i, 100));
  };
  expect(writeAll).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  expectWithin(engine);
  await engine.checkpoint();
  expectWithin(engine);
  engine.write(fill(batch, i, 100));
  await engine.close();
});

test('a budget that is too small names the least one, which works', async () => {
  const error: unknown = await open({ memoryBytes: 1000 }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
  const least = Number(/expected (\d+) or more/.exec((error as Error).message)?.[1]);
  for (const memoryBytes of [2.5 * MIB, 3 * MIB]) {
    const engine = await open({ memoryBytes });
    for (let i = 0; i < 20_000; i += 100) {
      await engine.committed(engine.write(fill(new WriteBatch(), i, 100)));
      if (engine.shouldCheckpoint()) await engine.checkpoint();
      expectWithin(engine);
    }
    await engine.close();
  }
  expect(least).toBeLessThan(2.5 * MIB);
});

test('memory options are given in one way', async () => {
  for (const options of [
    { memoryBytes: undefined },
    { memoryBytes: undefined, memtableBytes: 1024 },
    { blockCacheBytes: 1024 },
    { openTablesMax: 0 },
  ]) {
    await expect(open(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

test('few tables are open at a time, whatever is read, and iterators stay right', async () => {
  const files = new CountingFileSystem(new MemoryFileSystem());
  const engine = await LsmEngine.open(files, 'lsm', {
    trees: [{ id: 1, name: 'plain' }],
    hasher,
    durability: 'os',
    memtableBytes: 16 * KIB,
    blockCacheBytes: 64 * KIB,
    tableBytes: 4 * KIB,
    openTablesMax: 3,
  });
  for (let i = 0; i < 4000; i += 100) {
    await engine.committed(engine.write(fill(new WriteBatch(), i, 100)));
    if (engine.shouldCheckpoint()) await engine.checkpoint();
  }
  await engine.checkpoint();
  await engine.compact();
  expect(
    engine.stats().trees[0].levels.reduce((sum, { tables }) => sum + tables, 0),
  ).toBeGreaterThan(50);
  const iterator = engine.iterator(1);
  let entries = 0;
  while (iterator.next()) {
    entries++;
    expect(engine.get(1, 0, Math.imul(entries, 2654435761) >>> 0)?.length ?? 100).toBe(100);
    expect(engine.stats().openTables).toBeLessThanOrEqual(3);
  }
  expect(entries).toBe(4000);
  iterator.close();
  await engine.close();
});

test('tables are closed when what cannot give way grows', () => {
  const cache = new BlockCache({ bytes: MIB });
  const tables = new OpenTables(10);
  const budget = new MemoryBudget({ bytes: MIB, tableBytes: 1024, cache, tables });
  const charged = 100 * KIB;
  cache.charge(charged);
  let isOpen = true;
  const letGo = (): void => {
    cache.charge(-charged);
    isOpen = false;
  };
  tables.admit({ isUsed: false, letGo });
  budget.setMemtables(20 * KIB);
  expect(isOpen).toBe(false);
  expect(budget.stats().tableReaderBytes).toBe(0);
});

test('the hand passes tables that are in use', () => {
  const tables = new OpenTables(3);
  const gone: number[] = [];
  const all = [0, 1, 2, 3, 4].map((i) => ({ isUsed: false, letGo: () => gone.push(i) }));
  for (const table of all.slice(0, 3)) tables.admit(table);
  for (const table of all) table.isUsed = false;
  all[0].isUsed = true;
  tables.admit(all[3]);
  expect(gone).toEqual([1]);
  tables.admit(all[4]);
  expect(gone).toEqual([1, 2]);
  tables.remove(all[0]);
  expect(tables.count).toBe(2);
  expect(tables.evictOne(all[3])).toBe(true);
  expect(tables.evictOne(all[3])).toBe(false);
  expect(gone).toEqual([1, 2, 4]);
});
