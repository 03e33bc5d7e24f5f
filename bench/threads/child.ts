/** A database with so many threads in a process of its own: builds the index, or answers all queries again and again. */
import { type Collection, type Database, open } from '../../src/index.ts';
import { serve } from '../harness/child.ts';
import { type DatasetChoice, loadQueries, loadVectors } from '../harness/dataset.ts';
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { mainThreadCpuMs } from '../harness/main-thread.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import type { IndexOptions } from '../search/subject.ts';

export interface ThreadsSetup {
  readonly directory: string;
  readonly choice: DatasetChoice;
  readonly index: IndexOptions;
  readonly threads: number;
}

/** Who asks: one call of `searchMany`, or callers that each await their `search` before the next. */
export interface ThreadsAsk {
  readonly callers: 'searchMany' | number;
  readonly ef: number;
  readonly passes: number;
}

export interface ThreadsRound {
  /** Of the hits, row by row, k for each query; NO_ID where there are none. */
  readonly ids: Uint32Array;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the main thread; NaN where the system does not tell. */
  readonly mainCpuSeconds: number;
  readonly searches: number;
  readonly eventLoopDelayMaxMs: number;
}

const K = 10;
const NO_ID = 0xffffffff;
const setup = JSON.parse(process.argv[2]) as ThreadsSetup;
let opened:
  | { readonly db: Database; readonly things: Collection; readonly queries: Vectors }
  | undefined;

async function openIndex(): Promise<void> {
  const db = await open(setup.directory, { threads: setup.threads, readOnly: true });
  const queries = loadQueries(setup.choice);
  opened = { db, things: await db.collection('things'), queries };
}

async function searchAll({ callers, ef, passes }: ThreadsAsk): Promise<ThreadsRound> {
  if (opened === undefined) throw new Error('nothing is open yet');
  const { things, queries } = opened;
  const searches = Array.from({ length: passes * queries.rows }, (_, i) => {
    return { vector: vectorAt(queries, i % queries.rows), k: K, ef };
  });
  const delay = new LoopDelayMonitor();
  delay.start();
  const cpu = process.cpuUsage();
  const mainCpuMs = mainThreadCpuMs() ?? Number.NaN;
  const start = performance.now();
  let answers: readonly (readonly { readonly id: unknown }[])[];
  if (callers === 'searchMany') {
    answers = await things.searchMany(searches);
  } else {
    const given: (readonly { readonly id: unknown }[])[] = [];
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < searches.length) {
        const i = next++;
        given[i] = await things.search(searches[i]);
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    answers = given;
  }
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const mainCpuSeconds = ((mainThreadCpuMs() ?? Number.NaN) - mainCpuMs) / 1000;
  const { eventLoopDelayMaxMs } = delay.stop();
  const ids = new Uint32Array(K * queries.rows).fill(NO_ID);
  for (let query = 0; query < queries.rows; query++) {
    answers[query].forEach(({ id }, i) => {
      ids[K * query + i] = Number(id);
    });
  }
  const cpuSeconds = (user + system) / 1e6;
  const used = { seconds, cpuSeconds, mainCpuSeconds };
  return { ids, ...used, searches: searches.length, eventLoopDelayMaxMs };
}

serve({
  async build(): Promise<void> {
    const { base } = loadVectors(setup.choice);
    const db = await open(setup.directory);
    const things = await db.collection('things', setup.index);
    await things.build({ vectors: Float32Array.from(base.values) });
    await db.close();
  },
  open: openIndex,
  search: searchAll,
  close: () => opened?.db.close(),
});
