/**
 * How much faster are searches on several threads?
 *
 * The same index, open in processes with 0, 1 and 2 search workers beside the main thread, which walks as well;
 * all queries by one `searchMany`, by sixteen callers that each await their search, and by a single one.
 * Rounds are interleaved, and a figure is their median. One worker and the main thread are two threads that search:
 * `overNoWorkers` of that row is how much faster two are than one, on a machine with nothing else to do and no fewer
 * processors. Where others keep them busy, only the other two figures tell: `cpuUsPerQuery` what the hand-over costs
 * (with the waiting of workers that have nothing to do), `mainCpuUsPerQuery` how much of it stays on the main thread.
 *
 * npm run bench -- threads --data DIR --dataset D --full
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './harness/child.ts';
import { loadDataset } from './harness/dataset.ts';
import { recallAt } from './harness/ground-truth.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import { median, spread } from './harness/statistics.ts';
import type { ThreadsAsk, ThreadsRound, ThreadsSetup } from './threads/child.ts';

const K = 10;
const options = readBenchOptions();
const dataset = loadDataset(options);
const { name, metric, base, queries, truth } = dataset;
const { data, limit, full, seed } = options;
const rounds = full ? 5 : 1;
const passes = full ? Math.ceil(4000 / queries.rows) : 1;
const report = new Report('threads', name, options.json);
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
report.begin(seed, full, { rows: base.rows, dimension: base.dimension, queries: queries.rows });

/** Starts a process with so many search workers. */
function start(threads: number): Child {
  const setup: ThreadsSetup = {
    directory: join(directory, 'index'),
    choice: { data, dataset: data === undefined ? undefined : name, limit, full, seed },
    index: { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed },
    threads,
  };
  return Child.start(new URL('./threads/child.js', import.meta.url), [JSON.stringify(setup)]);
}

/** One line of the table for each number of threads. */
async function measure(children: ReadonlyMap<number, Child>, ask: ThreadsAsk): Promise<Row[]> {
  const found = new Map([...children.keys()].map((threads) => [threads, [] as ThreadsRound[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [threads, child] of children) {
      const answer = await child.ask<ThreadsRound>('search', ask);
      // The first one warms up.
      if (round > 0) found.get(threads)?.push(answer);
    }
  }
  const speeds = (all: readonly ThreadsRound[]): number[] =>
    all.map(({ searches, seconds }) => searches / seconds);
  const alone = speeds(found.get(0) ?? []);
  return [...found].map(([threads, all]) => {
    const own = speeds(all);
    const cpuUs = all.map(({ cpuSeconds, searches }) => (1e6 * cpuSeconds) / searches);
    const mainUs = all.map(({ mainCpuSeconds, searches }) => (1e6 * mainCpuSeconds) / searches);
    return report.row(
      'stratavec',
      {
        threads,
        callers: String(ask.callers),
        ef: ask.ef,
        k: K,
        rounds,
        searches: all[0].searches,
      },
      {
        recallAt10: recallAt(K, metric, base, queries, truth, all[0].ids),
        queriesPerSecond: median(own),
        spread: spread(own),
        overNoWorkers: median(own.map((speed, round) => speed / alone[round])),
        cpuUsPerQuery: median(cpuUs),
        mainCpuUsPerQuery: median(mainUs),
        eventLoopDelayMaxMs: Math.max(...all.map((round) => round.eventLoopDelayMaxMs)),
      },
    );
  });
}

try {
  const builder = start(0);
  await builder.ask('build');
  await builder.stop();
  const children = new Map([0, 1, 2].map((threads) => [threads, start(threads)]));
  for (const child of children.values()) await child.ask('open');
  const rows: Row[] = [];
  for (const callers of ['searchMany', 16, 1] as const) {
    for (const ef of full ? [40, 160] : [40]) {
      rows.push(...(await measure(children, { callers, ef, passes })));
    }
  }
  report.table('searches on the main thread and so many workers', rows);
  for (const child of children.values()) {
    await child.ask('close');
    await child.stop();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
