/**
 * The collections of an open database that were used: a store for each, made when it is asked for first, and what
 * became of those that were dropped or emptied since.
 */
import { DatabaseError, isExhausted } from '../errors.ts';
import { type CatalogEntry, spacesOf } from './catalog.ts';
import type { EffectiveDatabaseOptions } from './check-options.ts';
import { CollectionStore } from './collection-store.ts';
import type { Stores } from './stores.ts';
import type { VectorAttachment } from './vector-attachment.ts';

export class OpenCollections {
  readonly #stores: Stores;
  readonly #options: EffectiveDatabaseOptions;
  readonly #onWritable: (store: CollectionStore) => void;
  /** By collection number. */
  readonly #byNumber = new Map<number, CollectionStore>();

  /** `onWritable` is told of each store that is made, if it may be written to. */
  constructor(
    stores: Stores,
    options: EffectiveDatabaseOptions,
    onWritable: (store: CollectionStore) => void,
  ) {
    this.#stores = stores;
    this.#options = options;
    this.#onWritable = onWritable;
  }

  /** The store of a collection; made when it is asked for first. */
  storeOf(entry: CatalogEntry): CollectionStore {
    const known = this.#byNumber.get(entry.collection);
    if (known !== undefined) return known;
    const store = this.#make(entry);
    this.#finishReplay(store);
    return store;
  }

  /** Those that were used since the database was opened, and were not dropped. */
  get open(): CollectionStore[] {
    return this.all.filter(({ entry }) => !entry.isDropped);
  }

  /** As `open`, with those that were dropped and are not purged yet. */
  get all(): CollectionStore[] {
    return [...this.#byNumber.values()];
  }

  /** What is in the place of a collection now. NOT_FOUND when it was dropped. */
  current(store: CollectionStore): CollectionStore {
    let current = store;
    while (current.successor !== undefined) current = current.successor;
    if (current.entry.isDropped) throw current.gone();
    return current;
  }

  /** The collection that had this name at `sequence`, which a view holds, if it was dropped or emptied since. */
  droppedSince(name: string, sequence: number): CollectionStore | undefined {
    let first: CollectionStore | undefined;
    for (const store of this.#byNumber.values()) {
      const { entry, droppedSequence } = store;
      if (entry.name !== name || droppedSequence <= sequence) continue;
      // Later ones were made after it.
      if (first === undefined || droppedSequence < first.droppedSequence) first = store;
    }
    return first;
  }

  /** Nothing is left of the collection: gives its memory back. */
  forget(store: CollectionStore): void {
    this.#byNumber.delete(store.entry.collection);
    store.release();
  }

  /**
   * Puts the vectors of the log into the pages that were not written before the database ended; `entries` are all
   * collections that may have some. They stay in memory until the next checkpoint: RESOURCE_EXHAUSTED when there is
   * too little of it.
   */
  replay(entries: readonly CatalogEntry[], attachments: readonly VectorAttachment[]): void {
    const bySpace = new Map<number, CatalogEntry>();
    for (const entry of entries) {
      for (const { space } of spacesOf(entry)) bySpace.set(space, entry);
    }
    try {
      for (const attachment of attachments) {
        const entry = bySpace.get(attachment.space);
        // The space of a collection that was dropped, and is purged.
        if (entry === undefined) continue;
        const store = this.#byNumber.get(entry.collection) ?? this.#make(entry);
        store.replay(attachment);
      }
      for (const store of this.all) this.#finishReplay(store);
    } catch (cause) {
      if (!isExhausted(cause)) throw cause;
      const message =
        `memoryBytes: ${this.#options.memoryBytes} is too small to replay the ${attachments.length} ` +
        'vectors of the log; open with what the database was written with, and close it once';
      throw new DatabaseError('RESOURCE_EXHAUSTED', message, { cause });
    }
  }

  #make(entry: CatalogEntry): CollectionStore {
    const store = new CollectionStore(this.#stores, entry);
    this.#byNumber.set(entry.collection, store);
    if (!this.#options.readOnly && !entry.isDropped) this.#onWritable(store);
    return store;
  }

  /** The log may have changed a collection without a vector of it: then this is all there is to do. */
  #finishReplay(store: CollectionStore): void {
    try {
      store.finishReplay();
    } catch (error) {
      this.forget(store);
      throw error;
    }
  }
}
