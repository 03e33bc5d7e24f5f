/**
 * One process of the latency bench: builds the index of the first rows, or searches it, alone or beside a
 * writer that upserts the rows that are left as fast as it can.
 */
import { type Collection, type Database, open } from '../../src/index.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { serve } from '../harness/child.ts';
import { type DatasetChoice, loadQueries, loadVectors } from '../harness/dataset.ts';
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import type { IndexOptions } from '../search/subject.ts';
import { answerArrivals } from './arrivals.ts';
import { SlowDisk, type SlowDiskOptions } from './slow-disk.ts';

export interface LatencySetup {
  readonly directory: string;
  readonly choice: DatasetChoice;
  readonly index: IndexOptions;
  /** Rows of the index; those behind them are the writer's. */
  readonly builtRows: number;
  readonly memoryBytes: number | undefined;
  readonly threads: number;
  /** Instead of the machine's own. */
  readonly disk?: SlowDiskOptions | undefined;
}

export interface SearchAsk {
  readonly k: number;
  readonly ef: number;
  readonly searches: number;
  /** Searches that come from outside, so many a second; undefined: one caller, one after the other. */
  readonly perSecond: number | undefined;
  /** Records of one upsert of the writer; undefined: nobody writes. */
  readonly batchRecords: number | undefined;
  /** Whether the writer gives stored records other vectors, instead of adding some. */
  readonly replaces: boolean;
}

export interface SearchAnswer {
  readonly latenciesMs: Float64Array;
  readonly inserted: number;
  readonly seconds: number;
  readonly eventLoopDelayMaxMs: number;
  /** Of the engine and the database, by their own account. */
  readonly longestSliceMs: number;
}

export interface ColdAnswer {
  readonly openMs: number;
  readonly firstMs: number;
  /** Lists, pages and vectors. */
  readonly firstReads: number;
  /** Of files, while the database was open; undefined on the machine's own disk. */
  readonly fileReads: number | undefined;
  readonly eventLoopDelayMaxMs: number;
  /** Of the queries after the first. */
  readonly nextMs: Float64Array;
}

const K = 10;
const setup = JSON.parse(process.argv[2]) as LatencySetup;
const disk = setup.disk && new SlowDisk(new NodeFileSystem(), setup.disk);
const queries = loadQueries(setup.choice);
const vectors = Array.from({ length: queries.rows }, (_, row) => vectorAt(queries, row));
let database: Database | undefined;
let collection: Collection | undefined;
let base: Vectors | undefined;
let written = setup.builtRows;
let replaced = 0;

async function openIndex(): Promise<number> {
  const { directory, memoryBytes, threads, index } = setup;
  const { load: _, ...options } = index;
  const start = performance.now();
  database = await open(directory, {
    memoryBytes,
    threads,
    backgroundThread: true,
    durability: 'os',
    fileSystem: disk,
  });
  collection = await database.collection('bench', { ...options, exactBelow: 0 });
  written = Math.max(written, await collection.count());
  return performance.now() - start;
}

function opened(): Collection {
  if (collection === undefined) throw new Error('nothing is open yet');
  return collection;
}

async function write(
  { batchRecords = 1, replaces }: SearchAsk,
  isOver: () => boolean,
): Promise<number> {
  base ??= loadVectors(setup.choice).base;
  const { builtRows } = setup;
  let count = 0;
  for (; !isOver(); count += batchRecords) {
    const records = [];
    for (let i = 0; i < batchRecords; i++) {
      const place = replaces ? replaced++ : written - builtRows;
      const vector = vectorAt(base, builtRows + (place % (base.rows - builtRows)));
      records.push({ id: replaces ? place % builtRows : written++, vector });
    }
    await opened().upsert(records);
  }
  return count;
}

async function searchAll({ k, ef, searches, perSecond }: SearchAsk): Promise<Float64Array> {
  if (perSecond !== undefined) {
    return await answerArrivals({ count: searches, perSecond, seed: 1 }, async (question) => {
      await opened().search({ vector: vectors[question % vectors.length], k, ef });
    });
  }
  const latenciesMs = new Float64Array(searches);
  for (let i = 0; i < searches; i++) {
    const start = performance.now();
    await opened().search({ vector: vectors[i % vectors.length], k, ef });
    latenciesMs[i] = performance.now() - start;
    // A caller that has other things to do: others get their turns.
    if (i % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
  }
  return latenciesMs;
}

serve({
  async build(): Promise<void> {
    const { base } = loadVectors(setup.choice);
    await openIndex();
    const length = setup.builtRows * base.dimension;
    await opened().build({ vectors: Float32Array.from(base.values.subarray(0, length)) });
    await database?.close();
  },

  open: openIndex,

  async search(ask: SearchAsk): Promise<SearchAnswer> {
    const { batchRecords } = ask;
    if (batchRecords !== undefined) base ??= loadVectors(setup.choice).base;
    const delay = new LoopDelayMonitor();
    delay.start();
    const start = performance.now();
    let isOver = false;
    const writing = batchRecords === undefined ? 0 : write(ask, () => isOver);
    const latenciesMs = await searchAll(ask);
    isOver = true;
    const inserted = await writing;
    const seconds = (performance.now() - start) / 1000;
    const { eventLoopDelayMaxMs } = delay.stop();
    const longestSliceMs = (await database?.stats())?.writes.longestSliceMs ?? Number.NaN;
    return { latenciesMs, inserted, seconds, eventLoopDelayMaxMs, longestSliceMs };
  },

  /** Opens and searches at once: what the first queries wait for. */
  async cold({ ef }: { readonly ef: number }): Promise<ColdAnswer> {
    const openMs = await openIndex();
    const delay = new LoopDelayMonitor();
    delay.start();
    // The first interval begins with a turn.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const start = performance.now();
    const { stats } = await opened().searchWithStats({ vector: vectors[0], k: K, ef });
    const firstMs = performance.now() - start;
    const searches = Math.min(100, vectors.length);
    const alone = { perSecond: undefined, batchRecords: undefined, replaces: false };
    const nextMs = await searchAll({ k: K, ef, searches, ...alone });
    const firstReads = stats.listReads + stats.pageReads + stats.originalReads;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { eventLoopDelayMaxMs } = delay.stop();
    return { openMs, firstMs, firstReads, nextMs, fileReads: disk?.reads, eventLoopDelayMaxMs };
  },

  async close(): Promise<void> {
    await database?.close();
  },
});
