/** The public face of a database: opening, its collections, and what concerns it as a whole. */

import { DatabaseError } from '../errors.ts';
import type { BackupOptions } from '../lsm/backup.ts';
import { type BackupReport, backupDatabase } from './backup.ts';
import type { CatalogEntry } from './catalog.ts';
import { type CheckReport, checkDatabase } from './check-database.ts';
import {
  checkCollectionOptions,
  checkDatabaseOptions,
  completeCollectionOptions,
  reopenCollectionOptions,
} from './check-options.ts';
import { Collection } from './collection.ts';
import type { CollectionStore } from './collection-store.ts';
import { type DatabaseStats, gatherStats } from './database-stats.ts';
import { checkStoredFields, newFields } from './field-options.ts';
import { openSession } from './open-session.ts';
import type { CollectionOptions, DatabaseOptions } from './options.ts';
import { checkSignal } from './search-plan.ts';
import type { Session } from './session.ts';
import { Snapshot } from './snapshot.ts';
import type { CompactOptions, CompactReport } from './sweeper.ts';
import { runTransaction, type Transaction } from './transaction.ts';
import { checkKeys, checkName, invalid } from './validate.ts';

/**
 * Opens the database in a directory, making it when there is none. `DATABASE_LOCKED` when another
 * process, or this one, has it open; `CORRUPTION` when its files are damaged; `NOT_FOUND` and
 * `ALREADY_EXISTS` by `createIfMissing` and `errorIfExists`. Costs no more than replaying the log.
 */
export async function open(path: string, options: DatabaseOptions = {}): Promise<Database> {
  if (typeof path !== 'string' || path === '')
    throw invalid('path: expected the path of a directory');
  const checked = checkDatabaseOptions(options);
  const start = performance.now();
  const session = await openSession(path, options.fileSystem, checked);
  checked.logger?.info?.('opened', { path, ms: performance.now() - start });
  return new Database(session);
}

/** An open database. Comes from `open`; `close` it when done. */
export class Database implements AsyncDisposable {
  readonly #session: Session;
  readonly #collections = new WeakMap<CollectionStore, Collection>();

  /** @internal Use `open`. */
  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Opens a collection; creates it when `dimension` is given and it is missing (else `NOT_FOUND`). What
   * was fixed at its creation may be left out, but not be given differently.
   */
  async collection<Meta = unknown>(
    name: string,
    options: CollectionOptions = {},
  ): Promise<Collection<Meta>> {
    this.#session.assertOpen();
    checkName(name, 'name');
    checkCollectionOptions(options);
    const entry = this.#session.catalog.get(name) ?? (await this.#create(name, options));
    return this.#open(entry, options) as Collection<Meta>;
  }

  /** Names of the collections, sorted. */
  async collections(): Promise<string[]> {
    this.#session.assertOpen();
    return this.#session.catalog.names;
  }

  /**
   * Drops a collection with all its records; false when there is none. Gone at once, for every reader but older
   * snapshots; its space comes back by and by, or by `compact`. Calls on its `Collection` are `NOT_FOUND` from then on.
   */
  async dropCollection(name: string): Promise<boolean> {
    this.#session.assertWritable();
    checkName(name, 'name');
    return await this.#session.modify(() => this.#session.catalog.drop(name));
  }

  /** Gives a collection another name. `NOT_FOUND`, `ALREADY_EXISTS`. */
  async renameCollection(from: string, to: string): Promise<void> {
    this.#session.assertWritable();
    checkName(from, 'from');
    checkName(to, 'to');
    await this.#session.modify(() => this.#session.catalog.rename(from, to));
  }

  /**
   * The state of this moment, to be read for as long as one likes while writes go on: several reads that agree
   * with each other. Cheap to take; `Snapshot.close` lets it go.
   */
  async snapshot(): Promise<Snapshot> {
    this.#session.assertOpen();
    const view = this.#session.views.open('snapshot');
    try {
      const entries = this.#session.catalog.entriesAt(view.sequence);
      const stores = new Map(
        Array.from(entries, ([name, entry]) => [
          name,
          () => this.#session.collections.storeOf(entry),
        ]),
      );
      return new Snapshot(this.#session, view, stores);
    } catch (error) {
      view.close(() => new DatabaseError('DATABASE_CLOSED', 'the snapshot was not taken'));
      throw error;
    }
  }

  /**
   * Runs `fn` and commits what it wrote by `tx`, over any number of collections, as one commit: all of it or,
   * when `fn` throws or the commit fails, nothing. Gives what `fn` gives, once that is durable.
   *
   * Everything is read as of the commit that was published when it began, with what the transaction itself
   * has written. Nobody is locked out meanwhile. `CONFLICT` when a record that it read by `get`, `getMany` or
   * `has`, or that it wrote, has been changed by somebody else since (or has expired); what `scan`, `count`
   * and `search` gave is not checked. A transaction that wrote nothing never fails so. `retry` repeats those
   * that do. What it writes is kept in memory until the end: some ten thousand records at most.
   *
   * `tx` is of no use after `fn` has ended. Other writes, and transactions, may be awaited within `fn`: they
   * are not part of it.
   */
  async transaction<T>(fn: (tx: Transaction) => Promise<T> | T): Promise<T> {
    this.#session.assertWritable();
    return await runTransaction(this.#session, (name) => this.#storeOf(name), fn);
  }

  /** Writes what is only in memory and the log to tables and pages. Durability does not need it. */
  async flush(): Promise<void> {
    await this.#session.flush();
  }

  /** Figures on memory, disk, trees, graphs, caches and writes; units are in the names. */
  async stats(): Promise<DatabaseStats> {
    return await this.#session.read(() => gatherStats(this.#session));
  }

  /**
   * Reads everything and verifies it: checksums, order, page ownership, that edges lead to places in
   * use, that indexes agree with the records. Takes time in proportion to the data; changes nothing.
   */
  async check(): Promise<CheckReport> {
    this.#session.assertOpen();
    const { entries, dropped } = this.#session.catalog;
    for (const entry of [...entries, ...dropped]) this.#session.collections.storeOf(entry);
    return await this.#session.betweenCommits(() => checkDatabase(this.#session));
  }

  /**
   * Writes the state of this moment into a directory that is empty or missing: a database that can be
   * opened, or restored elsewhere. Writes go on meanwhile. Tables are linked where that works, pages are
   * copied. `ALREADY_EXISTS`, `CORRUPTION` when a page is damaged, `ABORTED`, `IO`; after an error the target is
   * empty, or refused when it is opened.
   */
  async backup(directory: string, options: BackupOptions = {}): Promise<BackupReport> {
    if (typeof directory !== 'string' || directory === '') {
      throw invalid('directory: expected the path of a directory');
    }
    checkKeys(options, ['link', 'onProgress', 'signal'], 'backup');
    return await this.#session.read(() => backupDatabase(this.#session, directory, options));
  }

  /**
   * Takes everything out that deletions and updates left behind: ghosts from the graphs, empty pages from
   * the page file, old entries from the tables. The database does the same by itself, later and by less.
   * Reads and writes go on meanwhile; it waits for searches and scans that began before. `ABORTED`.
   */
  async compact(options: CompactOptions = {}): Promise<CompactReport> {
    this.#session.assertWritable();
    checkKeys(options, ['onProgress', 'signal'], 'compact');
    checkSignal(options.signal);
    for (const entry of this.#session.catalog.entries) this.#session.collections.storeOf(entry);
    return await this.#session.modify(async () => {
      await this.#session.purger.idle();
      return await this.#session.sweeper.compact(options);
    });
  }

  /** Waits for running operations, checkpoints, and lets the directory go. Idempotent. */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #storeOf(name: string): CollectionStore {
    checkName(name, 'name');
    return this.#session.collections.storeOf(this.#session.catalog.entryOf(name));
  }

  #open(entry: CatalogEntry, options: CollectionOptions): Collection {
    const store = this.#session.collections.storeOf(entry);
    checkStoredFields(entry.fields, options.fields);
    store.options = reopenCollectionOptions(entry.options, options);
    let collection = this.#collections.get(store);
    if (collection === undefined) {
      collection = new Collection(this.#session, store);
      this.#collections.set(store, collection);
    }
    return collection;
  }

  async #create(name: string, options: CollectionOptions): Promise<CatalogEntry> {
    if (options.dimension === undefined && options.vectors === undefined) {
      const message = `there is no collection '${name}'; give its dimension, or vectors, to create it`;
      throw new DatabaseError('NOT_FOUND', message);
    }
    const fields = newFields(options.fields);
    const given = { name, options: completeCollectionOptions(options), fields };
    return await this.#session.modify(() => this.#session.catalog.create(given));
  }
}
