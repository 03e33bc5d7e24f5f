/**
 * How fast are searches, and what do they read, when memory is a small part of the data?
 *
 * Everything is built once (stratavec by its bulk build, with 1 GiB or `--build MB`, by which it chooses its codes),
 * then opened in a process of its own for each budget, and once without one that matters; peers hold everything in memory. One table shows speed at recall@10
 * of 0.95 (top 100: 0.9), reads a query, and by how much resident memory grew, at its peak too, over the same
 * process with an empty open index that has searched a few rows. The operating system's page cache is warm, and
 * in no figure.
 *
 * npm run bench -- memory --data DIR --full [--dataset a,b:100000] [--budgets 10,16,25] [--build 50] [--codes sq8]
 *   [--peers hnswlib-native]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OneDataset, onEachDataset } from './harness/each-dataset.ts';
import { recallAt } from './harness/ground-truth.ts';
import { orExit, parseCount, readBenchOptionsAnd } from './harness/options.ts';
import { choosePeers } from './harness/peers.ts';
import type { Row } from './harness/report.ts';
import { median, percentile, speedAtRecall } from './harness/statistics.ts';
import { buildAll } from './search/build-phase.ts';
import type { Empty, OpenAnswer, SearchAsk } from './search/child.ts';
import { type Run, subjectStarter } from './search/run.ts';
import { CODES, type Codes, type Growth, type Round } from './search/subject.ts';
import { searchPeers } from './search/subjects.ts';

const MB = 1_000_000;
/** More than any data set here takes. */
const UNLIMITED = 4096 * MB;
const EFS: Readonly<Record<number, readonly number[]>> = {
  10: [10, 12, 14, 17, 20, 24, 28, 34, 40, 56, 80, 112, 160, 224, 320],
  100: [100, 120, 150, 200, 300],
};
const RECALLS: Readonly<Record<number, number>> = { 10: 0.95, 100: 0.9 };

interface Point {
  readonly ef: number;
  readonly recall: number;
  readonly queriesPerSecond: number;
  readonly p99Ms: number;
}

interface Reads {
  readonly readsPerQuery: number;
  readonly bytesReadPerQuery: number;
}

/** What the rows of one data set are measured with. */
interface MemoryRun extends Run {
  /** As `start`, of processes that count their reads: apart, because counting takes its time. */
  startCounting: Run['start'];
}

const { options, own } = readBenchOptionsAnd(['budgets', 'build', 'codes']);
const budgets = chooseBudgets(own.budgets);
const codes = chooseCodes(own.codes);
const buildMegabytes = orExit(() => parseCount('--build', own.build));
const buildMemoryBytes = buildMegabytes === undefined ? 2 ** 30 : buildMegabytes * MB;
const peers = choosePeers(searchPeers, options.peers);
await onEachDataset('memory', options, measureOne);

async function measureOne({ dataset, options, report }: OneDataset): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
  const starter = (countsReads: boolean, warmK = 10): Run['start'] => {
    const more = { load: 'build', buildMemoryBytes, countsReads, codes, warmK } as const;
    return subjectStarter({ dataset, options }, directory, more);
  };
  const run: MemoryRun = {
    dataset,
    subjects: ['stratavec', ...peers],
    report,
    options,
    k: 10,
    rounds: options.full ? 3 : 1,
    searchesPerRound: 1,
    efs: EFS[10],
    start: starter(false),
    startCounting: starter(true),
  };
  try {
    await buildAll(run, directory);
    // Synthetic truth goes no further than ten.
    for (const k of [10, 100].filter((k) => k <= dataset.truth.k)) {
      const rows: Row[] = [];
      const ofK = { ...run, start: starter(false, k) };
      for (const budget of budgets) rows.push(await measure(ofK, 'stratavec', k, budget));
      for (const peer of peers) rows.push(await measure(ofK, peer, k));
      report.table(`top ${k} at recall ${RECALLS[k]}, growth over an empty open index`, rows);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One row: speed interpolated between two `ef`, the rest at the larger one. */
async function measure(
  run: MemoryRun,
  subject: string,
  k: number,
  memoryBytes?: number,
): Promise<Row> {
  const child = run.start(subject, 'search', memoryBytes);
  await child.ask<Empty>('empty');
  const { openMs, codes } = await child.ask<OpenAnswer>('open');
  const target = RECALLS[k];
  const points: Point[] = [];
  for (const ef of EFS[k].filter((ef) => ef >= k)) {
    points.push(await measurePoint(run, { k, ef }, (ask) => child.ask('search', ask)));
    if (points[points.length - 1].recall >= target) break;
  }
  const last = points[points.length - 1];
  const speed = speedAtRecall(points, target);
  const { residentBytes, peakResidentBytes } = await child.ask<Growth>('growth');
  const statistics = await child.ask<Readonly<Record<string, number>>>('statistics');
  await child.ask('close');
  await child.stop();
  const reads =
    subject === 'stratavec' ? await countReads(run, { k, ef: last.ef }, memoryBytes) : {};
  const isLimited = memoryBytes !== undefined && memoryBytes < UNLIMITED;
  return run.report.row(
    subject,
    { memoryBytes: isLimited ? memoryBytes : null, codes: codes ?? null, k, targetRecall: target },
    {
      speedAtRecall: speed?.queriesPerSecond ?? null,
      ...last,
      ...reads,
      accountedBytes: statistics['memory.totalBytes'] ?? null,
      residentBytes,
      peakResidentBytes,
      openMs,
    },
  );
}

/** The first round, which is not counted, fills the caches as this `ef` would. */
async function measurePoint(
  run: MemoryRun,
  { k, ef }: SearchAsk,
  search: (ask: SearchAsk) => Promise<Round>,
): Promise<Point> {
  const { metric, base, queries, truth } = run.dataset;
  const { ids } = await search({ k, ef });
  const rounds: Round[] = [];
  for (let round = 0; round < run.rounds; round++) rounds.push(await search({ k, ef }));
  return {
    ef,
    recall: recallAt(k, metric, base, queries, truth, ids),
    queriesPerSecond: median(rounds.map(({ seconds }) => queries.rows / seconds)),
    p99Ms: median(rounds.map(({ latenciesMs }) => percentile(latenciesMs.slice().sort(), 99))),
  };
}

async function countReads(
  { dataset, startCounting }: MemoryRun,
  ask: SearchAsk,
  memoryBytes: number | undefined,
): Promise<Reads> {
  const child = startCounting('stratavec', 'search', memoryBytes);
  await child.ask<OpenAnswer>('open');
  const statistics = () => child.ask<Readonly<Record<string, number>>>('statistics');
  await child.ask<Round>('search', ask);
  const before = await statistics();
  await child.ask<Round>('search', ask);
  const after = await statistics();
  await child.ask('close');
  await child.stop();
  const perQuery = (name: string): number => (after[name] - before[name]) / dataset.queries.rows;
  return { readsPerQuery: perQuery('fileReads'), bytesReadPerQuery: perQuery('fileBytesRead') };
}

/** In bytes. `--budgets` takes megabytes; a budget without a bound is always the last, but for a smoke run. */
function chooseBudgets(list: string | undefined): readonly number[] {
  const { memoryBytes, full } = options;
  if (list === undefined && memoryBytes !== undefined) return [memoryBytes];
  if (list === undefined && !full) return [10 * MB];
  try {
    const given = (list ?? '10,25,50,75,100').split(',');
    return [...given.map((text) => (parseCount('--budgets', text) ?? 1) * MB), UNLIMITED];
  } catch {
    console.error(`--budgets takes megabytes, as 10,25,50; got '${list}'`);
    process.exit(2);
  }
}

function chooseCodes(given: string | undefined): Codes | undefined {
  const chosen = CODES.find((one) => one === given);
  if (chosen !== undefined || given === undefined) return chosen;
  console.error(`--codes takes ${CODES.join(', ')}; got '${given}'`);
  process.exit(2);
}
