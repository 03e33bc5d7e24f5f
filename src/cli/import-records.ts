/**
 * Streams records into a collection in batches; each batch is one commit. Texts without a vector get one
 * from the built-in embedder. An error names the file and the row, and says how much was stored before.
 */
import {
  type BulkState,
  type Collection,
  type Embedder,
  hashingEmbedder,
  isDatabaseError,
  type Json,
  type RecordInput,
} from '../index.ts';
import { CommandError, inputError } from './command-error.ts';
import type { SourceRecord } from './formats/record-source.ts';
import { formatCount } from './human.ts';

export interface ImportOptions {
  /** Records a commit. */
  readonly batch: number;
  /** Fill a collection that is empty with one commit, many times faster. */
  readonly atOnce: boolean;
  /** Texts without a vector get one from the built-in embedder; else they stay without. */
  readonly embeds: boolean;
  /** Pass over records whose id is stored already. */
  readonly skipStored: boolean;
  readonly signal: AbortSignal;
  /** Called after each commit with the records stored so far. */
  readonly onProgress: (stored: number) => void;
  /** Called while a collection is filled at once, behind the last record. */
  readonly onBuild?: ((state: BulkState) => void) | undefined;
}

export interface ImportResult {
  readonly stored: number;
  readonly inserted: number;
  readonly replaced: number;
  /** How many of the stored ones got their vector from the built-in embedder. */
  readonly embedded: number;
  readonly isInterrupted: boolean;
}

/** The built-in embedder has at least so many dimensions. */
const embedderDimensionMin = 8;

export async function importRecords(
  collection: Collection<Json>,
  given: AsyncIterable<SourceRecord>,
  options: ImportOptions,
): Promise<ImportResult> {
  const records = options.skipStored ? notStored(collection, given) : given;
  if (options.atOnce && collection.info().records === 0) {
    return await ingestAll(collection, records, options);
  }
  const target = new BatchWriter(collection, options.embeds);
  try {
    for await (const record of records) {
      if (options.signal.aborted) return { ...target.result, isInterrupted: true };
      target.add(record);
      if (target.pending >= options.batch) {
        await target.write();
        options.onProgress(target.result.stored);
      }
    }
    await target.write();
  } catch (error) {
    throw withProgress(error, target.result.stored);
  }
  return { ...target.result, isInterrupted: false };
}

async function* notStored(
  collection: Collection<Json>,
  records: AsyncIterable<SourceRecord>,
): AsyncGenerator<SourceRecord> {
  for await (const record of records) {
    const { id, namespace } = record.record;
    if (!(await collection.has(id, { namespace }))) yield record;
  }
}

/**
 * Everything in one commit. An interruption ends the reading, and what was read is stored; one that comes behind the last
 * record ends the build, and nothing is.
 */
async function ingestAll(
  collection: Collection<Json>,
  records: AsyncIterable<SourceRecord>,
  { embeds, signal, onProgress, onBuild }: ImportOptions,
): Promise<ImportResult> {
  const embedding = new Embedding(collection.info().dimension, embeds);
  let where = '';
  let stored = 0;
  let isInterrupted = false;
  const building = new AbortController();
  const abort = (): void => building.abort(signal.reason);
  const read = async function* (): AsyncGenerator<RecordInput<Json>> {
    for await (const record of records) {
      isInterrupted = signal.aborted;
      if (isInterrupted) return;
      where = record.where;
      yield embedding.complete(record);
      onProgress(++stored);
    }
    signal.addEventListener('abort', abort);
  };
  const onPhase = (state: BulkState): void => {
    if (state.phase !== 'read') onBuild?.(state);
  };
  try {
    const { inserted, replaced } = await collection.ingest(read(), {
      signal: building.signal,
      onProgress: onPhase,
    });
    return { stored, inserted, replaced, embedded: embedding.count, isInterrupted };
  } catch (error) {
    if (building.signal.aborted) return nothingStored;
    throw sayingNothing(namingRow(error, () => where));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const nothingStored: ImportResult = {
  stored: 0,
  inserted: 0,
  replaced: 0,
  embedded: 0,
  isInterrupted: true,
};

/** Gives texts without a vector one from the built-in embedder. */
class Embedding {
  /** Vectors given. */
  count = 0;
  readonly #dimension: number;
  readonly #embeds: boolean;
  #embedder: Embedder | undefined;

  constructor(dimension: number, embeds: boolean) {
    this.#dimension = dimension;
    this.#embeds = embeds;
  }

  complete({ where, record }: SourceRecord): RecordInput<Json> {
    if (record.vector !== undefined || record.text === undefined || !this.#embeds) return record;
    // There is no default vector space to put it in.
    if (this.#dimension === 0) return record;
    if (this.#dimension < embedderDimensionMin) {
      const need = `its text can only be embedded in ${embedderDimensionMin} or more; see --no-embed`;
      throw inputError(where, `has no "vector"; the collection has ${this.#dimension}, ${need}`);
    }
    this.#embedder ??= hashingEmbedder({ dimension: this.#dimension });
    this.count++;
    return { ...record, vector: this.#embedder.embed(record.text) };
  }
}

class BatchWriter {
  readonly #collection: Collection<Json>;
  readonly #embedding: Embedding;
  #batch: SourceRecord[] = [];
  #inserted = 0;
  #replaced = 0;
  #stored = 0;
  /** Of those that are stored. */
  #embedded = 0;

  constructor(collection: Collection<Json>, embeds: boolean) {
    this.#collection = collection;
    this.#embedding = new Embedding(collection.info().dimension, embeds);
  }

  get pending(): number {
    return this.#batch.length;
  }

  get result(): Omit<ImportResult, 'isInterrupted'> {
    return {
      stored: this.#stored,
      inserted: this.#inserted,
      replaced: this.#replaced,
      embedded: this.#embedded,
    };
  }

  add(record: SourceRecord): void {
    this.#batch.push({ where: record.where, record: this.#embedding.complete(record) });
  }

  async write(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    const records: RecordInput<Json>[] = batch.map(({ record }) => record);
    try {
      const { inserted, replaced } = await this.#collection.upsert(records);
      this.#inserted += inserted;
      this.#replaced += replaced;
    } catch (error) {
      throw namingRow(error, (position) => batch[position].where);
    }
    this.#stored += batch.length;
    this.#embedded = this.#embedding.count;
  }
}

/** The library names a record by its position; the user knows rows of a file. */
function namingRow(error: unknown, whereOf: (position: number) => string): unknown {
  if (!isDatabaseError(error)) return error;
  const match = /^records\[(\d+)\](.*)$/su.exec(error.message);
  if (match === null) return error;
  return inputError(whereOf(Number(match[1])), match[2].replace(/^[.: ]+/u, ''), error);
}

/** One commit: a row that is refused refuses all. */
function sayingNothing(error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  const advice = 'nothing is stored; with --batch what stands before such a line is';
  return new CommandError(`${error.message} (${advice})`, { cause: error });
}

function withProgress(error: unknown, stored: number): unknown {
  if (stored === 0 || !(error instanceof CommandError || isDatabaseError(error))) return error;
  const before = `${formatCount(stored, 'record')} before it ${stored === 1 ? 'is' : 'are'} stored`;
  return new CommandError(`${error.message} (${before})`, { cause: error });
}
