/** The process of one layout: runs the trace on an engine of its own, then compares every list. */
import { mkdirSync } from 'node:fs';
import { loadHasher } from '../../src/base/hasher.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import type { CompactionStyle, EngineStats } from '../../src/lsm/engine-options.ts';
import {
  createGraphLayout,
  type GraphLayout,
  type GraphLayoutName,
} from '../../src/lsm/graph/graph-layout.ts';
import { GraphStore } from '../../src/lsm/graph/graph-store.ts';
import { difference } from '../../src/lsm/id-set.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { serve } from '../harness/child.ts';
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { latencyFigures } from '../harness/latency.ts';
import { EngineWriter } from './engine-writer.ts';
import {
  DEGREE_MAX,
  type GraphOperation,
  type GraphTrace,
  type ListChange,
  makeGraphTrace,
} from './graph-trace.ts';
import type { Measure } from './phases.ts';
import { diskBytes } from './system-account.ts';

export interface LayoutAsk {
  readonly layout: GraphLayoutName;
  readonly compaction: CompactionStyle;
  readonly levelRatio: number;
  readonly directory: string;
  readonly memtableBytes: number;
  readonly cacheBytes: number;
}

export interface TraceAsk {
  readonly nodes: number;
  readonly operations: number;
  readonly seed: number;
}

export interface LayoutAnswer extends Measure {
  /** Read back from the engine. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

const TREE = 1;
const GRAPH = 1 << 8;
const ID_BYTES = 4;
const KEY_BYTES = 8;
const NO_IDS = new Uint32Array(0);

let trace: GraphTrace | undefined;

serve({
  trace({ nodes, operations, seed }: TraceAsk): void {
    trace = makeGraphTrace(nodes, operations, seed);
  },

  async run(ask: LayoutAsk): Promise<LayoutAnswer> {
    if (trace === undefined) throw new Error('there is no trace yet');
    mkdirSync(ask.directory, { recursive: true });
    const files = new CountingFileSystem(new NodeFileSystem());
    const engine = await LsmEngine.open(files, ask.directory, {
      trees: [
        {
          id: TREE,
          name: 'graph',
          mergeOperator: 'adjacency',
          layout: ask.layout,
          lastLevelFilter: false,
        },
      ],
      hasher: await loadHasher(),
      durability: 'os',
      memtableBytes: ask.memtableBytes,
      blockCacheBytes: ask.cacheBytes,
      compaction: ask.compaction,
      levelRatio: ask.levelRatio,
    });
    try {
      return await new LayoutRun(engine, files, ask).measure(trace);
    } finally {
      await engine.close();
    }
  },
});

class LayoutRun {
  readonly #engine: LsmEngine;
  readonly #files: CountingFileSystem;
  readonly #directory: string;
  readonly #writer: EngineWriter;
  readonly #layout: GraphLayout;
  readonly #store: GraphStore;
  readonly #batch = new WriteBatch();
  readonly #list = new Uint32Array(DEGREE_MAX);
  readonly #readMs: number[] = [];
  readonly #writeMs: number[] = [];
  /** Bytes of the changed ids and their keys: what no layout can do without. */
  #changedBytes = 0;
  #readIds = 0;

  constructor(engine: LsmEngine, files: CountingFileSystem, { layout, directory }: LayoutAsk) {
    this.#engine = engine;
    this.#files = files;
    this.#directory = directory;
    this.#writer = new EngineWriter(engine, directory);
    this.#layout = createGraphLayout(layout, TREE);
    this.#store = new GraphStore(engine, TREE, this.#layout);
  }

  async measure({ operations, lists }: GraphTrace): Promise<LayoutAnswer> {
    globalThis.gc?.();
    const monitor = new LoopDelayMonitor();
    monitor.start();
    const start = performance.now();
    for (const operation of operations) await this.#step(operation);
    const seconds = (performance.now() - start) / 1000;
    const delay = monitor.stop();
    const readBytes = this.#files.total('read', '.table').bytes - this.#compactionBytesRead();
    const settleStart = performance.now();
    await this.#writer.settle();
    const settleSeconds = (performance.now() - settleStart) / 1000;
    const liveBytes = this.#compare(lists);
    const stats = this.#engine.stats();
    const reads = latencyFigures(Float64Array.from(this.#readMs));
    const writes = latencyFigures(Float64Array.from(this.#writeMs));
    return {
      operations: operations.length,
      seconds,
      metrics: {
        readP50Us: reads.p50Us,
        readP99Us: reads.p99Us,
        readP999Us: reads.p999Us,
        readMaxUs: reads.maxUs,
        writeP50Us: writes.p50Us,
        writeP99Us: writes.p99Us,
        writeP999Us: writes.p999Us,
        writeMaxUs: writes.maxUs,
        ...delay,
        writeAmplification: this.#files.total('write').bytes / this.#changedBytes,
        readAmplification: readBytes / (this.#readIds * ID_BYTES),
        spaceAmplification: diskBytes(this.#directory) / liveBytes,
        ...this.#writer.stalls,
        longestSliceMs: stats.longestSliceMs,
        settleSeconds,
        levels: deepestLevel(stats),
        runs: stats.trees[0].runs,
      },
      settings: settingsOf(stats),
    };
  }

  async #step(operation: GraphOperation): Promise<void> {
    const start = performance.now();
    if (operation.kind === 'read') {
      this.#readIds += this.#store.neighbours(GRAPH, operation.node, this.#list);
      this.#readMs.push(performance.now() - start);
      return;
    }
    this.#batch.clear();
    for (const change of operation.changes) this.#write(change);
    await this.#writer.commit(this.#batch);
    this.#writeMs.push(performance.now() - start);
  }

  #write({ node, added, before, whole }: ListChange): void {
    const layout = this.#layout;
    const batch = this.#batch;
    this.#changedBytes += KEY_BYTES + ID_BYTES * changedIds(before, whole);
    if (whole === undefined) layout.removeNode(batch, GRAPH, node);
    else if (added !== undefined) layout.writeAdded(batch, GRAPH, node, added, whole);
    else if (before === undefined) layout.writeList(batch, GRAPH, node, whole);
    else layout.writeReplaced(batch, GRAPH, node, before, whole);
  }

  /** Throws unless the tree holds exactly these lists; returns their bytes with their keys. */
  #compare(lists: ReadonlyMap<number, Uint32Array>): number {
    const scan = this.#store.scan(GRAPH);
    let nodes = 0;
    let ids = 0;
    while (scan.next()) {
      const expected = lists.get(scan.node);
      const count = scan.neighbours(this.#list);
      const isSame = expected?.length === count && expected.every((id, i) => id === this.#list[i]);
      if (!isSame) throw new Error(`the list of node ${scan.node} is not what was written`);
      nodes++;
      ids += count;
    }
    scan.close();
    if (nodes !== lists.size) throw new Error(`${nodes} lists are left of ${lists.size}`);
    return nodes * KEY_BYTES + ids * ID_BYTES;
  }

  #compactionBytesRead(): number {
    return this.#engine.stats().compactionBytesRead;
  }
}

/** Ids that came and ids that went. */
function changedIds(before: Uint32Array = NO_IDS, whole: Uint32Array = NO_IDS): number {
  return difference(whole, before).length + difference(before, whole).length;
}

/** What the engine says that it runs with. */
function settingsOf({ settings, trees }: EngineStats): LayoutAnswer['settings'] {
  const { compaction, levelRatio, level0Tables, memtableBytes, durability } = settings;
  const { layout, filterBits, lastLevelFilter } = trees[0];
  return {
    layout,
    compaction,
    levelRatio,
    level0Tables,
    memtableBytes,
    durability,
    filterBits,
    lastLevelFilter,
  };
}

/** Number of the deepest level that holds a table. */
function deepestLevel({ trees }: EngineStats): number {
  return trees[0].levels.findLastIndex(({ tables }) => tables > 0);
}
