/** The public face of a collection: checks what it is given, and hands the work on. */

import type { FieldType } from '../filter/index-code.ts';
import { changeCurrent } from './change-current.ts';
import {
  type CheckedScan,
  checkCount,
  checkDelete,
  checkGet,
  checkIdList,
  checkNamespaceOnly,
  checkScan,
  checkUpdate,
} from './check-calls.ts';
import { checkRecords, lastOfEachId, refuseRepeatedIds } from './checked-record.ts';
import { CollectionReads } from './collection-reads.ts';
import type { CollectionStore } from './collection-store.ts';
import {
  deleteRecords,
  deleteSelected,
  insertRecords,
  updateRecord,
  upsertRecords,
} from './collection-writes.ts';
import { checkField, fieldsInfo } from './field-options.ts';
import {
  type BuildInput,
  type BuildOptions,
  buildCollection,
  type IngestOptions,
  ingestRecords,
} from './ingest.ts';
import type { EffectiveCollectionOptions, EffectiveSpaceOptions } from './options.ts';
import { checkRecall, type RecallOptions, type RecallReport } from './recall-measurement.ts';
import type {
  CountOptions,
  DeleteSelection,
  GetOptions,
  Hit,
  RecordId,
  RecordInput,
  ScanOptions,
  SearchOptions,
  SearchResult,
  StoredRecord,
  UpdateInput,
  UpsertResult,
} from './record.ts';
import { checkDistance, type DistanceOptions } from './record-distance.ts';
import { encodeId } from './record-id.ts';
import { checkSearches, type SearchManyOptions, searchMany } from './search-many.ts';
import { checkSearch, ownQueries } from './search-plan.ts';
import type { Session } from './session.ts';
import { isWatched, queryChannel, traced } from './tracing.ts';
import { borrowVector } from './validate.ts';
import { codesInUse } from './vector-store.ts';

/** A named vector space, and how many records have a vector there. */
export interface VectorSpaceInfo extends Omit<EffectiveSpaceOptions, 'codes'> {
  /** What searches walk on now. */
  readonly codes: 'sq8' | 'bit' | 'none';
  /** Living vectors. */
  readonly vectors: number;
}

/** What a collection is and how much is in it. `dimension` is 0 without a default vector space. */
export interface CollectionInfo extends Omit<EffectiveCollectionOptions, 'vectors' | 'codes'> {
  readonly name: string;
  /** What searches walk on now: see `CollectionOptions.codes`. */
  readonly codes: 'sq8' | 'bit' | 'none';
  /** Living records. */
  readonly records: number;
  /** How many of them have a vector in the default space. */
  readonly vectors: number;
  /** By name of the space. */
  readonly namedVectors: Readonly<Record<string, VectorSpaceInfo>>;
  /** Indexed fields: their types by path. */
  readonly fields: Readonly<Record<string, FieldType>>;
  /** Which of them are not in use yet. */
  readonly fieldsBuilding: readonly string[];
}

/** Names of one namespace: where a call names records by id. */
export interface NamespaceOptions {
  /** Default: '' (the default namespace). */
  readonly namespace?: string | undefined;
}

/**
 * Records of one kind: ids, vectors of one dimension and metric, metadata and text. Comes from
 * `Database.collection`; lives as long as its database is open. Every call is one commit: it is visible
 * and durable as a whole or not at all.
 */
export class Collection<Meta = unknown> {
  readonly #session: Session;
  /** As it was given, or what took its place when it was emptied. */
  #opened: CollectionStore;

  /** @internal Use `Database.collection`. */
  constructor(session: Session, store: CollectionStore) {
    this.#session = session;
    this.#opened = store;
  }

  /** As it is now: `Database.renameCollection` changes it. */
  get name(): string {
    return this.#opened.entry.name;
  }

  /** NOT_FOUND when it was dropped. */
  get #store(): CollectionStore {
    this.#opened = this.#session.collections.current(this.#opened);
    return this.#opened;
  }

  get #reads(): CollectionReads {
    return new CollectionReads(this.#session, this.#store);
  }

  /** Options in effect, and counts as of the last published commit. O(1). */
  info(): CollectionInfo {
    this.#session.assertOpen();
    const { records, vectors, named } = this.#reads.counts();
    const { main, named: spaces, options } = this.#store;
    const infos = Object.entries(options.vectors).map(([name, space]) => {
      const codes = codesInUse(space.codes, spaces.get(name));
      return [name, { ...space, codes, vectors: named.get(name) ?? 0 }] as const;
    });
    const { vectors: _, ...own } = options;
    const shown = { ...own, codes: codesInUse(own.codes, main) };
    const namedVectors = Object.fromEntries(infos);
    const { fields, fieldsBuilding } = fieldsInfo(this.#store.entry.fields);
    const counts = { records, vectors, namedVectors };
    return { name: this.name, ...shown, ...counts, fields, fieldsBuilding };
  }

  /**
   * Stores records, replacing whole those whose id is there. Of records with the same id in one call
   * the last one wins. Nothing is stored when one is refused: `INVALID_ARGUMENT`, `DIMENSION_MISMATCH`. What is given is copied before the call
   * returns its promise: batches of up to a thousand or so keep the event loop free.
   */
  async upsert(records: RecordInput<Meta> | readonly RecordInput<Meta>[]): Promise<UpsertResult> {
    return await this.#session.modify(() => {
      const checked = lastOfEachId(checkRecords(records, this.#store.options));
      return this.#change((store) => upsertRecords(this.#session, store, checked));
    });
  }

  /**
   * Fills an empty collection from arrays, at once: the graph is built from all vectors together, many times
   * faster than by `upsert`, and pages and tables are written once. One commit, durable when it resolves;
   * after an error or an abort the collection is empty as before. Of equal ids the last wins. Other
   * writes of the database wait meanwhile. Into a collection that is not empty it inserts in batches, each a
   * commit; and so it does with the vectors that are more than memory holds codes and lists of.
   */
  async build(input: BuildInput<Meta>, options: BuildOptions = {}): Promise<UpsertResult> {
    return await this.#session.modify(() =>
      buildCollection(this.#session, this.#store, input, options),
    );
  }

  /**
   * As `build`, from a stream of records, which wait in temporary files of the database's directory. An error of
   * the stream ends it, with nothing stored where the collection was empty.
   */
  async ingest(
    records: AsyncIterable<RecordInput<Meta>> | Iterable<RecordInput<Meta>>,
    options: IngestOptions = {},
  ): Promise<UpsertResult> {
    return await this.#session.modify(() =>
      ingestRecords(this.#session, this.#store, records, options),
    );
  }

  /** As `upsert`, but `ALREADY_EXISTS`, and nothing is stored, when an id is there or is repeated. */
  async insert(
    records: RecordInput<Meta> | readonly RecordInput<Meta>[],
  ): Promise<{ readonly inserted: number }> {
    return await this.#session.modify(() => {
      const checked = refuseRepeatedIds(checkRecords(records, this.#store.options));
      return this.#change((store) => insertRecords(this.#session, store, checked));
    });
  }

  /** Changes parts of a record, in one commit; false when there is none. An equal vector changes no graph. */
  async update(
    id: RecordId,
    changes: UpdateInput,
    options: NamespaceOptions = {},
  ): Promise<boolean> {
    return await this.#session.modify(async () => {
      const at = { namespace: checkNamespaceOnly(options), id: encodeId(id) };
      const checked = checkUpdate(changes, this.#store.options);
      return await this.#change((store) => updateRecord(this.#session, store, at, checked));
    });
  }

  /**
   * Deletes records by id, those that pass a filter with `{ filter, namespace }` (all namespaces by default), or all of
   * a namespace with `{ namespace }`; gives how many there were. One commit, whose size memory limits: a
   * deletion that is too large for it is refused with `RESOURCE_EXHAUSTED` and deletes nothing.
   */
  async delete(
    target: RecordId | readonly RecordId[] | DeleteSelection<Meta>,
    options: NamespaceOptions = {},
  ): Promise<number> {
    return await this.#session.modify(async () => {
      const checked = checkDelete(target, options);
      return await this.#change((store) =>
        'ids' in checked
          ? deleteRecords(this.#session, store, checked)
          : deleteSelected(this.#session, store, checked),
      );
    });
  }

  /** Deletes all records, in one commit; gives how many there were. Options and fields stay. */
  async clear(): Promise<number> {
    return await this.#session.modify(() =>
      this.#change((store) => this.#session.catalog.clear(store)),
    );
  }

  /** The record of an id, or undefined. What it holds is the caller's. */
  async get(id: RecordId, options: GetOptions = {}): Promise<StoredRecord<Meta> | undefined> {
    const encoded = encodeId(id);
    const checked = checkGet(options);
    return await this.#session.read(() => this.#reads.get<Meta>(encoded, checked));
  }

  /** As many answers as ids, in their order; undefined where there is no record. */
  async getMany(
    ids: readonly RecordId[],
    options: GetOptions = {},
  ): Promise<(StoredRecord<Meta> | undefined)[]> {
    const encoded = checkIdList(ids);
    const checked = checkGet(options);
    return await this.#session.read(() => this.#reads.getMany<Meta>(encoded, checked));
  }

  /** Whether there is a record of that id. Reads less than `get`. */
  async has(id: RecordId, options: NamespaceOptions = {}): Promise<boolean> {
    const encoded = encodeId(id);
    const namespace = checkNamespaceOnly(options);
    return await this.#session.read(() => this.#reads.has(namespace, encoded));
  }

  /** Living records. O(1) without options; else all heads are read, and with a filter all metadata. */
  async count(options: CountOptions<Meta> = {}): Promise<number> {
    const selection = checkCount(options);
    return await this.#session.read(() => this.#reads.count(selection));
  }

  /**
   * Records in the order in which their ids were first stored, as of the commit that was the last one
   * when the scan began, whatever is written meanwhile. Until it has ended (or `return` was called) the files that it reads
   * stay. What is wrong with its options is thrown by the first step.
   */
  scan(options: ScanOptions<Meta> = {}): AsyncIterableIterator<StoredRecord<Meta>> {
    return this.#scan(options);
  }

  /**
   * The k records nearest to a vector, or to a stored record, nearest first; of equal distances the record that is stored
   * longer. As of the last published commit. About O(log n) distances; up to `exactBelow` vectors, and with `exact`, all
   * of them. `NOT_FOUND` when the record of `id` is missing, `DIMENSION_MISMATCH`, `ABORTED`. See `SearchOptions`.
   */
  async search(options: SearchOptions<Meta>): Promise<Hit<Meta>[]> {
    this.#session.assertOpen();
    const borrowed = checkSearch(options, this.#store.options, borrowVector);
    if (!isWatched(queryChannel)) {
      const hits = this.#session.readNow(() => this.#reads.searchNow<Meta>(borrowed));
      if (hits !== undefined) return hits;
    }
    const checked = ownQueries(borrowed);
    // Without the cursor, which hashes the query.
    return (await this.#query(options, () => this.#reads.search<Meta>(checked))).hits;
  }

  /**
   * Indexes a field of the metadata, of the records that are there too, in commits beside other writes; resolves when filters
   * use it. Goes on at the next opening when the database is closed before. `INVALID_ARGUMENT` when it is indexed by
   * another type.
   */
  async addField(path: string, type: FieldType): Promise<void> {
    await this.#session.modify(async () => {
      checkField(path, type, 'addField');
      await this.#change((store) => this.#session.fieldJobs.add(store, path, type));
    });
  }

  /** Removes the index of a field; the metadata stays. False when there is none. */
  async dropField(path: string): Promise<boolean> {
    return await this.#session.modify(() => this.#session.fieldJobs.drop(this.#store, path));
  }

  /** As `search`, with how it was done. */
  async searchWithStats(options: SearchOptions<Meta>): Promise<SearchResult<Meta>> {
    this.#session.assertOpen();
    const checked = checkSearch(options, this.#store.options);
    return await this.#query(options, () => this.#reads.searchResult<Meta>(checked));
  }

  /**
   * The hits of many searches, in their order, all as of one commit. They share the database's `threads` and the
   * calling thread. Arguments of all are checked before any runs; an error names the position of its search.
   */
  async searchMany(
    queries: readonly SearchOptions<Meta>[],
    options: SearchManyOptions = {},
  ): Promise<Hit<Meta>[][]> {
    this.#session.assertOpen();
    const checked = checkSearches(queries, options, this.#store.options);
    return await this.#query({ ...options, queries }, () =>
      searchMany<Meta>(this.#session, this.#store, this.#session.published, checked),
    );
  }

  /**
   * The recall of searches, measured: `sample` stored records are searched by, each left out of its own answer, and the
   * answers compared with those of exact searches. `ef` or `recall` are those of the searches.
   */
  async recall(options: RecallOptions = {}): Promise<RecallReport> {
    this.#session.assertOpen();
    const checked = checkRecall(options, this.#store.options);
    return await this.#session.read(() => this.#reads.recall(checked));
  }

  /** The exact distance of two stored records. `NOT_FOUND` when one is missing. */
  async distance(idA: RecordId, idB: RecordId, options: DistanceOptions = {}): Promise<number> {
    this.#session.assertOpen();
    const checked = checkDistance([idA, idB], options, this.#store.options);
    return await this.#session.read(() => this.#reads.distance(checked));
  }

  /** A change that goes to what took the place of the collection, when it was emptied before its turn came. */
  async #change<T>(change: (store: CollectionStore) => Promise<T>): Promise<T> {
    return await changeCurrent(this.#session, this.#store, change);
  }

  /** A search that may be watched. */
  async #query<T>(options: object, run: () => Promise<T>): Promise<T> {
    const context = () => ({ collection: this.name, options });
    return await traced(queryChannel, context, () => this.#session.read(run));
  }

  async *#scan(options: ScanOptions<Meta>): AsyncGenerator<StoredRecord<Meta>, undefined> {
    this.#session.assertOpen();
    const checked: CheckedScan = checkScan(options);
    yield* this.#reads.scan<Meta>(checked);
  }
}
