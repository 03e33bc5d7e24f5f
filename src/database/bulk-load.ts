/**
 * Fills an empty collection at once: the graph is built from all vectors, then pages and tables are
 * written front to back and installed as one commit. Nothing has happened until then: an error, an abort or a
 * crash leaves an empty collection.
 *
 * Requires: a turn of the writer, in which the collection is empty; no checkpoint runs meanwhile.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { FieldEntry } from '../filter/index-changes.ts';
import type { ArrayBudget } from '../hnsw/build-area.ts';
import { buildGraph, buildLimits } from '../hnsw/build-graph.ts';
import type { ListSpool } from '../hnsw/build-merge.ts';
import type { BuiltGraph } from '../hnsw/built-graph.ts';
import { Slices } from '../hnsw/slices.ts';
import { SLOT_RECORD } from '../kernels/layout.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import { encodeEdges, encodeList } from '../lsm/list-codec.ts';
import type { IngestedEntry, TableIngest } from '../lsm/table-ingest.ts';
import { BulkPages } from '../paged/bulk-pages.ts';
import { decodeBody } from './body.ts';
import { addBulkBits, bulkBits } from './bulk-bits.ts';
import { type BulkIds, sortIds } from './bulk-ids.ts';
import { ARRAY_BYTES } from './bulk-memory.ts';
import type { BulkProgress } from './bulk-progress.ts';
import type { BulkSource } from './bulk-source.ts';
import { type CollectionCounters, countersEntry, noVectors } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { ExpiryChanges } from './expiries.ts';
import { encodeHead, NO_NAMED, NO_NODE } from './head.ts';
import { RecordFields } from './record-fields.ts';
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
/** Record numbers of one list of the tree `fields`. */
const CHUNK_RECORDS = 65_536;
/** An entry that waits in memory, beside its value. */
const ENTRY_BYTES = 64;

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

/** How many vectors are built in one piece, how many vectors at all, how many contents, by how many workers. */
export interface BulkLimits {
  readonly whole: number;
  readonly vectors: number;
  readonly contents: number;
  readonly threads: number;
}

/** Whether nothing was ever stored there. */
export function isUntouched({ counters, vectorStores }: CollectionStore): boolean {
  const hasPages = vectorStores.some(({ vectors }) => vectors.counters.pages > 0);
  return counters.nextRecord === 0 && !hasPages;
}

/** What memory is large enough for, or that share of it. */
export function bulkLimits(stores: Stores, store: CollectionStore, share: number): BulkLimits {
  const { allocator, walks, insertWalks, bulk } = stores;
  // Idle scratches lie where large runs go.
  walks.release();
  insertWalks.release();
  const bytes = (allocator.totalBytes - allocator.stats().runBytes) * MEMORY_SHARE * share;
  const { dimension } = store.entry.options;
  const { whole, sharded, threads } = buildLimits({ dimension, m: store.entry.options.m }, bytes);
  return {
    whole: Math.min(whole, bulk.shardNodesMax),
    vectors: sharded,
    contents: Math.floor(((bulk.bytesMax - bulk.bytes) * share) / ARRAY_BYTES),
    threads,
  };
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
  const arrays = stores.bulk.share();
  let graph: BuiltGraph | undefined;
  try {
    const ids = await sortIds(source, keyOf, { pause, arrays });
    const vectors = await findVectors(source, ids, { pause, arrays });
    if (vectors.length > 0) graph = await build(load, { ids, vectors, arrays });
    const sorted = { ids, vectors, graph, slices, arrays };
    return await new BulkWriter(load, sorted).write();
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
  { ids, vectors, arrays }: Pick<Sorted, 'ids' | 'vectors' | 'arrays'>,
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

interface Sorted {
  readonly ids: BulkIds;
  readonly vectors: Uint32Array;
  readonly graph: BuiltGraph | undefined;
  readonly slices: Slices;
  readonly arrays: ArrayBudget;
}

/** Writes pages and tables, and installs them. */
class BulkWriter {
  readonly #load: BulkLoad;
  readonly #ids: BulkIds;
  readonly #vectors: Uint32Array;
  readonly #graph: BuiltGraph | undefined;
  readonly #slices: Slices;
  readonly #arrays: ArrayBudget;
  readonly #pages: BulkPages | undefined;
  #done = 0;
  /** Known when the heads are written. */
  #hasBodies = false;
  /** Of the expiries. */
  #soonest = Number.POSITIVE_INFINITY;

  constructor(load: BulkLoad, { ids, vectors, graph, slices, arrays }: Sorted) {
    const { stores, store } = load;
    this.#load = load;
    this.#ids = ids;
    this.#vectors = vectors;
    this.#graph = graph;
    this.#slices = slices;
    this.#arrays = arrays;
    if (graph === undefined) return;
    const { id, vectors: paged } = store.defaultSpace;
    const read = (index: number, target: Float32Array): void =>
      load.source.readVector(ids.contents[vectors[index]], target);
    const bits = bulkBits(store.defaultSpace, vectors.length, read);
    if (bits !== undefined) paged.bits?.beginBulk(bits.centroid);
    const space = { id, tree: PAGES_TREE, geometry: paged.geometry, bits };
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
      if (!isInstalled) {
        pages?.failed();
        this.#load.store.main?.vectors.bits?.endBulk();
      }
      throw error;
    }
    return this.#ids.contents.length;
  }

  async #writePages(): Promise<void> {
    const pages = this.#pages;
    const graph = this.#graph;
    if (pages === undefined || graph === undefined) return;
    const { store, source } = this.#load;
    const { slotsPerPage, codeStride: stride } = store.defaultSpace.vectors.geometry;
    const total = store.options.originals ? 2 * pages.pages : pages.pages;
    for (let page = 0; page < pages.pages; page++) {
      const first = page * slotsPerPage;
      const end = Math.min(graph.order.length, first + slotsPerPage);
      const codes = this.#slots(graph, first, end);
      pages.addCodes(codes);
      addBulkBits(store.defaultSpace, pages, { codes, stride });
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

  /** The slots of a page's nodes, with their record numbers. */
  #slots(graph: BuiltGraph, first: number, end: number): Uint8Array {
    const { stores, store } = this.#load;
    const { codeStride } = store.defaultSpace.vectors.geometry;
    const { u32 } = stores.kernels.memory;
    const slots = graph.slots(first, end);
    for (let node = first; node < end; node++) {
      const slot = slots.byteOffset + (node - first) * codeStride;
      u32[(slot + SLOT_RECORD) >>> 2] = this.#vectors[graph.order[node]];
    }
    return slots;
  }

  async #writeTables(tables: TableIngest): Promise<void> {
    const { store } = this.#load;
    if (this.#graph !== undefined) await tables.add(GRAPH_TREE, this.#lists(this.#graph));
    const nodes = await this.#nodesOfVectors();
    await tables.add(HEADS_TREE, this.#heads(nodes));
    this.#arrays.count(-4 * nodes.length);
    if (this.#hasBodies) await tables.add(BODIES_TREE, this.#bodies());
    await tables.add(IDS_TREE, this.#idEntries(), 'merge');
    const fields = await this.#fieldEntries();
    if (fields.length > 0) await tables.add(FIELDS_TREE, fields, 'merge');
    if (this.#pages !== undefined) await tables.add(PAGES_TREE, this.#pages.entries());
    const counters = countersEntry(store.entry.collection, this.#counters());
    await tables.add(SYSTEM_TREE, [counters]);
    this.#load.progress.report('tables', this.#total(), this.#total());
  }

  /** A chunk of record numbers at a time: what is kept of it is as short as what is written. */
  async #fieldEntries(): Promise<FieldEntry[]> {
    const { source, stores, store } = this.#load;
    const { contents } = this.#ids;
    const { collection, fields } = store.entry;
    const entries: FieldEntry[] = [];
    for (let first = 0; first < contents.length; first += CHUNK_RECORDS) {
      const changes = new RecordFields(collection, fields, stores.hasher);
      const end = Math.min(contents.length, first + CHUNK_RECORDS);
      for (let record = first; record < end; record++) {
        changes.addNamespace(source.namespace(contents[record]), record);
        if (changes.hasFields) {
          const body = source.body(contents[record]);
          const after = body && decodeBody(body).metadata;
          changes.change(record, { before: undefined, after });
        }
        await this.#pause('tables', this.#done, this.#total());
      }
      for (const entry of changes.entries()) {
        this.#arrays.count(entry.value.length + ENTRY_BYTES);
        entries.push(entry);
      }
    }
    entries.push(...(await this.#expiryEntries()));
    return entries.sort((a, b) => a.hi - b.hi || a.lo - b.lo);
  }

  async #expiryEntries(): Promise<FieldEntry[]> {
    const { contents } = this.#ids;
    const changes = new ExpiryChanges(this.#load.store.entry.collection);
    for (let record = 0; record < contents.length; record++) {
      const expiresAt = this.#expiryOf(contents[record]);
      if (expiresAt === undefined) continue;
      this.#arrays.count(ENTRY_BYTES);
      changes.change(record, undefined, expiresAt);
      this.#soonest = Math.min(this.#soonest, expiresAt);
      await this.#pause('tables', this.#done, this.#total());
    }
    return changes.entries();
  }

  #expiryOf(content: number): number | undefined {
    const ttlMs = this.#load.source.ttlMs(content);
    return ttlMs === undefined ? undefined : this.#load.now + ttlMs;
  }

  *#lists({ bottom, upper }: BuiltGraph): Generator<IngestedEntry> {
    const { stores, store } = this.#load;
    const { u32 } = stores.kernels.memory;
    const { id: space } = store.defaultSpace;
    const hi = graphHi(space, 0);
    for (let node = 0; node < bottom.count; node++) {
      const list = (bottom.lists + node * bottom.listStride) >>> 2;
      const ids = u32.slice(list + 1, list + 1 + u32[list]);
      yield this.#count({ hi, lo: node, value: encodeList(ids.sort()) });
    }
    for (let layer = 1; layer <= upper.length; layer++) {
      const { nodes, lists, stride } = upper[layer - 1];
      for (let i = 0; i < nodes.length; i++) {
        const start = i * stride + 1;
        const ids = lists.slice(start, start + lists[start - 1]);
        yield { hi: graphHi(space, layer), lo: nodes[i], value: encodeList(ids.sort()) };
      }
    }
  }

  *#heads(nodes: Uint32Array): Generator<IngestedEntry> {
    const { store, source } = this.#load;
    const { contents } = this.#ids;
    let vector = 0;
    for (let record = 0; record < contents.length; record++) {
      const content = contents[record];
      const node = this.#vectors[vector] === record ? nodes[vector++] : NO_NODE;
      const hasBody = source.body(content) !== undefined;
      this.#hasBodies ||= hasBody;
      const expiresAt = this.#expiryOf(content);
      const namespace = source.namespace(content);
      // The bytes of an id are borrowed until the next call.
      const id = source.id(content);
      const value = encodeHead({ node, named: NO_NAMED, hasBody, expiresAt, namespace, id });
      yield this.#count({ hi: store.entry.collection, lo: record, value });
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
  async #nodesOfVectors(): Promise<Uint32Array> {
    const order = this.#graph?.order ?? NO_IDS;
    this.#arrays.count(4 * order.length);
    const nodes = new Uint32Array(order.length);
    for (let node = 0; node < order.length; node++) {
      nodes[order[node]] = node;
      if (node % 8192 === 0) await this.#pause('tables', this.#done, this.#total());
    }
    return nodes;
  }

  #counters(): CollectionCounters {
    const records = this.#ids.contents.length;
    return {
      nextRecord: records,
      records,
      vectors: this.#vectors.length,
      entry: this.#graph?.entry,
      pages: this.#pages?.counters() ?? noVectors().pages,
    };
  }

  /** Brings what the writer knows of the collection up to the commit. */
  #adopt(sequence: number): void {
    const { store } = this.#load;
    const { nextRecord, records, ...counters } = this.#counters();
    Object.assign(store.counters, { nextRecord, records });
    const { main } = store;
    if (main !== undefined && counters.vectors > 0) {
      Object.assign(main.counters, counters);
      main.vectors.adopt(counters.pages);
      main.graph.entry = counters.entry;
    }
    store.noteChanges(sequence, undefined);
    if (this.#soonest < Number.POSITIVE_INFINITY) store.expiries.note(this.#soonest);
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
