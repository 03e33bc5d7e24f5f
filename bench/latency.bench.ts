/**
 * How long does a search take beside a writer at full speed, and when nothing is in memory yet?
 *
 * An index of four fifths of the rows is searched: alone, beside upserts of the others in batches of 100
 * (merges in the background thread), of new records and of stored ones, and beside upserts one by one. Searches come from outside at random
 * moments, and then from one caller, one after the other: he does not wait for his turn, as they do. Then the
 * index is opened again after the operating system's cache was dropped, where that is allowed, and on disks that
 * are made slow, reading one after the other and side by side.
 *
 * npm run bench -- latency --data DIR --dataset D --full [--threads N] [--rate SEARCHES_PER_SECOND]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './harness/child.ts';
import { loadDataset } from './harness/dataset.ts';
import { orExit, parseCount, readBenchOptionsAnd } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import { median, percentile, spread } from './harness/statistics.ts';
import type { ColdAnswer, LatencySetup, SearchAnswer, SearchAsk } from './latency/child.ts';
import type { SlowDiskOptions } from './latency/slow-disk.ts';

const K = 10;
const EF = 64;
/** The first is nobody. */
const WRITERS = [
  { batchRecords: undefined, replaces: false },
  { batchRecords: 100, replaces: false },
  { batchRecords: 100, replaces: true },
  { batchRecords: 1, replaces: false },
] as const;
type Writer = (typeof WRITERS)[number];
const { options, own } = readBenchOptionsAnd(['threads', 'rate']);
const { data, limit, full, seed, memoryBytes } = options;
const { name, metric, base } = orExit(() => loadDataset(options));
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
const setup: LatencySetup = {
  directory: join(directory, 'index'),
  choice: { data, dataset: data === undefined ? undefined : name, limit, full, seed },
  index: { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed },
  builtRows: Math.floor(0.8 * base.rows),
  memoryBytes,
  threads: orExit(() => parseCount('--threads', own.threads)) ?? 0,
};
const report = new Report('latency', name, options.json);
const { builtRows, threads } = setup;
const rate = orExit(() => parseCount('--rate', own.rate)) ?? 500;
report.begin(seed, full, { rows: builtRows, dimension: base.dimension, ef: EF, threads });

function start(disk?: SlowDiskOptions): Child {
  const given = JSON.stringify({ ...setup, disk });
  return Child.start(new URL('./latency/child.js', import.meta.url), [given]);
}

/** Alone and beside a writer by turns, in one process; the first round warms up. */
async function measureWriting(perSecond: number | undefined): Promise<Row[]> {
  const child = start();
  await child.ask('open');
  const found = new Map<Writer, SearchAnswer[]>();
  const searches = full ? (perSecond === undefined ? 10_000 : 5 * perSecond) : 200;
  for (let round = 0; round <= (full ? 3 : 1); round++) {
    for (const writer of WRITERS) {
      const ask: SearchAsk = { k: K, ef: EF, searches, perSecond, ...writer };
      const answer = await child.ask<SearchAnswer>('search', ask);
      if (round > 0) found.set(writer, [...(found.get(writer) ?? []), answer]);
    }
  }
  await child.ask('close');
  await child.stop();
  const quiet = p99s(found.get(WRITERS[0]) ?? []);
  return [...found].map(([{ batchRecords, replaces }, answers]) => {
    const writes = batchRecords === undefined ? 'nobody writes' : replaces ? 'replaces' : 'adds';
    return report.row('stratavec', { writes, batchRecords }, figures(answers, quiet));
  });
}

function p99s(answers: readonly SearchAnswer[]): number[] {
  return answers.map(({ latenciesMs }) => percentile(Float64Array.from(latenciesMs).sort(), 99));
}

function figures(answers: readonly SearchAnswer[], quiet: readonly number[]): Row['metrics'] {
  const at = (percent: number): number =>
    median(
      answers.map(({ latenciesMs }) => percentile(Float64Array.from(latenciesMs).sort(), percent)),
    );
  const own = p99s(answers);
  return {
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: Math.max(
      ...answers.map(({ latenciesMs }) => latenciesMs.reduce((a, b) => Math.max(a, b), 0)),
    ),
    p99OverQuiet: median(own.map((value, round) => value / quiet[round])),
    spread: spread(own),
    searchesPerSecond: median(
      answers.map(({ latenciesMs, seconds }) => latenciesMs.length / seconds),
    ),
    insertsPerSecond: median(answers.map(({ inserted, seconds }) => inserted / seconds)),
    eventLoopDelayMaxMs: Math.max(...answers.map(({ eventLoopDelayMaxMs }) => eventLoopDelayMaxMs)),
    longestSliceMs: Math.max(...answers.map(({ longestSliceMs }) => longestSliceMs)),
  };
}

async function measureCold(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const wanted of ['dropped', 'warm'] as const) {
    const isDropped = wanted === 'dropped' && dropCaches();
    if (wanted === 'dropped' && !isDropped) {
      console.log(
        "# the operating system's cache cannot be dropped here: the cold start is left out",
      );
      continue;
    }
    rows.push(report.row('stratavec', { systemCache: wanted }, await coldFigures()));
  }
  for (const readMs of [0.2, 2]) {
    for (const isParallel of [false, true]) {
      const config = { systemCache: 'warm', readMs, reads: isParallel ? 'together' : 'serial' };
      rows.push(report.row('stratavec', config, await coldFigures({ readMs, isParallel })));
    }
  }
  return rows;
}

async function coldFigures(disk?: SlowDiskOptions): Promise<Row['metrics']> {
  const child = start(disk);
  const { nextMs, fileReads, ...cold } = await child.ask<ColdAnswer>('cold', { ef: EF });
  await child.ask('close');
  await child.stop();
  const next = Float64Array.from(nextMs).sort();
  const latencies = { nextP50Ms: percentile(next, 50), nextP99Ms: percentile(next, 99) };
  return { ...cold, ...latencies, fileReads: fileReads ?? null };
}

/** Linux, as root; whether it is done. */
function dropCaches(): boolean {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

try {
  const builder = start();
  await builder.ask('build');
  await builder.stop();
  const outside = `searches from outside, ${rate} a second, alone and beside a writer`;
  report.table(outside, await measureWriting(rate));
  const inside = 'searches of one caller, alone and beside a writer';
  report.table(inside, await measureWriting(undefined));
  report.table('opened again: the first search and those after it', await measureCold());
} finally {
  rmSync(directory, { recursive: true, force: true });
}
