/** The storage engine itself. A checkpoint runs beside the writes; who finds the next one due waits for it. */
import { loadHasher } from '../../src/base/hasher.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { EngineWriter } from './engine-writer.ts';
import type { Store, StoreFigures, StoreOptions } from './store.ts';
import type { Workload } from './workload.ts';

const TREE = 1;
const EVERYTHING = { fromHi: 0, fromLo: 0, toHi: 0xffffffff, toLo: 0xffffffff };

/** As `openStratavec`, with flushes and compactions on a thread of their own. */
export function openStratavecWorker(workload: Workload, options: StoreOptions): Promise<Store> {
  return openStratavec(workload, options, 'worker');
}

export async function openStratavec(
  workload: Workload,
  options: StoreOptions,
  executor: 'slices' | 'worker' = 'slices',
): Promise<Store> {
  const { directory, durability, memtableBytes, cacheBytes, levelRatio } = options;
  const files = new CountingFileSystem(new NodeFileSystem());
  const engine = await LsmEngine.open(files, directory, {
    trees: [{ id: TREE, name: 'bench' }],
    hasher: await loadHasher(),
    durability,
    memtableBytes,
    blockCacheBytes: cacheBytes,
    levelRatio,
    executor,
  });
  return new StratavecStore(workload, engine, files, options);
}

class StratavecStore implements Store {
  readonly config: Store['config'];
  readonly getAwaited: undefined;
  readonly #workload: Workload;
  readonly #engine: LsmEngine;
  readonly #files: CountingFileSystem;
  readonly #writer: EngineWriter;
  readonly #batch = new WriteBatch();
  #order: Uint32Array = new Uint32Array(0);
  #version = 0;
  #batchEntries = 1;

  constructor(
    workload: Workload,
    engine: LsmEngine,
    files: CountingFileSystem,
    options: StoreOptions,
  ) {
    this.#workload = workload;
    this.#engine = engine;
    this.#files = files;
    this.#writer = new EngineWriter(engine, options.directory);
    const { durability, memtableBytes, cacheBytes } = options;
    const { executor } = engine.stats().settings;
    this.config = { durability, memtableBytes, cacheBytes, executor };
  }

  prepare(order: Uint32Array, version: number, batchEntries: number): void {
    this.#order = order;
    this.#version = version;
    this.#batchEntries = batchEntries;
  }

  write(number: number): Promise<void> {
    const batch = this.#batch;
    const { hi, lo } = this.#workload;
    const end = Math.min((number + 1) * this.#batchEntries, this.#order.length);
    batch.clear();
    for (let i = number * this.#batchEntries; i < end; i++) {
      const index = this.#order[i];
      batch.set(TREE, hi[index], lo[index], this.#workload.value(index, this.#version));
    }
    return this.#writer.commit(batch);
  }

  get(index: number): Uint8Array | undefined {
    return this.#engine.get(TREE, this.#workload.hi[index], this.#workload.lo[index]);
  }

  scan(isReverse: boolean): number {
    let entries = 0;
    if (isReverse) {
      const iterator = this.#engine.iterator(TREE);
      while (iterator.prev()) if (iterator.value.length > 0) entries++;
      iterator.close();
      return entries;
    }
    const scan = this.#engine.scan(TREE, EVERYTHING);
    while (scan.next()) if (scan.value.length > 0) entries++;
    scan.close();
    return entries;
  }

  settle(): Promise<void> {
    return this.#writer.settle();
  }

  async compact(): Promise<void> {
    await this.#writer.settle();
    await this.#engine.compact();
    await this.#writer.removed();
  }

  figures(): StoreFigures {
    const { longestSliceMs, memory } = this.#engine.stats();
    return {
      writtenBytes: this.#files.total('write').bytes,
      readBytes: this.#files.total('read').bytes,
      longestSliceMs,
      memoryBytes: memory.totalBytes,
      ...this.#writer.stalls,
    };
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
