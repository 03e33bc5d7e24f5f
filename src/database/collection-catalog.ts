/**
 * The collections of an open database by name: making, renaming, emptying and dropping them, each one commit.
 *
 * What a dropped collection held is deleted afterwards, in the background (`purger.ts`); its entry stays in the
 * catalog until that is done. Emptying puts a new collection in the place of the old one, which is dropped.
 */
import { DatabaseError } from '../errors.ts';
import { WriteBatch } from '../lsm/write-batch.ts';
import {
  type CatalogEntry,
  type DatabaseCounters,
  numberSpaces,
  readCatalogEntries,
  readDatabaseCounters,
  writeCatalogEntry,
  writeDatabaseCounters,
} from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import type { SessionHost } from './session-host.ts';

type NewEntry = Pick<CatalogEntry, 'name' | 'options' | 'fields'>;

export class CollectionCatalog {
  readonly #session: SessionHost;
  readonly #entries = new Map<string, CatalogEntry>();
  readonly #dropped = new Set<CatalogEntry>();
  #counters: DatabaseCounters;
  /** Of the last commit that changed it. */
  #changedSequence = 0;

  constructor(session: SessionHost) {
    this.#session = session;
    const { engine } = session.stores;
    this.#counters = readDatabaseCounters(engine);
    for (const entry of readCatalogEntries(engine)) {
      if (entry.isDropped) this.#dropped.add(entry);
      else this.#entries.set(entry.name, entry);
    }
  }

  get names(): string[] {
    return [...this.#entries.keys()].sort();
  }

  /** Of living collections. */
  get entries(): Iterable<CatalogEntry> {
    return this.#entries.values();
  }

  /** Of collections that are not purged yet. */
  get dropped(): Iterable<CatalogEntry> {
    return this.#dropped;
  }

  /**
   * Collections by the names that they had at `sequence`, which a view holds. In memory is what was applied, which may
   * be ahead of what readers see: then the tree is read.
   */
  entriesAt(sequence: number): ReadonlyMap<string, CatalogEntry> {
    if (this.#changedSequence <= sequence) return new Map(this.#entries);
    const known = new Map<number, CatalogEntry>();
    for (const entry of [...this.#dropped, ...this.#entries.values()]) {
      known.set(entry.collection, entry);
    }
    const entries = new Map<string, CatalogEntry>();
    const { engine } = this.#session.stores;
    for (const { name, collection, isDropped } of readCatalogEntries(engine, sequence)) {
      const entry = known.get(collection);
      if (entry !== undefined && !isDropped) entries.set(name, entry);
    }
    return entries;
  }

  get(name: string): CatalogEntry | undefined {
    return this.#entries.get(name);
  }

  /** NOT_FOUND. */
  entryOf(name: string): CatalogEntry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new DatabaseError('NOT_FOUND', `there is no collection '${name}'`);
  }

  /** Within `modify`. The entry of that name if it was made meanwhile. */
  async create(given: NewEntry): Promise<CatalogEntry> {
    return await this.#commit((batch) => {
      const existing = this.#entries.get(given.name);
      if (existing !== undefined) return { result: existing, applied: () => {} };
      const { entry, counters } = this.#add(batch, given);
      return { result: entry, applied: () => this.#made(entry, counters) };
    });
  }

  /** Within `modify`. NOT_FOUND, ALREADY_EXISTS. */
  async rename(from: string, to: string): Promise<void> {
    await this.#commit((batch) => {
      const entry = this.entryOf(from);
      if (to !== from && this.#entries.has(to)) {
        throw new DatabaseError('ALREADY_EXISTS', `there is a collection '${to}' already`);
      }
      writeCatalogEntry(batch, { ...entry, name: to });
      const applied = (): void => {
        this.#entries.delete(from);
        entry.name = to;
        this.#entries.set(to, entry);
      };
      return { result: undefined, applied };
    });
  }

  /** Within `modify`. False when there is none. */
  async drop(name: string): Promise<boolean> {
    return await this.#commit((batch) => {
      const entry = this.#entries.get(name);
      if (entry === undefined) return { result: false, applied: () => {} };
      writeCatalogEntry(batch, { ...entry, isDropped: true });
      const store = this.#session.collections.storeOf(entry);
      return { result: true, applied: (sequence) => this.#drop(store, sequence) };
    });
  }

  /** Within `modify`. All records of the collection go at once; gives how many there were. */
  async clear(store: CollectionStore): Promise<number> {
    return await this.#commit((batch) => {
      const { entry: old } = store;
      if (old.isDropped) throw store.gone();
      writeCatalogEntry(batch, { ...old, isDropped: true });
      const fields = old.fields
        .filter(({ state }) => state !== 'dropping')
        .map((field) => ({ ...field, state: 'ready' as const }));
      const { entry, counters } = this.#add(batch, { ...old, fields });
      const applied = (sequence: number): void => {
        this.#drop(store, sequence);
        this.#made(entry, counters);
        const next = this.#session.collections.storeOf(entry);
        next.options = store.options;
        store.successor = next;
      };
      return { result: store.counters.records, applied };
    });
  }

  /** Nothing is left of it. */
  forget(entry: CatalogEntry): void {
    this.#dropped.delete(entry);
  }

  #add(
    batch: WriteBatch,
    { name, options, fields }: NewEntry,
  ): { entry: CatalogEntry; counters: DatabaseCounters } {
    const { nextCollection, nextSpace } = this.#counters;
    const { next, ...spaces } = numberSpaces(options, nextSpace);
    const entry = {
      collection: nextCollection,
      name,
      options,
      fields,
      ...spaces,
      isDropped: false,
    };
    const counters = { nextCollection: nextCollection + 1, nextSpace: next };
    writeCatalogEntry(batch, entry);
    writeDatabaseCounters(batch, counters);
    return { entry, counters };
  }

  #made(entry: CatalogEntry, counters: DatabaseCounters): void {
    this.#counters = counters;
    this.#entries.set(entry.name, entry);
  }

  #drop(store: CollectionStore, sequence: number): void {
    const { entry } = store;
    store.droppedSequence = sequence;
    if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name);
    entry.isDropped = true;
    this.#dropped.add(entry);
    this.#session.purger.add(store);
  }

  /** A turn of the writer with one commit; `applied` is called in the moment in which readers see it. */
  async #commit<T>(
    prepare: (batch: WriteBatch) => {
      readonly result: T;
      readonly applied: (sequence: number) => void;
    },
  ): Promise<T> {
    return await this.#session.exclusive(async () => {
      const batch = new WriteBatch();
      const { result, applied } = prepare(batch);
      if (batch.entryCount === 0) return { result, durable: Promise.resolve() };
      const { engine } = this.#session.stores;
      const sequence = engine.write(batch);
      this.#changedSequence = sequence;
      applied(sequence);
      return { result, durable: engine.committed(sequence) };
    });
  }
}
