/**
 * How fast and how complete are searches under a filter, whatever share of the records passes it?
 *
 * Shares from 0.01 % to 90 % of a random field and of fields that near vectors have in common; recall@10 against
 * exact search among the rows that pass, hits found of those that there are, and queries a second, at default effort.
 * Beside LanceDB and sqlite-vec, each subject in a process of its own, in rounds one after the other.
 *
 * npm run bench -- filter --data DIR --dataset D --full [--limit N] [--peers a,b]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildAnswer, ChildSetup, SearchAsk } from './filter/child.ts';
import { type FilteredRound, NO_HIT } from './filter/subject.ts';
import { loadWorkload, matchingRows, type RangeFilter } from './filter/workload.ts';
import { Child } from './harness/child.ts';
import { bruteForce, exactDistance } from './harness/ground-truth.ts';
import { orExit, readBenchOptions } from './harness/options.ts';
import { choosePeers, isInstalled } from './harness/peers.ts';
import { Report, type Row } from './harness/report.ts';
import { median, percentile, spread } from './harness/statistics.ts';
import { firstRows, type Vectors } from './harness/vector-file.ts';

const K = 10;
const PEERS = ['@lancedb/lancedb', 'sqlite-vec'];

const options = readBenchOptions();
const { data, limit, full, seed, memoryBytes } = options;
const workload = orExit(() => loadWorkload({ data, dataset: options.dataset, limit, full, seed }));
const { name, base } = workload;
const queries = firstRows(workload.queries, full ? 100 : 20);
const rounds = full ? 3 : 1;
const report = new Report('filter', name, options.json);
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));

interface Truth {
  readonly matching: number;
  readonly distances: Float32Array;
  readonly k: number;
}

interface Running {
  readonly subject: string;
  readonly child: Child;
  readonly built: BuildAnswer;
}

function truthOf(filter: RangeFilter): Truth {
  const rows = matchingRows(workload, filter);
  const { dimension, values } = base;
  const chosen = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) {
    chosen.set(values.subarray(row * dimension, (row + 1) * dimension), i * dimension);
  }
  const passing: Vectors = { rows: rows.length, dimension, values: chosen };
  const k = Math.min(K, rows.length);
  return { matching: rows.length, distances: bruteForce('l2', passing, queries, k).distances, k };
}

/** Hits as near as the true ones, and hits at all, as shares of those that there are. */
function quality(
  { ids }: FilteredRound,
  { distances, k }: Truth,
): { recall: number; found: number } {
  let near = 0;
  let found = 0;
  for (let query = 0; query < queries.rows; query++) {
    const last = distances[(query + 1) * k - 1] * (1 + 1e-6) + 1e-9;
    for (const id of ids.subarray(query * K, query * K + k)) {
      if (id === NO_HIT) continue;
      found++;
      if (exactDistance('l2', base, id, queries, query) <= last) near++;
    }
  }
  return { recall: near / (k * queries.rows), found: found / (k * queries.rows) };
}

async function start(subject: string): Promise<Running> {
  const folder = join(directory, subject.replace('/', '-'));
  mkdirSync(folder);
  const dataset = data === undefined ? undefined : name;
  const choice = { data, dataset, limit, full, seed };
  const setup: ChildSetup = { subject, directory: folder, choice, memoryBytes };
  const child = Child.start(new URL('./filter/child.js', import.meta.url), [JSON.stringify(setup)]);
  const built = await child.ask<BuildAnswer>('build');
  return { subject, child, built };
}

async function measure(running: readonly Running[], filter: RangeFilter): Promise<Row[]> {
  const truth = truthOf(filter);
  const taken = running.map((): FilteredRound[] => []);
  const ask: SearchAsk = { filter, k: K, queries: queries.rows };
  // The first pass, which finds what passes, is not timed.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { child }] of running.entries()) {
      const answer = await child.ask<FilteredRound>('search', ask);
      if (round > 0) taken[i].push(answer);
    }
  }
  return running.map(({ subject }, i) => {
    const speeds = taken[i].map(({ latenciesMs }) => {
      return (1000 * latenciesMs.length) / latenciesMs.reduce((a, b) => a + b, 0);
    });
    const sorted = Float64Array.from(
      taken[i].flatMap(({ latenciesMs }) => [...latenciesMs]),
    ).sort();
    const { recall, found } = quality(taken[i][0], truth);
    const share = truth.matching / base.rows;
    return report.row(
      subject,
      { field: filter.field, share: Number(share.toPrecision(3)), plan: taken[i][0].plan },
      {
        matching: truth.matching,
        recallAt10: recall,
        foundShare: found,
        queriesPerSecond: median(speeds),
        spread: spread(speeds),
        p50Ms: percentile(sorted, 50),
        p99Ms: percentile(sorted, 99),
      },
    );
  });
}

const running: Running[] = [];
try {
  const peers = choosePeers(PEERS, options.peers).filter(
    (peer) => peer !== 'sqlite-vec' || isInstalled('better-sqlite3'),
  );
  for (const subject of ['stratavec', ...peers]) running.push(await start(subject));
  const sizes = { rows: base.rows, dimension: base.dimension, queries: queries.rows, k: K };
  report.begin(seed, full, { ...sizes, ...running[0].built.config });
  const builds = running.map(({ subject, built: { config, buildSeconds } }) =>
    report.row(subject, config, { buildSeconds }),
  );
  report.table('build, with an index of each field', builds);
  const rows: Row[] = [];
  for (const filter of workload.filters) rows.push(...(await measure(running, filter)));
  report.table('search', rows);
  for (const { child } of running) await child.ask('close');
} finally {
  for (const { child } of running) await child.stop();
  rmSync(directory, { recursive: true, force: true });
}
