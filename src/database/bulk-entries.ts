/**
 * What a bulk load writes to the trees, tree by tree and in the order of their keys: made as it is asked for, from the
 * sorted records and the graph. What has to be sorted first waits in memory and is counted there.
 */
import { DatabaseError } from '../errors.ts';
import type { FieldEntry } from '../filter/index-changes.ts';
import type { ArrayBudget } from '../hnsw/build-area.ts';
import type { BuiltGraph } from '../hnsw/built-graph.ts';
import type { Slices } from '../hnsw/slices.ts';
import { encodeEdges, encodeList } from '../lsm/list-codec.ts';
import type { IngestedEntry } from '../lsm/table-ingest.ts';
import { decodeBody } from './body.ts';
import type { BulkIds } from './bulk-ids.ts';
import type { BulkProgress } from './bulk-progress.ts';
import type { BulkSource } from './bulk-source.ts';
import type { CollectionStore } from './collection-store.ts';
import { ExpiryChanges } from './expiries.ts';
import { encodeHead, NO_NAMED, NO_NODE } from './head.ts';
import { RecordFields } from './record-fields.ts';
import type { Stores } from './stores.ts';
import { graphHi } from './trees.ts';

const NO_IDS = new Uint32Array(0);
/** Record numbers of one list of the tree `fields`. */
const CHUNK_RECORDS = 65_536;
/** An entry that waits in memory, beside its value. */
const ENTRY_BYTES = 64;

/** What is loaded. */
export interface BulkContents {
  readonly stores: Stores;
  readonly store: CollectionStore;
  readonly source: BulkSource;
  readonly progress: BulkProgress;
  readonly signal: AbortSignal | undefined;
  /** The time of the commit, in ms since 1970. */
  readonly now: number;
  readonly ids: BulkIds;
  /** The records that have a vector, ascending. */
  readonly vectors: Uint32Array;
  readonly graph: BuiltGraph | undefined;
  readonly slices: Slices;
  readonly arrays: ArrayBudget;
}

export class BulkEntries {
  /** Known when the heads are written. */
  hasBodies = false;
  /** When the first record expires, in ms since 1970; known when the fields are written. */
  soonest: number = Number.POSITIVE_INFINITY;
  readonly #of: BulkContents;
  #done = 0;

  constructor(contents: BulkContents) {
    this.#of = contents;
  }

  /** A chunk of record numbers at a time: what is kept of it is as short as what is written. */
  async fields(): Promise<FieldEntry[]> {
    const { source, stores, store } = this.#of;
    const { contents } = this.#of.ids;
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
        await this.#pause();
      }
      for (const entry of changes.entries()) {
        this.#of.arrays.count(entry.value.length + ENTRY_BYTES);
        entries.push(entry);
      }
    }
    entries.push(...(await this.#expiryEntries()));
    return entries.sort((a, b) => a.hi - b.hi || a.lo - b.lo);
  }

  async #expiryEntries(): Promise<FieldEntry[]> {
    const { contents } = this.#of.ids;
    const changes = new ExpiryChanges(this.#of.store.entry.collection);
    for (let record = 0; record < contents.length; record++) {
      const expiresAt = this.#expiryOf(contents[record]);
      if (expiresAt === undefined) continue;
      this.#of.arrays.count(ENTRY_BYTES);
      changes.change(record, undefined, expiresAt);
      this.soonest = Math.min(this.soonest, expiresAt);
      await this.#pause();
    }
    return changes.entries();
  }

  #expiryOf(content: number): number | undefined {
    const ttlMs = this.#of.source.ttlMs(content);
    return ttlMs === undefined ? undefined : this.#of.now + ttlMs;
  }

  *lists({ bottom, upper }: BuiltGraph): Generator<IngestedEntry> {
    const { stores, store } = this.#of;
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

  *heads(nodes: Uint32Array): Generator<IngestedEntry> {
    const { store, source } = this.#of;
    const { contents } = this.#of.ids;
    let vector = 0;
    for (let record = 0; record < contents.length; record++) {
      const content = contents[record];
      const node = this.#of.vectors[vector] === record ? nodes[vector++] : NO_NODE;
      const hasBody = source.body(content) !== undefined;
      this.hasBodies ||= hasBody;
      const expiresAt = this.#expiryOf(content);
      const namespace = source.namespace(content);
      // The bytes of an id are borrowed until the next call.
      const id = source.id(content);
      const value = encodeHead({ node, named: NO_NAMED, hasBody, expiresAt, namespace, id });
      yield this.#count({ hi: store.entry.collection, lo: record, value });
    }
  }

  *bodies(): Generator<IngestedEntry> {
    const { store, source } = this.#of;
    const { contents } = this.#of.ids;
    for (let record = 0; record < contents.length; record++) {
      const value = source.body(contents[record]);
      if (value !== undefined) yield { hi: store.entry.collection, lo: record, value };
    }
  }

  *ids(): Generator<IngestedEntry> {
    const { hi, lo, order, records } = this.#of.ids;
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
  async nodesOfVectors(): Promise<Uint32Array> {
    const order = this.#of.graph?.order ?? NO_IDS;
    this.#of.arrays.count(4 * order.length);
    const nodes = new Uint32Array(order.length);
    for (let node = 0; node < order.length; node++) {
      nodes[order[node]] = node;
      if (node % 8192 === 0) await this.#pause();
    }
    return nodes;
  }

  get #total(): number {
    return this.#of.vectors.length + 2 * this.#of.ids.contents.length;
  }

  /** Counts an entry, and ends the work when the signal was raised. */
  #count(entry: IngestedEntry): IngestedEntry {
    const { signal, progress } = this.#of;
    if (signal?.aborted) {
      throw new DatabaseError('ABORTED', 'the operation was aborted', { cause: signal.reason });
    }
    if (++this.#done % 1024 === 0) progress.report('tables', this.#done, this.#total);
    return entry;
  }

  /** The last one has been written. */
  reportEnd(): void {
    this.#of.progress.report('tables', this.#total, this.#total);
  }

  async #pause(): Promise<void> {
    const { slices, progress } = this.#of;
    if (!slices.isOver) return;
    progress.report('tables', this.#done, this.#total);
    await slices.pause();
  }
}
