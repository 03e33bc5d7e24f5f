/**
 * Who searches in the bench of threads: stratavec with workers, and what the same machine gives to who shares
 * nothing: two processes of stratavec, and hnswlib's own C++ with one thread and two.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import type { OneDataset } from '../harness/each-dataset.ts';
import { choosePeers } from '../harness/peers.ts';
import { HnswlibNativeSubject } from '../search/hnswlib-native-subject.ts';
import type { IndexOptions } from '../search/subject.ts';
import type { ThreadsAsk, ThreadsRound, ThreadsSetup } from './child.ts';

export const K = 10;

/** One row of the table. */
export interface Side {
  readonly subject: string;
  /** Threads that search, all processes together. */
  readonly threads: number;
  readonly processes: number;
  /** What it is compared with is the first of the same name that has one thread. */
  readonly family: string;
  /** Whether it can only answer many searches asked for at once. */
  readonly isReference: boolean;
  search(ask: ThreadsAsk): Promise<ThreadsRound>;
  close(): Promise<void>;
}

/** Builds the indexes under `directory`, and opens them for each side. */
export async function openSides(one: OneDataset, directory: string): Promise<Side[]> {
  const { dataset, options } = one;
  const { metric, base } = dataset;
  const seed = options.seed;
  const index = { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed };
  const start = (workers: number): Child => {
    const setup: ThreadsSetup = {
      directory: join(directory, 'index'),
      choice: { ...options, dataset: options.data === undefined ? undefined : dataset.name },
      index,
      threads: workers,
    };
    return Child.start(new URL('./child.js', import.meta.url), [JSON.stringify(setup)]);
  };
  const builder = start(0);
  await builder.ask('build');
  await builder.stop();
  const children = [0, 1, 2, 0].map(start);
  for (const child of children) await child.ask('open');
  const [alone, helped, helpedTwice, other] = children;
  return [
    stratavec([alone], 1),
    stratavec([helped], 2),
    stratavec([helpedTwice], 3),
    stratavec([alone, other], 2),
    ...(await nativeSides(one, index, directory)),
  ];
}

/** Processes that search at the same time, each for all queries. */
function stratavec(children: readonly Child[], threads: number): Side {
  const processes = children.length;
  return {
    subject: 'stratavec',
    threads,
    processes,
    family: 'stratavec',
    isReference: processes > 1,
    async search(ask: ThreadsAsk): Promise<ThreadsRound> {
      const all = await Promise.all(
        children.map((child) => child.ask<ThreadsRound>('search', ask)),
      );
      const total = (figure: (round: ThreadsRound) => number): number =>
        all.reduce((sum, round) => sum + figure(round), 0);
      const searches = total((round) => round.searches);
      return {
        ids: all[0].ids,
        // By the sum of their speeds.
        seconds: searches / total((round) => round.searches / round.seconds),
        cpuSeconds: total((round) => round.cpuSeconds),
        mainCpuSeconds: total((round) => round.mainCpuSeconds),
        searches,
        eventLoopDelayMaxMs: Math.max(...all.map((round) => round.eventLoopDelayMaxMs)),
      };
    },
    async close(): Promise<void> {
      // One that is in two sides is closed by the first.
      if (processes > 1) children = children.slice(1);
      for (const child of children) {
        await child.ask('close');
        await child.stop();
      }
    },
  };
}

async function nativeSides(
  { dataset, options }: OneDataset,
  index: IndexOptions,
  directory: string,
): Promise<Side[]> {
  if (choosePeers(['hnswlib-native'], options.peers).length === 0) return [];
  const { base, queries } = dataset;
  const folder = join(directory, 'hnswlib');
  mkdirSync(folder);
  const native = new HnswlibNativeSubject(index, queries);
  await native.build(folder, base);
  const searcher = await native.open(folder);
  return [1, 2].map((threads) => ({
    subject: 'hnswlib-native',
    threads,
    processes: 1,
    family: 'hnswlib-native',
    isReference: true,
    async search({ ef, passes }: ThreadsAsk): Promise<ThreadsRound> {
      const round = await searcher.searchShared({ k: K, ef, threads, passes });
      const { ids, seconds, cpuSeconds } = round;
      const searches = passes * queries.rows;
      const none = { mainCpuSeconds: Number.NaN, eventLoopDelayMaxMs: Number.NaN };
      return { ids, seconds, cpuSeconds, searches, ...none };
    },
    close: () => (threads === 1 ? searcher.close() : Promise.resolve()),
  }));
}
