/**
 * How long does it take to build an index of vectors that are all there, in which memory, and how good is it?
 *
 * `Collection.build` with durability sync, beside hnswlib-node's insertions in memory, each in a process
 * of its own. Also: opening after a clean close, and the first query after that (the operating system's cache
 * is warm).
 *
 * npm run bench -- build --data DIR --dataset D --full [--memory BYTES]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildFigures, BuildSetup } from './build/child.ts';
import { Child } from './harness/child.ts';
import { loadDataset } from './harness/dataset.ts';
import { orExit, readBenchOptions } from './harness/options.ts';
import { choosePeers } from './harness/peers.ts';
import { Report, type Row } from './harness/report.ts';

const options = readBenchOptions();
const { name, metric, base, queries } = orExit(() => loadDataset(options));
const { data, limit, full, seed, memoryBytes } = options;
const report = new Report('build', name, options.json);
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
const rows: Row[] = [];
report.begin(seed, full, { rows: base.rows, dimension: base.dimension, queries: queries.rows });

try {
  for (const subject of ['stratavec', ...choosePeers(['hnswlib-node'], options.peers)]) {
    const setup: BuildSetup = {
      subject,
      directory: join(directory, subject),
      choice: { data, dataset: data === undefined ? undefined : name, limit, full, seed },
      index: { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed },
      memoryBytes,
      efs: [16, 32, 64, 128],
    };
    mkdirSync(setup.directory);
    const child = Child.start(new URL('./build/child.js', import.meta.url), [
      JSON.stringify(setup),
    ]);
    const { config, metrics } = await child.ask<BuildFigures>('build');
    await child.stop();
    rows.push(report.row(subject, config, metrics));
  }
  report.table('build (peak memory: growth over the process with the vectors)', rows);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
