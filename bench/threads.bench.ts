/**
 * How much faster are searches on several threads?
 *
 * The same index, open in processes with 0, 1 and 2 search workers beside the main thread, which walks as well;
 * all queries by one `searchMany`, by sixteen callers that each await their search, and by a single one.
 * Rounds are interleaved, and a figure is their median. `overOneThread` is how much faster a row is than one thread of
 * the same subject, on a machine with nothing else to do and no fewer processors. Two threads share its caches and its
 * memory, so that even those that have nothing else in common are not twice as fast: what the machine gives is the
 * rows of two processes of stratavec, and of two threads of hnswlib's own C++. Where others keep the processors busy,
 * only the other two figures tell: `cpuUsPerQuery` what the hand-over costs (with the waiting of workers that have
 * nothing to do), `mainCpuUsPerQuery` how much of it stays on the main thread.
 *
 * npm run bench -- threads --data DIR --full [--dataset a,b:100000] [--peers none]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OneDataset, onEachDataset } from './harness/each-dataset.ts';
import { recallAt } from './harness/ground-truth.ts';
import { readBenchOptions } from './harness/options.ts';
import type { Row } from './harness/report.ts';
import { median, spread } from './harness/statistics.ts';
import type { ThreadsAsk, ThreadsRound } from './threads/child.ts';
import { K, openSides, type Side } from './threads/sides.ts';

/** Of a full run: a round lasts some tenths of a second, so that no collection of garbage decides it. */
const SEARCHES = 10_000;
const ROUNDS = 9;

const options = readBenchOptions();
await onEachDataset('threads', options, measureOne);

async function measureOne(one: OneDataset): Promise<void> {
  const { dataset, options, report } = one;
  const { base, queries } = dataset;
  const { full, seed } = options;
  const passes = full ? Math.ceil(SEARCHES / queries.rows) : 1;
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
  report.begin(seed, full, {
    rows: base.rows,
    dimension: base.dimension,
    metric: dataset.metric,
    queries: queries.rows,
  });
  try {
    const sides = await openSides(one, directory);
    const rows: Row[] = [];
    for (const callers of ['searchMany', 16, 1] as const) {
      const asked = sides.filter(({ isReference }) => callers === 'searchMany' || !isReference);
      for (const ef of full ? [40, 160] : [40]) {
        rows.push(...(await measure(one, asked, { callers, ef, passes })));
      }
    }
    report.table('searches on so many threads, the main thread among them', rows);
    for (const side of sides) await side.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One line of the table for each side. */
async function measure(one: OneDataset, sides: readonly Side[], ask: ThreadsAsk): Promise<Row[]> {
  const rounds = one.options.full ? ROUNDS : 1;
  const found = new Map<Side, ThreadsRound[]>(sides.map((side) => [side, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [side, all] of found) {
      const answer = await side.search(ask);
      // The first one warms up.
      if (round > 0) all.push(answer);
    }
  }
  return sides.map((side) => {
    const alone = sides.find(({ family, threads }) => family === side.family && threads === 1);
    return rowOf(one, ask, { side, all: found.get(side) ?? [], alone: alone && found.get(alone) });
  });
}

interface Measured {
  readonly side: Side;
  readonly all: readonly ThreadsRound[];
  /** The rounds of one thread of the same subject. */
  readonly alone: readonly ThreadsRound[] | undefined;
}

function rowOf({ dataset, report }: OneDataset, ask: ThreadsAsk, measured: Measured): Row {
  const { side, all, alone = [] } = measured;
  const { metric, base, queries, truth } = dataset;
  const { threads, processes } = side;
  const speeds = all.map(speedOf);
  const perQuery = (seconds: (round: ThreadsRound) => number): number | null =>
    known(median(all.map((round) => (1e6 * seconds(round)) / round.searches)));
  const { searches } = all[0];
  const callers = String(ask.callers);
  const config = { threads, processes, callers, ef: ask.ef, k: K, rounds: all.length, searches };
  return report.row(side.subject, config, {
    recallAt10: recallAt(K, metric, base, queries, truth, all[0].ids),
    queriesPerSecond: median(speeds),
    spread: spread(speeds),
    overOneThread: median(speeds.map((speed, round) => speed / speedOf(alone[round]))),
    cpuUsPerQuery: perQuery(({ cpuSeconds }) => cpuSeconds),
    mainCpuUsPerQuery: perQuery(({ mainCpuSeconds }) => mainCpuSeconds),
    eventLoopDelayMaxMs: known(Math.max(...all.map((round) => round.eventLoopDelayMaxMs))),
  });
}

function speedOf({ searches, seconds }: ThreadsRound): number {
  return searches / seconds;
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
