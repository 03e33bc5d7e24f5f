/**
 * Which layout of neighbour lists costs what, under which style of compaction and ratio of the levels?
 *
 * One trace like that of a proximity graph (20 % inserts with back-links and pruning, 5 % deletes, 75 %
 * reads of a list) runs over every layout, each commit awaited, in a child process a layout; every list is
 * compared with what the trace expects before a figure is given. Write amplification is bytes written for
 * one byte of changed keys and ids, space amplification bytes on disk for one byte of living ones, 4 bytes
 * an id. The cache is a tenth of the lists.
 *
 * npm run bench -- layouts --full
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIB } from '../src/base/units.ts';
import type { CompactionStyle } from '../src/lsm/engine-options.ts';
import type { GraphLayoutName } from '../src/lsm/graph/graph-layout.ts';
import { Child } from './harness/child.ts';
import type { LoopDelay } from './harness/event-loop.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';
import type { LayoutAnswer, LayoutAsk, TraceAsk } from './lsm/layout-child.ts';
import { Results } from './lsm/results.ts';

const options = readBenchOptions();
const { full, seed } = options;
const nodes = options.limit ?? (full ? 20_000 : 500);
const trace: TraceAsk = { nodes, operations: nodes * 4, seed };
const layouts: readonly GraphLayoutName[] = ['vertex', 'delta', 'hybrid'];
const styles: readonly CompactionStyle[] = ['leveled', 'tiered'];
const ratios = [4, 10];
/** Of the lists at the end, about: 1.6 nodes are left for each of the first ones. */
const listBytes = nodes * 1.6 * 100;
const memtableBytes = Math.max(128 * KIB, Math.ceil(listBytes / 16));
const cacheBytes = Math.ceil(listBytes / 10);

const directory = mkdtempSync(join(tmpdir(), 'stratavec-layouts-'));
const children = new Map(
  layouts.map((layout) => [
    layout,
    Child.start(new URL('./lsm/layout-child.js', import.meta.url), []),
  ]),
);
const control = Child.start(new URL('./lsm/child.js', import.meta.url), []);
const report = new Report('layouts', 'synthetic', options.json);
report.begin(seed, full, { ...trace, cacheBytes, loadAverage: loadavg()[0] });
const results = new Results('operationsPerSecond');
try {
  for (const child of children.values()) await child.ask('trace', trace);
  for (const compaction of styles) {
    for (const levelRatio of ratios) {
      for (const layout of layouts) await runOne({ layout, compaction, levelRatio });
    }
  }
  report.table('layouts', results.rows(report));
  console.log(`# load average at the end: ${loadavg()[0].toFixed(2)}`);
} finally {
  for (const child of [...children.values(), control]) await child.stop();
  rmSync(directory, { recursive: true, force: true });
}

async function runOne(
  choice: Pick<LayoutAsk, 'layout' | 'compaction' | 'levelRatio'>,
): Promise<void> {
  const child = children.get(choice.layout) as Child;
  const folder = join(directory, Object.values(choice).join('-'));
  const ask: LayoutAsk = { ...choice, directory: folder, memtableBytes, cacheBytes };
  await control.ask('startControl');
  const { settings, ...measure } = await child.ask<LayoutAnswer>('run', ask);
  const idle = await control.ask<LoopDelay>('stopControl');
  const metrics = {
    ...measure.metrics,
    idleP999Ms: idle.eventLoopDelayP999Ms,
    idleMaxMs: idle.eventLoopDelayMaxMs,
  };
  results.add('stratavec', settings, { ...measure, metrics });
  rmSync(folder, { recursive: true, force: true });
}
