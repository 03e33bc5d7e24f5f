/**
 * The two calls that fill a collection: `build`, from arrays, and `ingest`, from a stream. An empty
 * collection is filled at once (`bulk-load.ts`), in one commit; any other batch by batch, and so is what
 * follows the vectors that memory holds lists of.
 */
import { DatabaseError, isExhausted } from '../errors.ts';
import type { NodeBits } from '../hnsw/node-bits.ts';
import { type BulkLimits, bulkLimits, isUntouched } from './bulk-limits.ts';
import { loadAll } from './bulk-load.ts';
import { withBuildPool } from './bulk-pool.ts';
import { BulkProgress, type BulkState } from './bulk-progress.ts';
import { ArraySource, type BulkSource, firstOf } from './bulk-source.ts';
import { changeCurrent } from './change-current.ts';
import { THREADS_MAX } from './check-options.ts';
import { type CheckedRecord, checkRecord, lastOfEachId } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { addNamedVectors, upsertRecords } from './collection-writes.ts';
import { FittingBatches } from './fitting-batches.ts';
import { spaceOptions } from './named-vectors.ts';
import type { RecordId, RecordInput, UpsertResult } from './record.ts';
import { encodeId } from './record-id.ts';
import { checkSignal } from './search-plan.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import { unlessDropped } from './unless-dropped.ts';
import {
  checkInteger,
  checkKeys,
  checkMetadata,
  checkVector,
  describe,
  invalid,
} from './validate.ts';

/** Options of `Collection.build`. */
export interface BuildOptions {
  /** Called in the phases of the work, a few times a second. Default: none. */
  readonly onProgress?: ((state: BulkState) => void) | undefined;
  /** Ends the work with `ABORTED`. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Worker threads that help to build, beside the calling one, 0 to 64. The graph does not depend on it.
   * Default: the database's `threads`; if those are 0, and there is much to build, as many as there are
   * processors less one, for the time of the build.
   */
  readonly threads?: number | undefined;
}

/** Options of `Collection.ingest`. */
export interface IngestOptions extends BuildOptions {
  /** Records a commit, where the collection is not empty; fewer where memory has no room for so many. Default: 256. */
  readonly batchSize?: number | undefined;
}

/** What `Collection.build` takes. The arrays are not to be changed before it has resolved. */
export interface BuildInput<Meta = unknown> {
  /** As many vectors as there are, row-major. */
  readonly vectors: Float32Array;
  /** Of each vector. Default: its row number. */
  readonly ids?: readonly RecordId[] | undefined;
  /** Of each vector; undefined where it has none. Default: none. */
  readonly metadata?: readonly (Meta | undefined)[] | undefined;
}

interface Filling {
  readonly progress: BulkProgress;
  readonly signal: AbortSignal | undefined;
  readonly batchSize: number;
  readonly threads: number | undefined;
}

const BATCH_SIZE = 256;

/** @internal */
export async function buildCollection(
  session: Session,
  store: CollectionStore,
  input: BuildInput,
  options: BuildOptions,
): Promise<UpsertResult> {
  checkKeys(options, ['onProgress', 'signal', 'threads'], 'build');
  const filling = checkFilling(options, BATCH_SIZE);
  const source = await checkInput(store, input, filling);
  return await fill(session, store, source, filling);
}

/** @internal */
export async function ingestRecords(
  session: Session,
  store: CollectionStore,
  records: AsyncIterable<RecordInput> | Iterable<RecordInput>,
  options: IngestOptions,
): Promise<UpsertResult> {
  checkKeys(options, ['onProgress', 'signal', 'threads', 'batchSize'], 'ingest');
  const batchSize = checkInteger(options.batchSize ?? BATCH_SIZE, 'batchSize', {
    from: 1,
    to: 1_000_000,
  });
  const filling = checkFilling(options, batchSize);
  if (!isIterable(records)) {
    throw invalid(`records: expected an iterable of records, got ${describe(records)}`);
  }
  if (!isUntouched(store)) return await insertStream(session, store, records, filling);
  const spool = session.newSpool(store.entry.options.dimension);
  try {
    const slice = new TimeSlice();
    for await (const record of records) {
      throwIfAborted(filling.signal);
      spool.add(checkRecord(record, `records[${spool.count}]`, store.options));
      filling.progress.report('read', spool.count, undefined);
      if (slice.isOver) await slice.yield();
    }
    spool.finish();
    return await fill(session, store, spool, filling);
  } finally {
    spool.close();
  }
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

/** At once what memory is large enough for, if the collection is empty; the rest by insertions. */
async function fill(
  session: Session,
  given: CollectionStore,
  source: BulkSource,
  filling: Filling,
): Promise<UpsertResult> {
  const { stores } = session;
  const { progress, signal } = filling;
  const loaded = await session.exclusive<Loaded>(async () => {
    const durable = Promise.resolve();
    throwIfAborted(signal);
    // It may have been emptied, or dropped, before this turn came.
    const store = session.collections.current(given);
    if (!isUntouched(store)) return { result: { store, count: 0, records: 0 }, durable };
    // The tables of a bulk load follow the last checkpoint.
    await session.checkpointer.run();
    const newListSpool = () => session.newListSpool();
    for (let share = 1; ; share /= 2) {
      const limits = bulkLimits(stores, store, share);
      const count = countAtOnce(source, limits);
      if (count === 0) return { result: { store, count, records: 0 }, durable };
      try {
        const load = { stores, store, source: firstOf(source, count), newListSpool };
        const values = count * store.options.dimension;
        const wanted = { threads: filling.threads, most: limits.threads, values };
        const records = await withBuildPool(stores, wanted, (pool) =>
          loadAll({ ...load, limits, progress, signal, pool, now: session.now() }),
        );
        const changed = source.hasNamed ? store.followChanges() : undefined;
        return { result: { store, count, records, changed }, durable };
      } catch (error) {
        // Nothing has happened. What others hold lay in the way: less memory at once, then.
        if (!isExhausted(error)) throw error;
      }
    }
  });
  const { store } = loaded;
  session.expirer.note(store);
  const rest = (function* (): Generator<CheckedRecord> {
    for (let i = loaded.count; i < source.count; i++) yield source.record(i);
  })();
  try {
    const { inserted, replaced } = await insertBatches(session, store, rest, {
      ...filling,
      total: source.count - loaded.count,
    });
    await addNamed(session, loaded, source, filling);
    return { inserted: loaded.records + inserted, replaced };
  } finally {
    store.unfollowChanges();
  }
}

interface Loaded {
  readonly store: CollectionStore;
  /** Contents that were loaded at once, and the records that they are. */
  readonly count: number;
  readonly records: number;
  /** Records whose vectors in named spaces are not to be completed any more; undefined: there are none to complete. */
  readonly changed?: NodeBits | undefined;
}

/**
 * Inserts the vectors in named spaces of what was loaded at once, batch by batch. From the end on: of an id that comes
 * more than once the last content counts, and what was changed since the load stays.
 */
async function addNamed(
  session: Session,
  { store, count, changed }: Loaded,
  source: BulkSource,
  { progress, signal, batchSize }: Filling,
): Promise<void> {
  if (changed === undefined) return;
  const batches = new FittingBatches();
  for (let end = count; end > 0; end -= batchSize) {
    throwIfAborted(signal);
    const first = Math.max(0, end - batchSize);
    const batch = Array.from({ length: end - first }, (_, i) => source.record(first + i));
    await batches.write(lastOfEachId(batch), async (records) => {
      throwIfAborted(signal);
      // Of a collection that is emptied meanwhile there is nothing left to complete.
      await unlessDropped(store, () => addNamedVectors(session, store, { records, changed }));
    });
    progress.report('insert', count - first, count);
  }
}

/** How many contents from the first on can be loaded at once. */
function countAtOnce(source: BulkSource, { vectors: vectorsMax, contents }: BulkLimits): number {
  const most = Math.min(source.count, contents);
  if (most <= vectorsMax) return most;
  let vectors = 0;
  for (let i = 0; i < most; i++) {
    if (source.hasVector(i) && ++vectors > vectorsMax) return i;
  }
  return most;
}

async function insertStream(
  session: Session,
  store: CollectionStore,
  records: AsyncIterable<RecordInput> | Iterable<RecordInput>,
  filling: Filling,
): Promise<UpsertResult> {
  const checked = (async function* () {
    let count = 0;
    for await (const record of records) {
      yield checkRecord(record, `records[${count++}]`, store.options);
    }
  })();
  return await insertBatches(session, store, checked, { ...filling, total: undefined });
}

async function insertBatches(
  session: Session,
  store: CollectionStore,
  records: AsyncIterable<CheckedRecord> | Iterable<CheckedRecord>,
  filling: Filling & { readonly total: number | undefined },
): Promise<UpsertResult> {
  const { progress, signal, batchSize, total } = filling;
  let inserted = 0;
  let replaced = 0;
  let done = 0;
  let batch: CheckedRecord[] = [];
  const batches = new FittingBatches();
  const upsert = async (part: readonly CheckedRecord[]): Promise<void> => {
    throwIfAborted(signal);
    const change = (current: CollectionStore) => upsertRecords(session, current, part);
    const result = await changeCurrent(session, store, change);
    inserted += result.inserted;
    replaced += result.replaced;
  };
  const write = async (): Promise<void> => {
    await batches.write(lastOfEachId(batch), upsert);
    done += batch.length;
    batch = [];
    progress.report('insert', done, total);
  };
  for await (const record of records) {
    batch.push(record);
    if (batch.length === batchSize) await write();
  }
  if (batch.length > 0) await write();
  return { inserted, replaced };
}

async function checkInput(
  store: CollectionStore,
  input: BuildInput,
  { progress, signal }: Filling,
): Promise<ArraySource> {
  checkKeys(input, ['vectors', 'ids', 'metadata'], 'build');
  const { dimension } = spaceOptions(store.options, undefined, 'vectors');
  const { vectors, ids, metadata } = input;
  if (!(vectors instanceof Float32Array)) {
    throw invalid(`vectors: expected a Float32Array, got ${describe(vectors)}`);
  }
  if (vectors.length % dimension !== 0) {
    const message = `vectors: expected a multiple of ${dimension} numbers, got ${vectors.length}`;
    throw new DatabaseError('DIMENSION_MISMATCH', message);
  }
  const count = vectors.length / dimension;
  checkLength('ids', ids, count);
  checkLength('metadata', metadata, count);
  const slice = new TimeSlice();
  for (let i = 0; i < count; i++) {
    const row = vectors.subarray(i * dimension, (i + 1) * dimension);
    checkVector(row, `vectors[${i}]`, store.options);
    if (ids !== undefined) encodeId(ids[i], `ids[${i}]`);
    if (metadata !== undefined) checkMetadata(metadata[i], `metadata[${i}]`);
    if (!slice.isOver) continue;
    progress.report('read', i, count);
    await slice.yield();
    throwIfAborted(signal);
  }
  progress.report('read', count, count);
  return new ArraySource(vectors, dimension, ids, metadata);
}

function checkLength(name: string, values: unknown, count: number): void {
  if (values === undefined) return;
  if (!Array.isArray(values)) throw invalid(`${name}: expected an array, got ${describe(values)}`);
  if (values.length === count) return;
  throw invalid(`${name}: expected ${count}, one for each vector, got ${values.length}`);
}

function checkFilling({ onProgress, signal, threads }: BuildOptions, batchSize: number): Filling {
  if (threads !== undefined) checkInteger(threads, 'threads', { from: 0, to: THREADS_MAX });
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid(`onProgress: expected a function, got ${describe(onProgress)}`);
  }
  const progress = new BulkProgress(onProgress);
  return { progress, signal: checkSignal(signal), batchSize, threads };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new DatabaseError('ABORTED', 'the operation was aborted', { cause: signal.reason });
}
