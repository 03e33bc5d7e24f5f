/** Tables from outside: one commit, seen by all from one moment on, with the log going on behind it. */
import { expect, test } from 'vitest';
import { loadHasher } from '../../src/base/hasher.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { encodeEdges, encodeList } from '../../src/lsm/list-codec.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

const hasher = await loadHasher();
const NONE = new Uint32Array(0);

async function openEngine(fileSystem: MemoryFileSystem): Promise<LsmEngine> {
  return await LsmEngine.open(fileSystem, '/db', {
    trees: [
      { id: 1, name: 'plain' },
      { id: 2, name: 'lists', mergeOperator: 'adjacency' },
    ],
    hasher,
    durability: 'sync',
    autoCompact: false,
    memtableBytes: 1 << 18,
    blockCacheBytes: 1 << 18,
  });
}

function put(engine: LsmEngine, lo: number, value: number): number {
  const batch = new WriteBatch();
  batch.set(1, 0, lo, Uint8Array.of(value));
  return engine.write(batch);
}

function* entries(count: number, value: number) {
  for (let lo = 0; lo < count; lo++) yield { hi: 0, lo, value: Uint8Array.of(value) };
}

test('an ingest lies between the commits before and after it, reopened too', async () => {
  const fileSystem = new MemoryFileSystem();
  let engine = await openEngine(fileSystem);
  put(engine, 5, 1);
  put(engine, 9000, 1);
  const batch = new WriteBatch();
  batch.merge(2, 0, 7, encodeEdges(Uint32Array.of(1), NONE));
  await engine.committed(engine.write(batch));
  await engine.checkpoint();
  const snapshot = engine.snapshot();
  const before = engine.appliedSequence;
  let seen: number | undefined;
  const sequence = await engine.ingestTables(
    async (tables) => {
      await tables.add(1, entries(5000, 2));
      const operand = encodeEdges(Uint32Array.of(2), NONE);
      await tables.add(2, [{ hi: 0, lo: 7, value: operand }], 'merge');
      expect(engine.get(1, 0, 5)).toEqual(Uint8Array.of(1));
      expect(() => put(engine, 1, 1)).toThrow();
    },
    () => {
      seen = engine.get(1, 0, 5)?.[0];
    },
  );
  expect(sequence).toBe(before + 1);
  expect(engine.publishedSequence).toBe(sequence);
  expect(seen).toBe(2);
  expect(engine.get(1, 0, 5, snapshot.sequence)).toEqual(Uint8Array.of(1));
  expect(engine.get(1, 0, 4000, snapshot.sequence)).toBeUndefined();
  snapshot.release();
  await engine.committed(put(engine, 6, 3));
  for (let round = 0; round < 2; round++) {
    expect(engine.get(1, 0, 5)).toEqual(Uint8Array.of(2));
    expect(engine.get(1, 0, 6)).toEqual(Uint8Array.of(3));
    expect(engine.get(1, 0, 9000)).toEqual(Uint8Array.of(1));
    expect(engine.get(2, 0, 7)).toEqual(encodeList(Uint32Array.of(1, 2)));
    expect((await engine.check()).problems).toEqual([]);
    await engine.close();
    engine = await openEngine(fileSystem);
  }
  await engine.compact();
  expect(engine.get(1, 0, 6)).toEqual(Uint8Array.of(3));
  expect(engine.get(2, 0, 7)).toEqual(encodeList(Uint32Array.of(1, 2)));
  await engine.close();
});

test('a tree without tables gets its entries in the last level', async () => {
  const engine = await openEngine(new MemoryFileSystem());
  await engine.ingestTables(async (tables) => tables.add(1, entries(10, 2)));
  const levels = engine.stats().trees.find(({ id }) => id === 1)?.levels;
  expect(levels?.at(-1)?.tables).toBe(1);
  await engine.close();
});

test('commits that are in no table yet are refused, and an error leaves nothing', async () => {
  const fileSystem = new MemoryFileSystem();
  const engine = await openEngine(fileSystem);
  put(engine, 1, 1);
  await expect(engine.ingestTables(async () => {})).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  await engine.checkpoint();
  const before = fileSystem.list('/db');
  const failing = engine.ingestTables(async (tables) => {
    await tables.add(1, entries(100, 2));
    throw new Error('no more');
  });
  await expect(failing).rejects.toThrow('no more');
  expect(engine.get(1, 0, 50)).toBeUndefined();
  put(engine, 2, 2);
  await engine.close();
  const left = fileSystem.list('/db').filter((name) => name.endsWith('.table'));
  expect(left).toEqual(before.filter((name) => name.endsWith('.table')));
});
