/** The database as it was at one commit and one moment, for as long as it is open. */
import { DatabaseError } from '../errors.ts';
import { checkCount, checkGet, checkIdList, checkNamespaceOnly, checkScan } from './check-calls.ts';
import type { NamespaceOptions } from './collection.ts';
import { CollectionReads } from './collection-reads.ts';
import type { CollectionStore } from './collection-store.ts';
import type { FixedView } from './read-view.ts';
import type {
  CountOptions,
  GetOptions,
  Hit,
  RecordId,
  ScanOptions,
  SearchOptions,
  SearchResult,
  StoredRecord,
} from './record.ts';
import { checkDistance, type DistanceOptions } from './record-distance.ts';
import { encodeId } from './record-id.ts';
import { checkSearches, type SearchManyOptions, searchMany } from './search-many.ts';
import { checkSearch } from './search-plan.ts';
import type { Session } from './session.ts';
import { describe } from './validate.ts';

/**
 * Comes from `Database.snapshot`. What it shows never changes: neither by later commits, nor by records that
 * expire. While it is open nothing of it is removed from memory or disk, so that memory and files grow
 * with what is written meanwhile, and searches compare with each vector deleted since: close it soon. What a closed
 * one is asked rejects with `DATABASE_CLOSED`; a scan under way ends with it.
 */
export class Snapshot implements AsyncDisposable {
  readonly #session: Session;
  readonly #view: FixedView;
  /** By name, as it was when the snapshot was taken. */
  readonly #stores: ReadonlyMap<string, () => CollectionStore>;

  /** @internal Use `Database.snapshot`. */
  constructor(
    session: Session,
    view: FixedView,
    stores: ReadonlyMap<string, () => CollectionStore>,
  ) {
    this.#session = session;
    this.#view = view;
    this.#stores = stores;
  }

  /** One of the collections that there were: `NOT_FOUND`. Only its reads are there. */
  collection<Meta = unknown>(name: string): SnapshotCollection<Meta> {
    this.#view.assertOpen();
    const store = this.#stores.get(name)?.();
    if (store === undefined) {
      const message = `there was no collection ${describe(name)} when the snapshot was taken`;
      throw new DatabaseError('NOT_FOUND', message);
    }
    return new SnapshotCollection(this.#session, { name, store, view: this.#view });
  }

  /** Lets what it holds go. Reads under way end first, without being waited for. Idempotent. */
  async close(): Promise<void> {
    this.#view.close(hasClosed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The reads of a collection, at a snapshot. */
export class SnapshotCollection<Meta = unknown> {
  /** As it was when the snapshot was taken. */
  readonly name: string;
  readonly #session: Session;
  readonly #store: CollectionStore;
  readonly #view: FixedView;
  readonly #reads: CollectionReads;

  /** @internal Use `Snapshot.collection`. */
  constructor(
    session: Session,
    {
      name,
      store,
      view,
    }: { readonly name: string; readonly store: CollectionStore; readonly view: FixedView },
  ) {
    this.name = name;
    this.#session = session;
    this.#store = store;
    this.#view = view;
    this.#reads = new CollectionReads(session, store, view);
  }

  /** As `Collection.get`. */
  async get(id: RecordId, options: GetOptions = {}): Promise<StoredRecord<Meta> | undefined> {
    const encoded = encodeId(id);
    const checked = checkGet(options);
    return await this.#read(() => this.#reads.get<Meta>(encoded, checked));
  }

  /** As `Collection.getMany`. */
  async getMany(
    ids: readonly RecordId[],
    options: GetOptions = {},
  ): Promise<(StoredRecord<Meta> | undefined)[]> {
    const encoded = checkIdList(ids);
    const checked = checkGet(options);
    return await this.#read(() => this.#reads.getMany<Meta>(encoded, checked));
  }

  /** As `Collection.has`. */
  async has(id: RecordId, options: NamespaceOptions = {}): Promise<boolean> {
    const encoded = encodeId(id);
    const namespace = checkNamespaceOnly(options);
    return await this.#read(() => this.#reads.has(namespace, encoded));
  }

  /** As `Collection.count`. */
  async count(options: CountOptions<Meta> = {}): Promise<number> {
    const checked = checkCount(options);
    return await this.#read(() => this.#reads.count(checked));
  }

  /** As `Collection.scan`. */
  scan(options: ScanOptions<Meta> = {}): AsyncIterableIterator<StoredRecord<Meta>> {
    return this.#scan(options);
  }

  /** As `Collection.search`. */
  async search(options: SearchOptions<Meta>): Promise<Hit<Meta>[]> {
    const checked = checkSearch(options, this.#store.options);
    return await this.#read(
      async () =>
        this.#reads.searchNow<Meta>(checked) ?? (await this.#reads.search<Meta>(checked)).hits,
    );
  }

  /** As `Collection.searchWithStats`. */
  async searchWithStats(options: SearchOptions<Meta>): Promise<SearchResult<Meta>> {
    const checked = checkSearch(options, this.#store.options);
    return await this.#read(() => this.#reads.searchResult<Meta>(checked));
  }

  /** As `Collection.distance`. */
  async distance(idA: RecordId, idB: RecordId, options: DistanceOptions = {}): Promise<number> {
    const checked = checkDistance([idA, idB], options, this.#store.options);
    return await this.#read(() => this.#reads.distance(checked));
  }

  /** As `Collection.searchMany`. */
  async searchMany(
    queries: readonly SearchOptions<Meta>[],
    options: SearchManyOptions = {},
  ): Promise<Hit<Meta>[][]> {
    const checked = checkSearches(queries, options, this.#store.options);
    return await this.#read(() =>
      searchMany<Meta>(this.#session, this.#store, this.#view, checked),
    );
  }

  async *#scan(options: ScanOptions<Meta>): AsyncGenerator<StoredRecord<Meta>, undefined> {
    this.#view.assertOpen();
    yield* this.#reads.scan<Meta>(checkScan(options));
  }

  async #read<T>(operation: () => T | Promise<T>): Promise<T> {
    this.#view.assertOpen();
    return await this.#session.read(operation);
  }
}

function hasClosed(): DatabaseError {
  return new DatabaseError('DATABASE_CLOSED', 'the snapshot is closed; take another one');
}
