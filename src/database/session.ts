/**
 * An open database as its collections use it: the shared stores, the right to write, the turns of the
 * writer and the checkpoints between them. Ends with `close`, which waits for whatever runs.
 */
import { DatabaseError, isExhausted, withAdvice } from '../errors.ts';
import { WriteBatch } from '../lsm/write-batch.ts';
import type { Lock } from '../storage/file-system.ts';
import { writeCurves } from './catalog.ts';
import type { EffectiveDatabaseOptions } from './check-options.ts';
import { Checkpointer } from './checkpointer.ts';
import { CollectionCatalog } from './collection-catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { Expirer } from './expirer.ts';
import { FieldJobs } from './field-jobs.ts';
import { IngestSpool } from './ingest-spool.ts';
import { OpenCollections } from './open-collections.ts';
import { OpenViews } from './open-views.ts';
import { PlanGroup } from './plan-group.ts';
import { Purger } from './purger.ts';
import { PublishedViews } from './read-view.ts';
import type { SessionHost } from './session-host.ts';
import { WordSpool } from './spool-file.ts';
import type { Stores } from './stores.ts';
import { Sweeper } from './sweeper.ts';
import { traced, writeChannel } from './tracing.ts';
import type { VectorAttachment } from './vector-attachment.ts';
import type { WritePlan } from './write-plan.ts';

/** A reader holds no lock. */
const WRITTEN_ADVICE =
  'if somebody has opened it for writing since, nothing is wrong with it: open it again';

export interface SessionOptions {
  readonly stores: Stores;
  readonly options: EffectiveDatabaseOptions;
  readonly dirtyBytesMax: number;
  /** Undefined for a read-only database. */
  readonly lock: Lock | undefined;
}

export class Session implements SessionHost {
  readonly stores: Stores;
  readonly options: EffectiveDatabaseOptions;
  readonly checkpointer: Checkpointer;
  readonly sweeper: Sweeper;
  readonly expirer: Expirer;
  /** Snapshots and transactions. */
  readonly views: OpenViews;
  /** What reads see that belong to neither. */
  readonly published: PublishedViews;
  readonly fieldJobs: FieldJobs;
  readonly purger: Purger;
  readonly catalog: CollectionCatalog;
  readonly collections: OpenCollections;
  readonly #lock: Lock | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #spools = 0;
  #now = 0;

  constructor({ stores, options, dirtyBytesMax, lock }: SessionOptions) {
    this.stores = stores;
    this.options = options;
    this.checkpointer = new Checkpointer(stores, { dirtyBytesMax, ...options });
    this.sweeper = new Sweeper(this);
    this.expirer = new Expirer(this);
    const now = (): number => this.now();
    this.published = new PublishedViews(stores.engine, now, () => this.assertOpen());
    this.views = new OpenViews(stores.engine, now);
    this.views.onReleased = () => this.sweeper.noteRelease();
    this.fieldJobs = new FieldJobs(this);
    this.purger = new Purger(this);
    this.catalog = new CollectionCatalog(this);
    this.collections = new OpenCollections(stores, options, (store) => this.expirer.note(store));
    this.#lock = lock;
  }

  /** The collection was dropped, and nothing is left of it. */
  forget(store: CollectionStore): void {
    this.catalog.forget(store.entry);
    this.collections.forget(store);
  }

  /** See `OpenCollections.replay`. What is dropped has its pages until they are purged. */
  replay(attachments: readonly VectorAttachment[]): void {
    const isEmpty = attachments.length === 0;
    const entries = isEmpty ? [] : [...this.catalog.entries, ...this.catalog.dropped];
    this.collections.replay(entries, attachments);
  }

  /** The time by which records expire, in ms since the epoch; it never goes back. */
  now(): number {
    this.#now = Math.max(this.#now, this.options.now());
    return this.#now;
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  assertWritable(): void {
    this.assertOpen();
    if (this.options.readOnly) {
      throw new DatabaseError('READ_ONLY', 'the database was opened with readOnly: true');
    }
    const { failure } = this.stores.engine;
    if (failure !== undefined) throw readOnly('a write failed', failure);
    if (this.#lock?.isHeld() === false) throw readOnly('the lock was lost to another process');
  }

  /** Runs a reading operation so that `close` waits for it. */
  async read<T>(operation: () => T | Promise<T>): Promise<T> {
    this.assertOpen();
    if (!this.options.readOnly) return await this.#track(async () => operation());
    try {
      return await this.#track(async () => operation());
    } catch (error) {
      throw withAdvice(error, WRITTEN_ADVICE);
    }
  }

  /** As `read`, for an operation without a pause. */
  readNow<T>(operation: () => T): T {
    if (!this.options.readOnly) return operation();
    try {
      return operation();
    } catch (error) {
      throw withAdvice(error, WRITTEN_ADVICE);
    }
  }

  /** Runs an operation that writes, from the checks of its arguments on, so that `close` waits for it. */
  async modify<T>(operation: () => Promise<T>): Promise<T> {
    this.assertWritable();
    return await this.#track(operation);
  }

  /**
   * One commit on a collection, within `modify`: `prepare` makes its changes on the plan; when it throws,
   * everything is undone. Resolves when the commit is durable, with what `prepare` gave.
   */
  async write<T>(store: CollectionStore, prepare: (plan: WritePlan) => Promise<T>): Promise<T> {
    return await this.writeAll([store], ([plan]) => prepare(plan));
  }

  /** As `write`, on several collections, each with a plan of its own: still one commit. */
  async writeAll<T>(
    collections: readonly CollectionStore[],
    prepare: (plans: readonly WritePlan[]) => Promise<T>,
  ): Promise<T> {
    const context = () => ({ collections: collections.map(({ entry }) => entry.name) });
    return await traced(writeChannel, context, () => this.#writeAll(collections, prepare));
  }

  async #writeAll<T>(
    collections: readonly CollectionStore[],
    prepare: (plans: readonly WritePlan[]) => Promise<T>,
  ): Promise<T> {
    return await this.exclusive(async () => {
      const dropped = collections.find(({ entry }) => entry.isDropped);
      if (dropped !== undefined) throw dropped.gone();
      try {
        return await this.#plan(collections, prepare);
      } catch (error) {
        if (!isExhausted(error) || this.stores.pages.dirtyBytes === 0) throw error;
        // Pages that wait for their checkpoint filled the memory: once they are written they may go.
        await this.checkpointer.run();
        return await this.#plan(collections, prepare);
      }
    });
  }

  /** As `write`, on a collection that was dropped. */
  async writeDropped<T>(
    store: CollectionStore,
    prepare: (plan: WritePlan) => Promise<T>,
  ): Promise<T> {
    return await this.exclusive(() => this.#plan([store], ([plan]) => prepare(plan)));
  }

  async #plan<T>(
    collections: readonly CollectionStore[],
    prepare: (plans: readonly WritePlan[]) => Promise<T>,
  ): Promise<{ result: T; durable: Promise<void> }> {
    const group = new PlanGroup(this.stores, collections, this.now());
    let result: T;
    try {
      result = await prepare(group.plans);
      if (group.isEmpty) {
        group.rollback();
        return { result, durable: Promise.resolve() };
      }
      await group.commit();
    } catch (error) {
      group.rollback();
      throw error;
    }
    // It is applied: whatever fails from here on, nothing is undone.
    const { durable } = await group.settle();
    for (const store of collections) {
      if (store.entry.isDropped) continue;
      this.sweeper.noteCommit(store);
      this.expirer.note(store);
    }
    return { result, durable };
  }

  /** A turn of the writer, within `modify`. What it returns in `durable` is awaited after the turn. */
  async exclusive<T>(turn: () => Promise<{ result: T; durable: Promise<void> }>): Promise<T> {
    const { result, durable } = await this.stores.writer.run(async () => {
      this.#assertStillWritable();
      await this.checkpointer.makeRoom();
      return hold(await turn());
    });
    await durable;
    this.checkpointer.noteCommit();
    return result;
  }

  /** A spool in the database's directory; the caller closes it. */
  newSpool(dimension: number): IngestSpool {
    const { fileSystem, bulk } = this.stores;
    return new IngestSpool(fileSystem, this.#spoolPath(), dimension, bulk.share());
  }

  /** As `newSpool`, for the lists of a build. */
  newListSpool(): WordSpool {
    return new WordSpool(this.stores.fileSystem, `${this.#spoolPath()}.lists.tmp`);
  }

  #spoolPath(): string {
    return `${this.stores.pages.file.directory}/ingest-${this.#spools++}`;
  }

  /** Runs a reading operation between two commits. */
  async betweenCommits<T>(operation: () => Promise<T>): Promise<T> {
    this.assertOpen();
    return await this.#track(() => this.stores.writer.run(operation));
  }

  /** Writes everything that is only in memory and the log to its place. */
  async flush(): Promise<void> {
    await this.modify(() => this.stores.writer.run(() => this.checkpointer.run()));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => this.options.logger?.info?.('closed', {}));
    return this.#closing;
  }

  /** As `assertWritable`, for a turn that was accepted before `close` was called. */
  #assertStillWritable(): void {
    const { failure } = this.stores.engine;
    if (failure !== undefined) throw readOnly('a write failed', failure);
  }

  #closeViews(): void {
    const { snapshots } = this.views.closeAll(() => closed());
    if (snapshots === 0) return;
    const what = snapshots === 1 ? '1 snapshot was' : `${snapshots} snapshots were`;
    this.options.onWarning(new Error(`${what} still open when the database was closed`));
  }

  async #track<T>(operation: () => Promise<T>): Promise<T> {
    const running = operation();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** What was measured of recall, so that it need not be measured again. */
  async #saveCurves(): Promise<void> {
    const { engine } = this.stores;
    const batch = new WriteBatch();
    for (const { vectorStores } of this.collections.open) {
      for (const { id, calibration } of vectorStores) {
        const curves = calibration.takeUnsaved();
        if (curves !== undefined) writeCurves(batch, id, curves);
      }
    }
    if (batch.entryCount > 0) await engine.committed(engine.write(batch));
  }

  async #close(): Promise<void> {
    this.sweeper.stop();
    this.expirer.stop();
    this.#closeViews();
    const fieldJobs = this.fieldJobs.stop();
    this.purger.stop();
    await Promise.allSettled(this.#running);
    // Those of collections that were dropped too: what is measured there is read like the rest.
    for (const { vectorStores } of this.collections.all) {
      for (const { calibration } of vectorStores) await calibration.stop();
    }
    await this.sweeper.idle();
    await this.expirer.idle();
    await fieldJobs;
    await this.purger.idle();
    const { engine, pages, workers, writer } = this.stores;
    await writer.drain();
    const isSound = engine.failure === undefined && this.#lock?.isHeld() !== false;
    this.checkpointer.stop();
    await inOrder([
      async () => {
        if (this.options.readOnly || !isSound) return;
        await this.#saveCurves();
        await this.checkpointer.run();
      },
      () => workers?.close(),
      () => engine.close(),
      () => pages.close(),
      () => this.#lock?.release(),
    ]);
  }
}

/** Takes every step, whatever becomes of the others; then throws the first error. */
async function inOrder(steps: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** A promise inside an object is not awaited by the functions that hand it on; nor may it go unhandled. */
function hold<T extends { durable: Promise<void> }>(held: T): T {
  held.durable.catch(() => {});
  return held;
}

function closed(): DatabaseError {
  return new DatabaseError('DATABASE_CLOSED', 'the database is closed; open it again');
}

function readOnly(why: string, cause?: unknown): DatabaseError {
  const message = `the database is read-only since ${why}; close and open it again`;
  return new DatabaseError('READ_ONLY', message, { cause });
}
