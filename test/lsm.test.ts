/** The engine through its own entry, as another package uses it: nothing else is imported. */
import { expect, test } from 'vitest';
import {
  CountingFileSystem,
  createGraphLayout,
  type EngineOptions,
  FaultyFileSystem,
  GraphStore,
  isDatabaseError,
  LsmEngine,
  LsmTree,
  loadHasher,
  MemoryFileSystem,
  NO_NODE,
  NodeFileSystem,
  WriteBatch,
} from '../src/lsm.ts';
import { tempDir } from './temp-dir.ts';

const hasher = await loadHasher();
const options: EngineOptions = {
  trees: [
    { id: 1, name: 'notes' },
    { id: 2, name: 'graph', mergeOperator: 'adjacency' },
  ],
  hasher,
  durability: 'sync',
  memtableBytes: 1 << 20,
  blockCacheBytes: 1 << 20,
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);
const everything = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };

test('what is committed is there after reopening, on a real disk', async () => {
  await using directory = await tempDir();
  const fileSystem = new NodeFileSystem();
  const path = `${directory.path}/lsm`;
  const engine = await LsmEngine.open(fileSystem, path, options);
  const notes = new LsmTree(engine, 'notes');
  const batch = new WriteBatch();
  notes.set(batch, 0, 7, bytes('seven'));
  notes.set(batch, 0, 8, bytes('eight'));
  await engine.committed(engine.write(batch));
  await engine.checkpoint();
  batch.clear();
  notes.delete(batch, 0, 7);
  await engine.committed(engine.write(batch));
  await engine.close();

  await using again = await LsmEngine.open(fileSystem, path, options);
  const reopened = new LsmTree(again, 'notes');
  expect(reopened.get(0, 7)).toBeUndefined();
  expect(text(reopened.get(0, 8))).toBe('eight');
  const scan = reopened.scan(everything);
  expect(scan.next()).toBe(true);
  expect([scan.hi, scan.lo, text(scan.value)]).toEqual([0, 8, 'eight']);
  expect(scan.next()).toBe(false);
  expect(await again.check()).toEqual({ ok: true, problems: [] });
});

test('neighbour lists are kept in a tree, through a layout', async () => {
  await using engine = await LsmEngine.open(new MemoryFileSystem(), 'lsm', options);
  const graph = new GraphStore(engine, 2, createGraphLayout('hybrid', 2));
  const batch = new WriteBatch();
  graph.setNeighbours(batch, 0, 1, Uint32Array.of(3, 2));
  graph.addEdges(batch, 0, 2, Uint32Array.of(1));
  engine.write(batch);
  const into = new Uint32Array(8);
  expect(graph.neighbours(0, 1, into)).toBe(2);
  expect([...into.subarray(0, 2)]).toEqual([2, 3]);
  expect(graph.neighbours(0, 9, into)).toBe(NO_NODE);
});

test('the file systems of the tests serve others too', async () => {
  const counting = new CountingFileSystem(new MemoryFileSystem());
  const faulty = new FaultyFileSystem(counting);
  await using engine = await LsmEngine.open(faulty, 'lsm', options);
  faulty.stopAt(faulty.calls + 1);
  const batch = new WriteBatch();
  batch.set(1, 0, 0, bytes('lost'));
  const failure = await engine.committed(engine.write(batch)).catch((error: unknown) => error);
  expect(isDatabaseError(failure) && failure.code).toBe('IO');
  expect(engine.state).toBe('readonly');
  expect(counting.total('sync').calls).toBeGreaterThan(0);
  await engine.close().catch(() => {});
});

test('what no tree can take is refused before the log hears of it', async () => {
  const disk = new MemoryFileSystem();
  const engine = await LsmEngine.open(disk, 'lsm', options);
  const unknown = new WriteBatch();
  unknown.set(1, 0, 0, bytes('good'));
  unknown.set(3, 0, 0, bytes('of no tree'));
  const unmergeable = new WriteBatch();
  unmergeable.merge(1, 0, 0, bytes('operand'));
  for (const batch of [unknown, unmergeable]) {
    expect(() => engine.write(batch)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  }
  expect(() => engine.get(3, 0, 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => engine.scan(3, everything)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  );
  expect(() => new LsmTree(engine, 'nodes')).toThrow('one of the trees notes, graph, got nodes');
  expect(engine.appliedSequence).toBe(0);
  await engine.close();

  const again = await LsmEngine.open(disk, 'lsm', options);
  expect(again.appliedSequence).toBe(0);
  expect(again.get(1, 0, 0)).toBeUndefined();
  await again.close();
});
