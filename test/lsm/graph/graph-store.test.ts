/** Neighbour lists by node: iteration within one graph, lists of any length, and values that are none. */
import { expect, test } from 'vitest';
import { LsmEngine } from '../../../src/lsm/engine.ts';
import { createGraphLayout } from '../../../src/lsm/graph/graph-layout.ts';
import { type GraphIterator, GraphStore } from '../../../src/lsm/graph/graph-store.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { hasher } from '../build-table.ts';

const NODES = [0, 3, 4, 9, 0xffffffff];
const HI = 7;

async function openGraph(): Promise<{ engine: LsmEngine; store: GraphStore }> {
  const engine = await LsmEngine.open(new MemoryFileSystem(), 'lsm', {
    trees: [{ id: 1, name: 'graph', mergeOperator: 'adjacency' }],
    hasher,
    durability: 'none',
    memtableBytes: 1 << 20,
    blockCacheBytes: 1 << 16,
  });
  return { engine, store: new GraphStore(engine, 1, createGraphLayout('delta', 1)) };
}

/** The list of a node is the node alone. Graphs on both sides of `HI` have other nodes. */
async function withNodes(): Promise<{ engine: LsmEngine; store: GraphStore }> {
  const graph = await openGraph();
  const batch = new WriteBatch();
  for (const node of NODES) graph.store.setNeighbours(batch, HI, node, Uint32Array.of(node));
  for (const hi of [HI - 1, HI + 1]) graph.store.setNeighbours(batch, hi, 5, Uint32Array.of(5));
  graph.engine.write(batch);
  return graph;
}

/** Nodes from where the iterator stands, each with the list of its own. */
function rest(iterator: GraphIterator): number[] {
  const found: number[] = [];
  const into = new Uint32Array(4);
  for (; iterator.valid; iterator.next()) {
    expect(iterator.neighbours(into)).toBe(1);
    expect(into[0]).toBe(iterator.node);
    found.push(iterator.node);
  }
  return found;
}

test('an iterator sees the nodes of its graph alone, both ways', async () => {
  const { engine, store } = await withNodes();
  using iterator = store.iterator(HI);
  expect([iterator.first(), rest(iterator)]).toEqual([true, NODES]);
  expect([iterator.seek(4), rest(iterator)]).toEqual([true, [4, 9, 0xffffffff]]);
  expect([iterator.seek(5), iterator.node, iterator.prev(), iterator.node]).toEqual([
    true,
    9,
    true,
    4,
  ]);
  expect([iterator.last(), iterator.node, iterator.next()]).toEqual([true, 0xffffffff, false]);
  expect([iterator.first(), iterator.prev()]).toEqual([true, false]);
  await engine.close();
});

test('an iterator keeps to its bounds, its order and its sequence', async () => {
  const { engine, store } = await withNodes();
  const sequence = engine.appliedSequence;
  const snapshot = engine.snapshot();
  const batch = new WriteBatch();
  store.setNeighbours(batch, HI, 5, Uint32Array.of(5));
  store.removeNode(batch, HI, 4);
  await engine.committed(engine.write(batch));
  const nodes = (options?: Parameters<GraphStore['iterator']>[1]): number[] => {
    using iterator = store.iterator(HI, options);
    iterator.first();
    return rest(iterator);
  };
  expect(nodes()).toEqual([0, 3, 5, 9, 0xffffffff]);
  expect(nodes({ from: 3, to: 9 })).toEqual([3, 5, 9]);
  expect(nodes({ from: 4, to: 4 })).toEqual([]);
  expect(nodes({ reverse: true, to: 9 })).toEqual([9, 5, 3, 0]);
  expect(nodes({ sequence })).toEqual(NODES);
  snapshot.release();
  await engine.close();
});

test('lists of any length are read, and the next short one too', async () => {
  const { engine, store } = await openGraph();
  const long = Uint32Array.from({ length: 5000 }, (_, i) => 800_000 * i);
  const batch = new WriteBatch();
  store.setNeighbours(batch, HI, 1, long);
  store.setNeighbours(batch, HI, 2, Uint32Array.of(6));
  engine.write(batch);
  const into = new Uint32Array(5000);
  expect(store.neighbours(HI, 1, into)).toBe(5000);
  expect(into).toEqual(long);
  expect([store.neighbours(HI, 2, into), into[0]]).toEqual([1, 6]);
  expect(store.neighbours(HI, 3, into)).toBe(-1);
  await engine.close();
});

test('a value that is no list is CORRUPTION, however it is read', async () => {
  const { engine, store } = await openGraph();
  const batch = new WriteBatch();
  batch.set(1, HI, 1, Uint8Array.of(3, 1)); // Three ids, and bytes for one.
  engine.write(batch);
  const into = new Uint32Array(8);
  const scan = store.scan(HI);
  expect(scan.next()).toBe(true);
  using iterator = store.iterator(HI);
  iterator.first();
  const corruption = expect.objectContaining({ code: 'CORRUPTION' });
  expect(() => store.neighbours(HI, 1, into)).toThrow(corruption);
  expect(() => scan.neighbours(into)).toThrow(corruption);
  expect(() => iterator.neighbours(into)).toThrow(corruption);
  const change = (): void => store.removeEdges(new WriteBatch(), HI, 1, Uint32Array.of(2));
  expect(change).toThrow(corruption);
  scan.close();
  await engine.close();
});
