/**
 * One collection inside the database: its vector spaces, its counters as the writer sees them, and the reader
 * of its records.
 */
import { assert } from '../base/assert.ts';
import {
  type CatalogEntry,
  type CollectionCounters,
  type RecordCounters,
  readCounters,
  type SpaceCounters,
} from './catalog.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import { RecordReader } from './record-reader.ts';
import type { Stores } from './stores.ts';
import type { VectorAttachment } from './vector-attachment.ts';
import { VectorStore } from './vector-store.ts';

/** Counters where there is no default vector space. */
const NO_SPACE: SpaceCounters = { vectors: 0, entry: undefined, pages: new Uint8Array(0) };

export class CollectionStore {
  readonly entry: CatalogEntry;
  readonly reader: RecordReader;
  /** The default vector space, if there is one. */
  readonly main: VectorStore | undefined;
  /** Named vector spaces. */
  readonly named: ReadonlyMap<string, VectorStore> = new Map();
  /** Of records, as the writer has applied them; readers take theirs from the tree. */
  readonly counters: RecordCounters;
  /** In effect: `exactBelow` is that of the last `Database.collection` call. */
  options: EffectiveCollectionOptions;
  /** Sequence of the last commit that changed which records there are. */
  changedSequence = 0;
  /** Counters at the beginning of the plan under way. */
  #before: RecordCounters | undefined;

  constructor(stores: Stores, entry: CatalogEntry) {
    this.entry = entry;
    this.options = entry.options;
    const { engine, hasher } = stores;
    const { collection, space, options } = entry;
    this.reader = new RecordReader(engine, hasher, collection);
    const { nextRecord, records, ...counters } = readCounters(engine, collection);
    this.counters = { nextRecord, records };
    this.main = new VectorStore(stores, {
      id: space,
      ordinal: 0,
      name: '',
      options,
      counters,
      seed: options.seed + nextRecord,
      countersAt: (sequence) => readCounters(engine, collection, sequence),
    });
  }

  /** The default vector space, of a collection that has one. */
  get defaultSpace(): VectorStore {
    assert(this.main !== undefined, 'the collection has a default vector space');
    return this.main;
  }

  /** All vector spaces, by ordinal. */
  get vectorStores(): readonly VectorStore[] {
    return this.main === undefined ? [...this.named.values()] : [this.main, ...this.named.values()];
  }

  /** Makes a vector of the log, that was not in the pages yet, be in them again. */
  replay(attachment: VectorAttachment): void {
    this.vectorStores.find(({ id }) => id === attachment.space)?.replay(attachment);
  }

  /** From here on memory may differ from the trees, until `commitPlan` or `rollbackPlan`. */
  beginPlan(): void {
    this.#before = { ...this.counters };
    for (const space of this.vectorStores) space.beginPlan();
  }

  /** All counters, for the commit that is being planned. */
  plannedCounters(): CollectionCounters {
    const main = this.main?.plannedCounters() ?? NO_SPACE;
    return { ...this.counters, ...main };
  }

  /** In the moment in which readers begin to see the commit of that sequence. */
  commitPlan(sequence: number): void {
    for (const space of this.vectorStores) space.commitPlan(sequence);
    this.#before = undefined;
  }

  /** Undoes everything since `beginPlan`; `sequence` is that of the last commit. */
  rollbackPlan(sequence: number): void {
    for (const space of this.vectorStores) space.rollbackPlan(sequence);
    Object.assign(this.counters, this.#before);
    this.#before = undefined;
  }
}
