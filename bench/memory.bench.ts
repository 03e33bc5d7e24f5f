/**
 * How fast are searches, and what do they read, when memory is a small part of the data?
 *
 * Built once with much memory, then opened with each budget in a process of its own: queries a second, reads
 * and bytes a query at recall@10 of 0.95, and the time of a top-100 query at recall 0.9. Resident memory is
 * counted beside an empty open database; the operating system's page cache is warm, and in no figure.
 *
 * npm run bench -- memory --data DIR --dataset D --full [--memory BYTES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './harness/child.ts';
import { loadDataset } from './harness/dataset.ts';
import { recallAt } from './harness/ground-truth.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report, type Row } from './harness/report.ts';
import type { BudgetAsk, BudgetFigures, MemorySetup } from './memory/child.ts';

const MB = 1_000_000;
const EFS: Readonly<Record<number, readonly number[]>> = {
  10: [14, 20, 28, 40, 56, 80, 112],
  100: [100, 120, 150, 200, 300],
};
const RECALLS: Readonly<Record<number, number>> = { 10: 0.95, 100: 0.9 };

const options = readBenchOptions();
const { data, limit, full, seed, memoryBytes } = options;
const { name, metric, base, queries, truth } = loadDataset(options);
const budgets =
  memoryBytes !== undefined
    ? [memoryBytes]
    : full
      ? [10, 25, 50, 75, 100].map((mb) => mb * MB)
      : [10 * MB];
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
const report = new Report('memory', name, options.json);
const setup: MemorySetup = {
  directory,
  choice: { data, dataset: data === undefined ? undefined : name, limit, full, seed },
  index: { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed },
};
report.begin(seed, full, { rows: base.rows, dimension: base.dimension, queries: queries.rows });

async function ask<Answer>(what: string, argument?: BudgetAsk): Promise<Answer> {
  const child = Child.start(new URL('./memory/child.js', import.meta.url), [JSON.stringify(setup)]);
  const answer = await child.ask<Answer>(what, argument);
  await child.stop();
  return answer;
}

/** The first `ef` that reaches the recall, or the last one. */
async function measure(budget: number, k: number): Promise<Row> {
  const efs = EFS[k];
  const { points, memory } = await ask<BudgetFigures>('search', { memoryBytes: budget, k, efs });
  const recalls = points.map(({ ids }) => recallAt(k, metric, base, queries, truth, ids));
  const reached = recalls.findIndex((recall) => recall >= RECALLS[k]);
  const at = reached < 0 ? points.length - 1 : reached;
  const { queriesPerSecond, metrics } = points[at];
  return report.row(
    'stratavec',
    { memoryBytes: budget, k, ef: efs[at] },
    { [`recallAt${k}`]: recalls[at], queriesPerSecond, ...metrics, ...memory },
  );
}

try {
  const buildSeconds = await ask<number>('build');
  report.table('built with 1 GiB', [report.row('stratavec', {}, { buildSeconds })]);
  // Synthetic truth goes no further than ten.
  const ks = [10, 100].filter((k) => k <= truth.k);
  for (const k of ks) {
    const rows: Row[] = [];
    for (const budget of budgets) rows.push(await measure(budget, k));
    report.table(`top ${k} at recall ${RECALLS[k]} or the next above it`, rows);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
