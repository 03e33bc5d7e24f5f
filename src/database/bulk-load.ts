/**
 * Fills an empty collection at once: the graph is built from all vectors, then pages and tables are
 * written front to back and installed as one commit. Nothing has happened until then: an error, an abort or a
 * crash leaves an empty collection.
 *
 * Requires: a turn of the writer, in which the collection is empty; no checkpoint runs meanwhile.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import { type BuiltGraph, buildCountMax, buildGraph } from '../hnsw/build-graph.ts';
import { Slices } from '../hnsw/slices.ts';
import { SLOT_RECORD } from '../kernels/layout.ts';
import { encodeEdges, encodeList } from '../lsm/list-codec.ts';
import type { IngestedEntry, TableIngest } from '../lsm/table-ingest.ts';
import { BulkPages } from '../paged/bulk-pages.ts';
import { type BulkIds, sortIds } from './bulk-ids.ts';
import type { BulkProgress } from './bulk-progress.ts';
import type { BulkSource } from './bulk-source.ts';
import { type CollectionCounters, countersEntry } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { encodeHead, NO_NODE } from './head.ts';
import { NamespaceChanges } from './namespace-index.ts';
import type { Stores } from './stores.ts';
import {
  BODIES_TREE,
  FIELDS_TREE,
  GRAPH_TREE,
  graphHi,
  HEADS_TREE,
  IDS_TREE,
  PAGES_TREE,
  SYSTEM_TREE,
} from './trees.ts';

const SLICE_MS = 5;
const NO_IDS = new Uint32Array(0);

export interface BulkLoad {
  readonly stores: Stores;
  readonly store: CollectionStore;
  readonly source: BulkSource;
  readonly progress: BulkProgress;
  readonly signal: AbortSignal | undefined;
}

/** Whether nothing was ever stored there. */
export function isUntouched({ counters, vectors }: CollectionStore): boolean {
  return counters.nextRecord === 0 && vectors.counters.pages === 0;
}

/** Of how many vectors the module's memory holds codes and lists. */
export function vectorsAtOnce(stores: Stores, store: CollectionStore): number {
  const { allocator, walks, insertWalks } = stores;
  // Idle scratches lie where large runs go.
  walks.release();
  insertWalks.release();
  const bytes = allocator.totalBytes - allocator.stats().runBytes;
  return buildCountMax(store.space, bytes * MEMORY_SHARE);
}

/** What is left to reads and to other collections. */
const MEMORY_SHARE = 0.97;

/** Resolves with the number of records when all is durable and visible. */
export async function loadAll(load: BulkLoad): Promise<number> {
  const { stores, store, source, signal } = load;
  assert(isUntouched(store), 'only an empty collection is filled at once');
  const slices = new Slices(SLICE_MS, signal);
  const pause = (): Promise<void> | undefined => (slices.isOver ? slices.pause() : undefined);
  const keyOf = (namespace: string, id: Uint8Array) => store.reader.idKey(namespace, id);
  const ids = await sortIds(source, keyOf, pause);
  const vectors = await findVectors(source, ids, pause);
  const graph = vectors.length === 0 ? undefined : await build(load, ids, vectors);
  try {
    if (graph !== undefined) setRecords(stores, graph, vectors);
    return await new BulkWriter(load, { ids, vectors, graph, slices }).write();
  } finally {
    graph?.release();
  }
}

/** The records that have a vector, ascending: by their place here vectors are numbered. */
async function findVectors(
  source: BulkSource,
  { contents }: BulkIds,
  pause: () => Promise<void> | undefined,
): Promise<Uint32Array> {
  const records = new Uint32Array(contents.length);
  let count = 0;
  for (let record = 0; record < contents.length; record++) {
    if (source.hasVector(contents[record])) records[count++] = record;
    if (record % 256 === 0) await pause();
  }
  return records.subarray(0, count);
}

async function build(load: BulkLoad, ids: BulkIds, vectors: Uint32Array): Promise<BuiltGraph> {
  const { stores, store, source, progress, signal } = load;
  const { kernels, allocator } = stores;
  const { geometry } = store.vectors;
  const { m, seed } = store.entry.options;
  return await buildGraph(
    { kernels, allocator, space: store.space },
    {
      count: vectors.length,
      read: (index, target) => source.readVector(ids.contents[vectors[index]], target),
    },
    {
      m,
      seed,
      codeStride: geometry.codeStride,
      nodesPerPage: geometry.slotsPerPage,
      sliceMs: SLICE_MS,
      signal,
      onProgress: (phase, done, total) => progress.report(phase, done, total),
    },
  );
}

/** The record numbers at the heads of the slots. */
function setRecords(
  { kernels }: Stores,
  { bottom, order }: BuiltGraph,
  vectors: Uint32Array,
): void {
  const { u32 } = kernels.memory;
  for (let node = 0; node < bottom.count; node++) {
    u32[(bottom.codes + node * bottom.codeStride + SLOT_RECORD) >>> 2] = vectors[order[node]];
  }
}

interface Sorted {
  readonly ids: BulkIds;
  readonly vectors: Uint32Array;
  readonly graph: BuiltGraph | undefined;
  readonly slices: Slices;
}

/** Writes pages and tables, and installs them. */
class BulkWriter {
  readonly #load: BulkLoad;
  readonly #ids: BulkIds;
  readonly #vectors: Uint32Array;
  readonly #graph: BuiltGraph | undefined;
  readonly #slices: Slices;
  readonly #pages: BulkPages | undefined;
  #done = 0;
  /** Known when the heads are written. */
  #hasBodies = false;

  constructor(load: BulkLoad, { ids, vectors, graph, slices }: Sorted) {
    const { stores, store } = load;
    this.#load = load;
    this.#ids = ids;
    this.#vectors = vectors;
    this.#graph = graph;
    this.#slices = slices;
    if (graph === undefined) return;
    const { geometry } = store.vectors;
    const space = { id: store.entry.space, tree: PAGES_TREE, geometry };
    this.#pages = new BulkPages({ store: stores.pages, nodes: vectors.length, ...space });
  }

  async write(): Promise<number> {
    const { engine } = this.#load.stores;
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
      if (!isInstalled) pages?.failed();
      throw error;
    }
    return this.#ids.contents.length;
  }

  async #writePages(): Promise<void> {
    const pages = this.#pages;
    const graph = this.#graph;
    if (pages === undefined || graph === undefined) return;
    const { stores, store, source } = this.#load;
    const { slotsPerPage } = store.vectors.geometry;
    const { codes, codeStride, count } = graph.bottom;
    const total = store.options.originals ? 2 * pages.pages : pages.pages;
    const { u8 } = stores.kernels.memory;
    for (let page = 0; page < pages.pages; page++) {
      const first = page * slotsPerPage;
      const end = Math.min(count, first + slotsPerPage);
      pages.addCodes(u8.subarray(codes + first * codeStride, codes + end * codeStride));
      await this.#pause('pages', page, total);
    }
    if (store.options.originals) {
      const read = (node: number, target: Float32Array): void =>
        source.readVector(this.#ids.contents[this.#vectors[graph.order[node]]], target);
      for (let page = 0; page < pages.pages; page++) {
        pages.addOriginals(read);
        await this.#pause('pages', pages.pages + page, total);
      }
    }
    await pages.synced();
    this.#load.progress.report('pages', total, total);
  }

  async #writeTables(tables: TableIngest): Promise<void> {
    const { source } = this.#load;
    const { contents } = this.#ids;
    if (this.#graph !== undefined) await tables.add(GRAPH_TREE, this.#lists(this.#graph));
    await tables.add(HEADS_TREE, this.#heads());
    if (this.#hasBodies) await tables.add(BODIES_TREE, this.#bodies());
    await tables.add(IDS_TREE, this.#idEntries(), 'merge');
    const { stores, store } = this.#load;
    const namespaces = new NamespaceChanges(stores.hasher, store.entry.collection);
    for (let record = 0; record < contents.length; record++) {
      namespaces.add(source.namespace(contents[record]), record);
      await this.#pause('tables', this.#done, this.#total());
    }
    const fields = namespaces.entries().sort((a, b) => a.lo - b.lo);
    if (fields.length > 0) await tables.add(FIELDS_TREE, fields, 'merge');
    if (this.#pages !== undefined) await tables.add(PAGES_TREE, this.#pages.entries());
    const counters = countersEntry(store.entry.collection, this.#counters());
    await tables.add(SYSTEM_TREE, [counters]);
    this.#load.progress.report('tables', this.#total(), this.#total());
  }

  *#lists({ bottom, upper }: BuiltGraph): Generator<IngestedEntry> {
    const { stores, store } = this.#load;
    const { u32 } = stores.kernels.memory;
    const { space } = store.entry;
    const hi = graphHi(space, 0);
    for (let node = 0; node < bottom.count; node++) {
      const list = (bottom.lists + node * bottom.listStride) >>> 2;
      const ids = u32.slice(list + 1, list + 1 + u32[list]);
      yield this.#count({ hi, lo: node, value: encodeList(ids.sort()) });
    }
    for (let layer = 1; layer <= upper.length; layer++) {
      const { nodes, lists } = upper[layer - 1];
      for (let i = 0; i < nodes.length; i++) {
        yield {
          hi: graphHi(space, layer),
          lo: nodes[i],
          value: encodeList(lists[i].slice().sort()),
        };
      }
    }
  }

  *#heads(): Generator<IngestedEntry> {
    const { store, source } = this.#load;
    const { contents } = this.#ids;
    const nodes = this.#nodesOfVectors();
    let vector = 0;
    for (let record = 0; record < contents.length; record++) {
      const content = contents[record];
      const node = this.#vectors[vector] === record ? nodes[vector++] : NO_NODE;
      const hasBody = source.body(content) !== undefined;
      this.#hasBodies ||= hasBody;
      const head = { node, hasBody, namespace: source.namespace(content), id: source.id(content) };
      yield this.#count({ hi: store.entry.collection, lo: record, value: encodeHead(head) });
    }
  }

  *#bodies(): Generator<IngestedEntry> {
    const { store, source } = this.#load;
    const { contents } = this.#ids;
    for (let record = 0; record < contents.length; record++) {
      const value = source.body(contents[record]);
      if (value !== undefined) yield { hi: store.entry.collection, lo: record, value };
    }
  }

  *#idEntries(): Generator<IngestedEntry> {
    const { hi, lo, order, records } = this.#ids;
    for (let start = 0; start < order.length; ) {
      const first = order[start];
      const same = new Set<number>();
      let end = start;
      for (; end < order.length; end++) {
        const content = order[end];
        if (hi[content] !== hi[first] || lo[content] !== lo[first]) break;
        same.add(records[content]);
      }
      const value = encodeEdges(Uint32Array.from(same).sort(), NO_IDS);
      yield this.#count({ hi: hi[first], lo: lo[first], value });
      start = end;
    }
  }

  /** By number of the vector: its node. */
  #nodesOfVectors(): Uint32Array {
    const order = this.#graph?.order ?? NO_IDS;
    const nodes = new Uint32Array(order.length);
    for (let node = 0; node < order.length; node++) nodes[order[node]] = node;
    return nodes;
  }

  #counters(): CollectionCounters {
    const records = this.#ids.contents.length;
    return {
      nextRecord: records,
      records,
      vectors: this.#vectors.length,
      entry: this.#graph?.entry,
      pages: this.#pages?.counters() ?? this.#load.store.vectors.exportCounters(),
    };
  }

  /** Brings what the writer knows of the collection up to the commit. */
  #adopt(sequence: number): void {
    const { store } = this.#load;
    const counters = this.#counters();
    Object.assign(store.counters, counters);
    store.vectors.adopt(counters.pages);
    store.graph.entry = counters.entry;
    store.changedSequence = sequence;
  }

  #total(): number {
    return this.#vectors.length + 2 * this.#ids.contents.length;
  }

  /** Counts an entry, and ends the work when the signal was raised. */
  #count(entry: IngestedEntry): IngestedEntry {
    const { signal, progress } = this.#load;
    if (signal?.aborted) {
      throw new DatabaseError('ABORTED', 'the operation was aborted', { cause: signal.reason });
    }
    if (++this.#done % 1024 === 0) progress.report('tables', this.#done, this.#total());
    return entry;
  }

  async #pause(phase: 'pages' | 'tables', done: number, total: number): Promise<void> {
    if (!this.#slices.isOver) return;
    this.#load.progress.report(phase, done, total);
    await this.#slices.pause();
  }
}
