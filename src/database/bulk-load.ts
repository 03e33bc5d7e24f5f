/**
 * Fills an empty collection at once: the graph is built from all vectors, then pages and tables are
 * written front to back and installed as one commit. Nothing has happened until then: an error, an abort or a
 * crash leaves an empty collection.
 *
 * Requires: a turn of the writer, in which the collection is empty; no checkpoint runs meanwhile.
 */
import { assert } from '../base/assert.ts';
import type { ArrayBudget } from '../hnsw/build-area.ts';
import { buildGraph } from '../hnsw/build-graph.ts';
import type { ListSpool } from '../hnsw/build-merge.ts';
import type { BuiltGraph } from '../hnsw/built-graph.ts';
import { Slices } from '../hnsw/slices.ts';
import { SLOT_RECORD } from '../kernels/layout.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import type { TableIngest } from '../lsm/table-ingest.ts';
import { type BulkBits, BulkPages } from '../paged/bulk-pages.ts';
import { addBulkBits, type BulkGraph, bulkBits } from './bulk-bits.ts';
import { type BulkContents, BulkEntries } from './bulk-entries.ts';
import { type BulkIds, sortIds } from './bulk-ids.ts';
import { type BulkLimits, isUntouched } from './bulk-limits.ts';
import type { BulkProgress } from './bulk-progress.ts';
import type { BulkSource } from './bulk-source.ts';
import { type CollectionCounters, countersEntry, noVectors } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { hasOriginalSlices } from './space-geometry.ts';
import type { Stores } from './stores.ts';
import {
  BODIES_TREE,
  FIELDS_TREE,
  GRAPH_TREE,
  HEADS_TREE,
  IDS_TREE,
  PAGES_TREE,
  SYSTEM_TREE,
} from './trees.ts';

const SLICE_MS = 5;

export interface BulkLoad {
  readonly stores: Stores;
  readonly store: CollectionStore;
  readonly source: BulkSource;
  readonly progress: BulkProgress;
  readonly signal: AbortSignal | undefined;
  readonly limits: BulkLimits;
  /** The time of the commit, in ms since 1970. */
  readonly now: number;
  /** Workers that take part. */
  readonly pool: KernelPool | undefined;
  readonly newListSpool: () => ListSpool;
}

/** Resolves with the number of records when all is durable and visible. */
export async function loadAll(load: BulkLoad): Promise<number> {
  const { stores, store, source, signal } = load;
  assert(isUntouched(store), 'only an empty collection is filled at once');
  const slices = new Slices(SLICE_MS, signal);
  const pause = (): Promise<void> | undefined => (slices.isOver ? slices.pause() : undefined);
  const keyOf = (namespace: string, id: Uint8Array) => store.reader.idKey(namespace, id);
  const arrays = stores.bulk.share();
  let graph: BuiltGraph | undefined;
  try {
    const ids = await sortIds(source, keyOf, { pause, arrays });
    const vectors = await findVectors(source, ids, { pause, arrays });
    if (vectors.length > 0) graph = await build(load, { ids, vectors, arrays });
    const contents = { ...load, ids, vectors, graph, slices, arrays };
    const bits = graph && (await makeBits(load, { ids, vectors, graph, pause }));
    return await new BulkWriter(contents, bits).write();
  } finally {
    graph?.release();
    arrays.release();
  }
}

/** The records that have a vector, ascending: by their place here vectors are numbered. */
async function findVectors(
  source: BulkSource,
  { contents, records: all }: BulkIds,
  given: { readonly pause: () => Promise<void> | undefined; readonly arrays: ArrayBudget },
): Promise<Uint32Array> {
  let count = 0;
  for (let record = 0; record < contents.length; record++) {
    if (source.hasVector(contents[record])) count++;
    if (record % 4096 === 0) await given.pause();
  }
  // Then numbers are the same in all three.
  if (count === all.length) return all;
  given.arrays.count(4 * count);
  const records = new Uint32Array(count);
  let next = 0;
  for (let record = 0; record < contents.length; record++) {
    if (source.hasVector(contents[record])) records[next++] = record;
    if (record % 4096 === 0) await given.pause();
  }
  return records;
}

async function build(
  load: BulkLoad,
  { ids, vectors, arrays }: Pick<BulkContents, 'ids' | 'vectors' | 'arrays'>,
): Promise<BuiltGraph> {
  const { stores, store, source, progress, signal, limits } = load;
  const { kernels, allocator } = stores;
  const { vectors: pages, space, options } = store.defaultSpace;
  const { geometry } = pages;
  const { m, seed } = options;
  return await buildGraph(
    { kernels, allocator, space },
    {
      count: vectors.length,
      read: (index, target) => source.readVector(ids.contents[vectors[index]], target),
    },
    {
      m,
      seed,
      codeStride: geometry.codeStride,
      nodesPerPage: geometry.slotsPerPage,
      shardNodesMax: limits.whole,
      newListSpool: load.newListSpool,
      arrays,
      pool: load.pool,
      sliceMs: SLICE_MS,
      signal,
      onProgress: (phase, done, total) => progress.report(phase, done, total),
    },
  );
}

/** What 1-bit codes the load makes, if any. */
async function makeBits(
  { stores, store, source }: BulkLoad,
  given: Pick<BulkContents, 'ids' | 'vectors'> &
    Pick<BulkGraph, 'pause'> & { readonly graph: BuiltGraph },
): Promise<BulkBits | undefined> {
  const { ids, vectors, graph, pause } = given;
  const { order, bottom } = graph;
  return await bulkBits(store.defaultSpace, {
    order,
    neighbours: (node) => {
      const list = (bottom.lists + node * bottom.listStride) >>> 2;
      const { u32 } = stores.kernels.memory;
      return u32.subarray(list + 1, list + 1 + u32[list]);
    },
    read: (index, target) => source.readVector(ids.contents[vectors[index]], target),
    memoryBytes: stores.allocator.totalBytes,
    pause,
  });
}

/** Writes pages and tables, and installs them. */
class BulkWriter {
  readonly #contents: BulkContents;
  readonly #entries: BulkEntries;
  readonly #pages: BulkPages | undefined;

  constructor(contents: BulkContents, bits: BulkBits | undefined) {
    const { stores, store, vectors, graph } = contents;
    this.#contents = contents;
    this.#entries = new BulkEntries(contents);
    if (graph === undefined) return;
    const { id, vectors: paged } = store.defaultSpace;
    if (bits !== undefined) paged.bits?.beginBulk(bits.centroid);
    const space = { id, tree: PAGES_TREE, geometry: paged.geometry, bits };
    this.#pages = new BulkPages({ store: stores.pages, nodes: vectors.length, ...space });
  }

  async write(): Promise<number> {
    const { engine } = this.#contents.stores;
    const pages = this.#pages;
    let isInstalled = false;
    try {
      await this.#writePages();
      await engine.ingestTables(
        (tables) => this.#writeTables(tables),
        (sequence) => {
          isInstalled = true;
          pages?.installed();
          this.#adopt(sequence);
        },
      );
    } catch (error) {
      if (!isInstalled) {
        pages?.failed();
        this.#contents.store.main?.vectors.bits?.endBulk();
      }
      throw error;
    }
    return this.#contents.ids.contents.length;
  }

  async #writePages(): Promise<void> {
    const pages = this.#pages;
    const { graph, store, source, ids, vectors } = this.#contents;
    if (pages === undefined || graph === undefined) return;
    const { slotsPerPage, codeStride: stride } = store.defaultSpace.vectors.geometry;
    const total = hasOriginalSlices(store.options) ? 2 * pages.pages : pages.pages;
    for (let page = 0; page < pages.pages; page++) {
      const first = page * slotsPerPage;
      const end = Math.min(graph.order.length, first + slotsPerPage);
      const codes = this.#slots(graph, first, end);
      pages.addCodes(codes);
      addBulkBits(store.defaultSpace, pages, { codes, stride });
      await this.#pause(page, total);
    }
    if (hasOriginalSlices(store.options)) {
      const read = (node: number, target: Float32Array): void =>
        source.readVector(ids.contents[vectors[graph.order[node]]], target);
      for (let page = 0; page < pages.pages; page++) {
        pages.addOriginals(read);
        await this.#pause(pages.pages + page, total);
      }
    }
    await pages.synced();
    this.#contents.progress.report('pages', total, total);
  }

  /** The slots of a page's nodes, with their record numbers. */
  #slots(graph: BuiltGraph, first: number, end: number): Uint8Array {
    const { stores, store, vectors } = this.#contents;
    const { codeStride } = store.defaultSpace.vectors.geometry;
    const { u32 } = stores.kernels.memory;
    const slots = graph.slots(first, end);
    for (let node = first; node < end; node++) {
      const slot = slots.byteOffset + (node - first) * codeStride;
      u32[(slot + SLOT_RECORD) >>> 2] = vectors[graph.order[node]];
    }
    return slots;
  }

  async #writeTables(tables: TableIngest): Promise<void> {
    const { store, graph, arrays } = this.#contents;
    const entries = this.#entries;
    if (graph !== undefined) await tables.add(GRAPH_TREE, entries.lists(graph));
    const nodes = await entries.nodesOfVectors();
    await tables.add(HEADS_TREE, entries.heads(nodes));
    arrays.count(-4 * nodes.length);
    if (entries.hasBodies) await tables.add(BODIES_TREE, entries.bodies());
    await tables.add(IDS_TREE, entries.ids(), 'merge');
    const fields = await entries.fields();
    if (fields.length > 0) await tables.add(FIELDS_TREE, fields, 'merge');
    if (this.#pages !== undefined) await tables.add(PAGES_TREE, this.#pages.entries());
    const counters = countersEntry(store.entry.collection, this.#counters());
    await tables.add(SYSTEM_TREE, [counters]);
    entries.reportEnd();
  }

  #counters(): CollectionCounters {
    const { ids, vectors, graph } = this.#contents;
    const records = ids.contents.length;
    return {
      nextRecord: records,
      records,
      vectors: vectors.length,
      entry: graph?.entry,
      pages: this.#pages?.counters() ?? noVectors().pages,
    };
  }

  /** Brings what the writer knows of the collection up to the commit. */
  #adopt(sequence: number): void {
    const { store } = this.#contents;
    const { nextRecord, records, ...counters } = this.#counters();
    Object.assign(store.counters, { nextRecord, records });
    const { main } = store;
    if (main !== undefined && counters.vectors > 0) {
      Object.assign(main.counters, counters);
      main.vectors.adopt(counters.pages);
      main.graph.entry = counters.entry;
    }
    store.noteChanges(sequence, undefined);
    const { soonest } = this.#entries;
    if (soonest < Number.POSITIVE_INFINITY) store.expiries.note(soonest);
  }

  async #pause(done: number, total: number): Promise<void> {
    const { slices, progress } = this.#contents;
    if (!slices.isOver) return;
    progress.report('pages', done, total);
    await slices.pause();
  }
}
