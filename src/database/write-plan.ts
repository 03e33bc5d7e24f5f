/**
 * One commit being prepared, as far as it is of one collection. Each change is applied to the pages and the
 * graph in memory as it goes, and written into a batch; then either everything is committed or everything is
 * undone. The trees are not touched before the batch is whole, so undoing means forgetting what memory holds.
 *
 * Requires: it is its turn in the writer queue, from the beginning to `applied` or `rollback`; each id is
 * named at most once. `plan-group.ts` takes the plans of a commit to their end.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import { encodeEdges, readList } from '../lsm/list-codec.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import { pageKey } from '../paged/page-map.ts';
import type { PlacePolicy } from '../paged/place-policy.ts';
import { trainBits } from './bit-training.ts';
import { encodeBody } from './body.ts';
import type { CheckedRecord } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { ExpiryChanges } from './expiries.ts';
import { encodeHead, type Head, NO_NAMED, NO_NODE, nodeOf, withNode } from './head.ts';
import { hasExpired } from './read-view.ts';
import { RecordFields } from './record-fields.ts';
import type { FoundRecord } from './record-reader.ts';
import type { Stores } from './stores.ts';
import { TimeSlice } from './time-slice.ts';
import { BODIES_TREE, graphHi, HEADS_TREE, IDS_TREE, PAGES_TREE } from './trees.ts';
import { parseChecked } from './validate.ts';
import { encodeVectorAttachment } from './vector-attachment.ts';
import type { VectorStore } from './vector-store.ts';

const NO_IDS = new Uint32Array(0);
const NODE_MAX = 0xffffffff;
/** Of the module's memory: beyond it a plan opens no more pages than it must. */
const DIRTY_SHARE_MAX = 0.4;

/** What a record is to become. `undefined`: it has no such part. */
export interface NewContent {
  readonly vector: Float32Array | 'kept' | undefined;
  /** By name of the vector space; undefined: it loses the one that it has. */
  readonly named: ReadonlyMap<string, Float32Array | undefined>;
  /** Whether it keeps the vectors that `named` does not mention. Default: false. */
  readonly keepsNamed?: boolean;
  readonly metadata: string | undefined;
  readonly text: string | undefined;
  /** How long it lives from this commit on; undefined: for ever; 'kept': as long as it did. */
  readonly ttlMs: number | 'kept' | undefined;
}

type NewVectors = Pick<NewContent, 'vector' | 'named' | 'keepsNamed'>;

export class WritePlan {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  readonly #batch: WriteBatch;
  readonly #fields: RecordFields;
  /** The smallest number of a record that is new in this plan. */
  readonly #firstNew: number;
  readonly #dirtyBytesMax: number;
  #hasRepairs = false;
  readonly #changed: number[] = [];
  readonly #afterCommit: (() => void)[] = [];
  readonly #expiries: ExpiryChanges;
  /** Records that had expired and that this plan has deleted. */
  readonly #expired = new Set<number>();
  /** The soonest of the expiries that it writes. */
  #soonest = Number.POSITIVE_INFINITY;
  #slice: TimeSlice;
  /** The trees are read at it: the state before this plan. */
  readonly sequence: number;
  /** The time of the commit, in ms since 1970: times to live begin with it. */
  readonly now: number;

  /** Begins: from here on memory may differ from the trees. The batch may be one with other collections. */
  constructor(
    stores: Stores,
    store: CollectionStore,
    { batch, now }: { readonly batch: WriteBatch; readonly now: number },
  ) {
    this.#stores = stores;
    this.#store = store;
    this.#batch = batch;
    this.now = now;
    this.#slice = new TimeSlice(stores.pace);
    this.#expiries = new ExpiryChanges(store.entry.collection);
    this.#fields = new RecordFields(store.entry.collection, store.entry.fields, stores.hasher);
    this.#firstNew = store.counters.nextRecord;
    this.#dirtyBytesMax = stores.allocator.totalBytes * DIRTY_SHARE_MAX;
    this.sequence = stores.engine.appliedSequence;
    store.beginPlan();
  }

  /** Whether a sweep changed lists, which the batch gets in the end. */
  get hasRepairs(): boolean {
    return this.#hasRepairs;
  }

  /** A slice that begins now, for the caller's work and that of the plan in it. */
  beginSlice(): TimeSlice {
    this.#slice = new TimeSlice(this.#stores.pace);
    return this.#slice;
  }

  /** For a sweep: what else the commit writes, and what is done when it is applied. */
  get batch(): WriteBatch {
    return this.#batch;
  }

  noteRepair(): void {
    this.#hasRepairs = true;
  }

  afterCommit(done: () => void): void {
    this.#afterCommit.push(done);
  }

  /** The record of an id. One that has expired is deleted on the way, and not found. */
  find(namespace: string, id: Uint8Array): FoundRecord | undefined {
    const found = this.#store.reader.find(namespace, id, this.sequence);
    if (found === undefined || !hasExpired(found.head, this)) return found;
    if (!this.#expired.has(found.record)) this.delete(found);
    this.#expired.add(found.record);
    return undefined;
  }

  /** Adds a record whose id is new; pauses when the slice is over. */
  async insert(record: CheckedRecord): Promise<void> {
    const { counters, reader, entry } = this.#store;
    if (counters.nextRecord === NODE_MAX) throw exhausted('record numbers');
    const number = counters.nextRecord++;
    counters.records++;
    this.#changed.push(number);
    const { hi, lo } = reader.idKey(record.namespace, record.id);
    this.#batch.merge(IDS_TREE, hi, lo, encodeEdges(Uint32Array.of(number), NO_IDS));
    this.#fields.addNamespace(record.namespace, number);
    this.#changeFields(number, undefined, record.metadata);
    const body = encodeBody(record.metadata, record.text);
    const { namespace, id } = record;
    const hasBody = body !== undefined;
    const expiresAt = this.#expiryOf(record.ttlMs);
    this.#changeExpiry(number, undefined, expiresAt);
    const bare = { node: NO_NODE, named: NO_NAMED, hasBody, expiresAt, namespace, id };
    const head = await this.#withVectors(number, bare, record);
    this.#batch.set(HEADS_TREE, entry.collection, number, encodeHead(head));
    if (body !== undefined) this.#batch.set(BODIES_TREE, entry.collection, number, body);
  }

  /** Gives a stored record new content; its number stays, and its node too when the vector is equal. */
  async replace(found: FoundRecord, id: Uint8Array, content: NewContent): Promise<void> {
    const { record, head } = found;
    const { collection } = this.#store.entry;
    this.#changed.push(record);
    const body = encodeBody(content.metadata, content.text);
    const { ttlMs } = content;
    const expiresAt = ttlMs === 'kept' ? head.expiresAt : this.#expiryOf(ttlMs);
    this.#changeExpiry(record, head.expiresAt, expiresAt);
    const bare: Head = { ...head, hasBody: body !== undefined, expiresAt, id };
    const next = await this.#withVectors(record, bare, content);
    this.#changeFields(record, head, content.metadata);
    this.#batch.set(HEADS_TREE, collection, record, encodeHead(next));
    if (body !== undefined) this.#batch.set(BODIES_TREE, collection, record, body);
    else if (head.hasBody) this.#batch.delete(BODIES_TREE, collection, record);
  }

  /** Gives a stored record other vectors in named spaces; the rest of it stays. */
  async replaceNamed({ record, head }: FoundRecord, named: NewContent['named']): Promise<void> {
    this.#changed.push(record);
    const next = await this.#withVectors(record, head, { vector: 'kept', named });
    this.#batch.set(HEADS_TREE, this.#store.entry.collection, record, encodeHead(next));
  }

  delete({ record, head }: FoundRecord): void {
    const { reader, counters, entry } = this.#store;
    const { hi, lo } = reader.idKey(head.namespace, head.id);
    // An entry of no records would stay for ever.
    if (this.#isOnlyRecord(hi, lo)) this.#batch.delete(IDS_TREE, hi, lo);
    else this.#batch.merge(IDS_TREE, hi, lo, encodeEdges(NO_IDS, Uint32Array.of(record)));
    this.#fields.removeNamespace(head.namespace, record);
    this.#changeFields(record, head, undefined);
    this.#changeExpiry(record, head.expiresAt, undefined);
    this.#batch.delete(HEADS_TREE, entry.collection, record);
    if (head.hasBody) this.#batch.delete(BODIES_TREE, entry.collection, record);
    for (const space of this.#store.vectorStores) {
      const node = nodeOf(head, space.ordinal);
      if (node !== NO_NODE) space.makeGhost(node, this.sequence);
    }
    counters.records--;
    this.#changed.push(record);
  }

  /** Gives a record's node another place: a copy with the same lists, the old one becomes a ghost. */
  move(space: VectorStore, from: number): number {
    const { entry, reader } = this.#store;
    const { graph, vectors, counters } = space;
    const record = vectors.recordOf(from);
    const head = reader.head(record, this.sequence);
    const isOfRecord = head !== undefined && nodeOf(head, space.ordinal) === from;
    assert(isOfRecord, 'a living node is that of its record');
    const vector = vectors.readVector(from);
    const to = vectors.place(graph.neighboursForMove(from), this.#placement(space));
    vectors.put(to, record, vector);
    graph.move(from, to);
    space.makeGhost(from, this.sequence);
    counters.vectors++;
    const moved = encodeHead(withNode(head, space.ordinal, to));
    this.#batch.set(HEADS_TREE, entry.collection, record, moved);
    this.#batch.attach(encodeVectorAttachment({ space: space.id, node: to, record, vector }));
    return to;
  }

  /** Completes the batch with the lists and states that the changes left, in slices of time. */
  async prepare(): Promise<void> {
    const store = this.#store;
    for (const space of store.vectorStores) {
      await this.#writeLists(space);
      await trainBits(space, this.#batch, {
        exactBelow: store.options.exactBelow,
        memoryBytes: this.#stores.allocator.totalBytes,
        pace: this.#stores.pace,
      });
      for (const [page, value] of space.vectors.changedStates()) {
        this.#batch.set(PAGES_TREE, space.id, pageKey(page, 'states'), value);
      }
    }
    this.#fields.writeTo(this.#batch);
    this.#expiries.writeTo(this.#batch, this.#stores.engine, this.sequence);
    store.writeCounters(this.#batch);
  }

  /** In the moment in which readers begin to see the commit. */
  applied(sequence: number): void {
    const store = this.#store;
    store.commitPlan(sequence);
    if (this.#changed.length > 0) store.noteChanges(sequence, this.#changed);
    if (this.#soonest < Number.POSITIVE_INFINITY) store.expiries.note(this.#soonest);
    for (const done of this.#afterCommit) done();
  }

  /** After `applied`, and before the next plan: gives memory that the plan held back, with pauses. */
  *settling(): Generator<void, void> {
    for (const { graph } of this.#store.vectorStores) yield* graph.settlingPlan();
  }

  /** Undoes everything since the beginning. */
  rollback(): void {
    this.#store.rollbackPlan(this.sequence);
  }

  #expiryOf(ttlMs: number | undefined): number | undefined {
    return ttlMs === undefined ? undefined : this.now + ttlMs;
  }

  #changeExpiry(record: number, before: number | undefined, after: number | undefined): void {
    this.#expiries.change(record, before, after);
    if (after !== undefined) this.#soonest = Math.min(this.#soonest, after);
  }

  /** What indexed fields lose of the metadata of `head`'s record, and gain of `metadata` (JSON text). */
  #changeFields(record: number, head: Head | undefined, metadata: string | undefined): void {
    if (!this.#fields.hasFields) return;
    const before = head?.hasBody
      ? this.#store.reader.body(record, this.sequence).metadata
      : undefined;
    this.#fields.change(record, { before, after: parseChecked(metadata) });
  }

  async #insertVector(space: VectorStore, record: number, vector: Float32Array): Promise<number> {
    const { graph, vectors, counters } = space;
    const layer = graph.randomLayer();
    const plan = await this.#slice.run(graph.planningInsert(vector, layer));
    const node = vectors.place(plan.neighbours[0] ?? NO_IDS, this.#placement(space));
    vectors.put(node, record, vector);
    await this.#slice.run(graph.linking(node, layer, plan));
    counters.vectors++;
    this.#batch.attach(encodeVectorAttachment({ space: space.id, node, record, vector }));
    return node;
  }

  /** Pages that are filled one after the other pin the least memory until the next checkpoint. */
  #placement({ options }: VectorStore): PlacePolicy {
    const isTight = this.#stores.pages.dirtyBytes > this.#dirtyBytesMax;
    return isTight ? 'append' : options.placement;
  }

  /** The head of a record with the nodes that its vectors get; `head` has those that it had. */
  async #withVectors(record: number, head: Head, content: NewVectors): Promise<Head> {
    let next = head;
    for (const space of this.#store.vectorStores) {
      const before = nodeOf(head, space.ordinal);
      const changed = { record, before };
      const node = await this.#replaceVector(space, changed, vectorIn(content, space));
      if (node !== before) next = withNode(next, space.ordinal, node);
    }
    return next;
  }

  async #replaceVector(
    space: VectorStore,
    { record, before }: { readonly record: number; readonly before: number },
    vector: NewContent['vector'],
  ): Promise<number> {
    if (vector === 'kept') return before;
    if (before !== NO_NODE) {
      if (vector !== undefined && isStored(space, before, vector)) return before;
      space.makeGhost(before, this.sequence);
    }
    return vector === undefined ? NO_NODE : this.#insertVector(space, record, vector);
  }

  /** Whether an id that is there has a hash of its own; not asked when this plan adds ids too. */
  #isOnlyRecord(hi: number, lo: number): boolean {
    if (this.#store.counters.nextRecord !== this.#firstNew) return false;
    const bytes = this.#stores.engine.get(IDS_TREE, hi, lo, this.sequence);
    return bytes !== undefined && readList(bytes)?.length === 1;
  }

  async #writeLists({ id, graph, layout }: VectorStore): Promise<void> {
    const slice = new TimeSlice(this.#stores.pace);
    for (const touched of graph.touched()) {
      const { layer, node, list, before } = touched;
      const hi = graphHi(id, layer);
      if (before < 0) layout.writeList(this.#batch, hi, node, list);
      else if (touched.rewritten) {
        layout.writeReplaced(this.#batch, hi, node, touched.replaced, list);
      } else if (list.length > before) {
        layout.writeAdded(this.#batch, hi, node, list.subarray(before), list);
      }
      if (slice.isOver) await slice.yield();
    }
  }
}

function vectorIn(content: NewVectors, { ordinal, name }: VectorStore): NewContent['vector'] {
  const { vector, named, keepsNamed = false } = content;
  if (ordinal === 0) return vector;
  return keepsNamed && !named.has(name) ? 'kept' : named.get(name);
}

function isStored({ vectors, options }: VectorStore, node: number, vector: Float32Array): boolean {
  if (!options.originals) return false;
  const stored = vectors.readVector(node);
  const bits = (a: Float32Array): Buffer => Buffer.from(a.buffer, a.byteOffset, a.byteLength);
  return bits(stored).equals(bits(vector));
}

function exhausted(what: string): DatabaseError {
  return new DatabaseError('RESOURCE_EXHAUSTED', `the collection has given out all ${what}`);
}
