import { afterAll, expect, test } from 'vitest';
import { LsmEngine } from '../../../src/lsm/engine.ts';
import type { IteratorOptions, ScanRange } from '../../../src/lsm/engine-options.ts';
import { createGraphLayout } from '../../../src/lsm/graph/graph-layout.ts';
import { GraphStore } from '../../../src/lsm/graph/graph-store.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { hasher } from '../build-table.ts';
import { type LayoutEngine, layoutSuite } from './layout.suite.ts';

/** Small enough that a trace of thirty operations reaches several levels. */
function openEngine(fileSystem: MemoryFileSystem): Promise<LsmEngine> {
  return LsmEngine.open(fileSystem, 'lsm', {
    trees: [{ id: 1, name: 'graph', mergeOperator: 'adjacency', filterBitsPerKey: 10 }],
    hasher,
    durability: 'os',
    memtableBytes: 4096,
    blockCacheBytes: 65_536,
    tableBytes: 256,
    blockBytes: 128,
    levelRatio: 2,
    level0Tables: 2,
    autoCompact: false,
  });
}

class RealEngine implements LayoutEngine {
  readonly #fileSystem = new MemoryFileSystem();
  #engine: LsmEngine | undefined;

  async open(): Promise<this> {
    this.#engine = await openEngine(this.#fileSystem);
    return this;
  }

  newBatch(): WriteBatch {
    return new WriteBatch();
  }

  async commit(batch: WriteBatch): Promise<void> {
    if (batch.entryCount === 0) return;
    await this.#engine!.committed(this.#engine!.write(batch));
  }

  async shake(step: number): Promise<void> {
    const engine = this.#engine!;
    if (step % 4 < 2) await engine.checkpoint();
    if (step % 4 === 1) await engine.compact();
    if (step % 4 === 2) {
      await engine.close();
      this.#engine = await openEngine(this.#fileSystem);
    }
    if (step % 4 === 3) expect((await engine.check()).problems).toEqual([]);
  }

  get(tree: number, hi: number, lo: number, sequence?: number): Uint8Array | undefined {
    return this.#engine!.get(tree, hi, lo, sequence);
  }

  getInto(tree: number, hi: number, lo: number, into: Uint8Array, sequence?: number): number {
    return this.#engine!.getInto(tree, hi, lo, into, sequence);
  }

  scan(tree: number, range: ScanRange): ReturnType<LsmEngine['scan']> {
    return this.#engine!.scan(tree, range);
  }

  iterator(tree: number, options?: IteratorOptions): ReturnType<LsmEngine['iterator']> {
    return this.#engine!.iterator(tree, options);
  }

  async close(): Promise<void> {
    await this.#engine?.close();
  }
}

layoutSuite('the engine', () => new RealEngine().open(), { numRuns: 25 });

const snapshotEngine = await openEngine(new MemoryFileSystem());
afterAll(() => snapshotEngine.close());

test('a snapshot keeps its lists while layouts write over them and compaction folds', async () => {
  const engine = snapshotEngine;
  const store = new GraphStore(engine, 1, createGraphLayout('delta', 1));
  const into = new Uint32Array(16);
  const change = async (write: (batch: WriteBatch) => void): Promise<void> => {
    const batch = new WriteBatch();
    write(batch);
    await engine.committed(engine.write(batch));
    await engine.checkpoint();
  };
  await change((batch) => store.setNeighbours(batch, 1, 7, Uint32Array.of(1, 2)));
  await change((batch) => store.addEdges(batch, 1, 7, Uint32Array.of(3)));
  const snapshot = engine.snapshot();
  await change((batch) => store.removeEdges(batch, 1, 7, Uint32Array.of(1)));
  await change((batch) => store.removeNode(batch, 1, 7));
  await engine.compact();
  expect(store.neighbours(1, 7, into)).toBe(-1);
  expect(store.neighbours(1, 7, into, snapshot.sequence)).toBe(3);
  expect(into.slice(0, 3)).toEqual(Uint32Array.of(1, 2, 3));
  snapshot.release();
});
