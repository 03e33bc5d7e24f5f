import { afterAll, expect, test } from 'vitest';
import { BlockCache } from '../../../src/lsm/block-cache.ts';
import { LsmEngine } from '../../../src/lsm/engine.ts';
import type {
  CompactionStyle,
  IteratorOptions,
  ScanRange,
} from '../../../src/lsm/engine-options.ts';
import { createGraphLayout } from '../../../src/lsm/graph/graph-layout.ts';
import { GraphStore } from '../../../src/lsm/graph/graph-store.ts';
import { TableReader } from '../../../src/lsm/table-reader.ts';
import { WriteBatch } from '../../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { hasher } from '../build-table.ts';
import { type LayoutEngine, layoutSuite } from './layout.suite.ts';

/** Small enough that a trace of thirty operations reaches several levels. */
function openEngine(
  fileSystem: MemoryFileSystem,
  compaction: CompactionStyle = 'leveled',
): Promise<LsmEngine> {
  return LsmEngine.open(fileSystem, 'lsm', {
    trees: [
      { id: 1, name: 'graph', mergeOperator: 'adjacency', layout: 'some', lastLevelFilter: false },
    ],
    hasher,
    durability: 'os',
    memtableBytes: 4096,
    blockCacheBytes: 65_536,
    tableBytes: 256,
    blockBytes: 128,
    compaction,
    levelRatio: 2,
    level0Tables: 2,
    autoCompact: false,
  });
}

class RealEngine implements LayoutEngine {
  readonly #fileSystem = new MemoryFileSystem();
  /** Of each opening, in turns. */
  readonly #styles: readonly CompactionStyle[];
  #openings = 0;
  #engine: LsmEngine | undefined;

  constructor(styles: readonly CompactionStyle[]) {
    this.#styles = styles;
  }

  async open(): Promise<this> {
    const style = this.#styles[this.#openings++ % this.#styles.length];
    this.#engine = await openEngine(this.#fileSystem, style);
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
      await this.open();
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

for (const styles of [['leveled'], ['tiered'], ['tiered', 'leveled']] as const) {
  const name = `the engine, ${styles.join(' and ')}`;
  layoutSuite(name, () => new RealEngine(styles).open(), { numRuns: 12 });
}

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

test('tables say which layout wrote them, also those that compaction makes', async () => {
  const files = new MemoryFileSystem();
  const engine = await openEngine(files);
  const store = new GraphStore(engine, 1, createGraphLayout('vertex', 1));
  const layoutsOnDisk = (): string[] =>
    files
      .list('lsm')
      .filter((name) => name.endsWith('.table'))
      .map((name) => {
        const cache = new BlockCache({ bytes: 1 << 16 });
        const file = files.open(`lsm/${name}`, 'read');
        const reader = TableReader.open(file, Number.parseInt(name, 10), { cache, hasher });
        reader.close();
        return reader.properties.layout;
      });
  for (const node of [1, 2]) {
    const batch = new WriteBatch();
    store.setNeighbours(batch, 1, node, Uint32Array.of(node));
    await engine.committed(engine.write(batch));
    await engine.checkpoint();
  }
  expect(layoutsOnDisk()).toEqual(['some', 'some']);
  await engine.compact();
  expect(new Set(layoutsOnDisk())).toEqual(new Set(['some']));
  expect(engine.stats().trees[0].layout).toBe('some');
  await engine.close();
});
