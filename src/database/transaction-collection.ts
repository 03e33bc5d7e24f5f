/**
 * One collection as a transaction sees it: as the commit that was published last when it began, with what the
 * transaction itself has changed. Writes go into a buffer (`transaction-buffer.ts`), each at once and whole.
 */
import {
  type CheckedSelection,
  checkCount,
  checkDelete,
  checkGet,
  checkIdList,
  checkNamespaceOnly,
  checkScan,
  checkUpdate,
} from './check-calls.ts';
import { checkRecords, lastOfEachId, refuseRepeatedIds } from './checked-record.ts';
import type { NamespaceOptions } from './collection.ts';
import { alreadyThere } from './collection-writes.ts';
import type {
  CountOptions,
  DeleteSelection,
  GetOptions,
  Hit,
  RecordId,
  RecordInput,
  ScanOptions,
  SearchOptions,
  StoredRecord,
  UpdateInput,
  UpsertResult,
} from './record.ts';
import { encodeId } from './record-id.ts';
import { checkSearch } from './search-plan.ts';
import { exists, type TransactionBuffer } from './transaction-buffer.ts';
import { TransactionReads } from './transaction-reads.ts';
import type { TransactionScope } from './transaction-scope.ts';
import { updatedRecord } from './transaction-update.ts';

/**
 * Comes from `Transaction.collection`. Its methods are those of `Collection`, and see what the transaction has
 * written; nobody else does before it has ended. Records that are read or written by id are checked
 * at the end: see `Database.transaction`.
 */
export class TransactionCollection<Meta = unknown> {
  /** As it was when the transaction asked for it. */
  readonly name: string;
  readonly #scope: TransactionScope;
  readonly #buffer: TransactionBuffer;
  readonly #reads: TransactionReads;

  /** @internal Use `Transaction.collection`. */
  constructor(scope: TransactionScope, buffer: TransactionBuffer) {
    this.name = buffer.store.entry.name;
    this.#scope = scope;
    this.#buffer = buffer;
    this.#reads = new TransactionReads(scope.session, buffer, scope.view);
  }

  /** As `Collection.upsert`. */
  async upsert(records: RecordInput<Meta> | readonly RecordInput<Meta>[]): Promise<UpsertResult> {
    return await this.#scope.run(() => {
      const checked = lastOfEachId(checkRecords(records, this.#buffer.store.options));
      let inserted = 0;
      for (const record of checked) {
        const touched = this.#buffer.touch(record.namespace, record.id);
        if (!exists(touched)) inserted++;
        this.#buffer.put(touched, record);
      }
      return { inserted, replaced: checked.length - inserted };
    });
  }

  /** As `Collection.insert`: `ALREADY_EXISTS` when the transaction sees a record of that id. */
  async insert(
    records: RecordInput<Meta> | readonly RecordInput<Meta>[],
  ): Promise<{ readonly inserted: number }> {
    return await this.#scope.run(() => {
      const checked = refuseRepeatedIds(checkRecords(records, this.#buffer.store.options));
      const places = checked.map(({ namespace, id }) => this.#buffer.touch(namespace, id));
      const taken = places.find(exists);
      if (taken !== undefined) throw alreadyThere(taken.id);
      for (const [i, touched] of places.entries()) this.#buffer.put(touched, checked[i]);
      return { inserted: checked.length };
    });
  }

  /** As `Collection.update`. */
  async update(
    id: RecordId,
    changes: UpdateInput,
    options: NamespaceOptions = {},
  ): Promise<boolean> {
    return await this.#scope.run(() => {
      const namespace = checkNamespaceOnly(options);
      const checked = checkUpdate(changes, this.#buffer.store.options);
      const touched = this.#buffer.touch(namespace, encodeId(id));
      if (!exists(touched)) return false;
      const { sequence } = this.#scope.view;
      const update = { changes: checked, sequence };
      const { record, ...keeps } = updatedRecord(this.#buffer.store, touched, update);
      this.#buffer.put(touched, record, keeps);
      return true;
    });
  }

  /** As `Collection.delete`. */
  async delete(
    target: RecordId | readonly RecordId[] | DeleteSelection<Meta>,
    options: NamespaceOptions = {},
  ): Promise<number> {
    return await this.#scope.run(async () => {
      const checked = checkDelete(target, options);
      if (!('ids' in checked)) return await this.#deleteAll(checked);
      const { namespace, ids } = checked;
      return ids.filter((id) => this.#buffer.delete(this.#buffer.touch(namespace, id))).length;
    });
  }

  /** As `Collection.get`. */
  async get(id: RecordId, options: GetOptions = {}): Promise<StoredRecord<Meta> | undefined> {
    const encoded = encodeId(id);
    const checked = checkGet(options);
    return await this.#scope.run(() => this.#reads.get<Meta>(encoded, checked));
  }

  /** As `Collection.getMany`. */
  async getMany(
    ids: readonly RecordId[],
    options: GetOptions = {},
  ): Promise<(StoredRecord<Meta> | undefined)[]> {
    const encoded = checkIdList(ids);
    const checked = checkGet(options);
    return await this.#scope.run(() => this.#reads.getMany<Meta>(encoded, checked));
  }

  /** As `Collection.has`. */
  async has(id: RecordId, options: NamespaceOptions = {}): Promise<boolean> {
    const encoded = encodeId(id);
    const namespace = checkNamespaceOnly(options);
    return await this.#scope.run(() => this.#reads.has(namespace, encoded));
  }

  /** As `Collection.count`. Others may change what is counted before the transaction ends. */
  async count(options: CountOptions<Meta> = {}): Promise<number> {
    const checked = checkCount(options);
    return await this.#scope.run(() => this.#reads.count(checked));
  }

  /**
   * As `Collection.scan`, but records that the transaction has written come last, in the order in which it
   * wrote them first; what it writes while the scan runs does not show.
   */
  scan(options: ScanOptions<Meta> = {}): AsyncIterableIterator<StoredRecord<Meta>> {
    return this.#scan(options);
  }

  /** As `Collection.search`. Every vector that the transaction has written is compared with. */
  async search(options: SearchOptions<Meta>): Promise<Hit<Meta>[]> {
    const checked = checkSearch(options, this.#buffer.store.options);
    return await this.#scope.run(() => this.#reads.search<Meta>(checked));
  }

  async *#scan(options: ScanOptions<Meta>): AsyncGenerator<StoredRecord<Meta>, undefined> {
    this.#scope.view.assertOpen();
    yield* this.#reads.scan<Meta>(checkScan(options));
  }

  async #deleteAll(selection: CheckedSelection): Promise<number> {
    let deleted = 0;
    const scan = { ...checkScan({ include: [] }), ...selection };
    for await (const { id, namespace } of this.#reads.scan(scan)) {
      if (this.#buffer.delete(this.#buffer.touch(namespace, encodeId(id)))) deleted++;
    }
    return deleted;
  }
}
