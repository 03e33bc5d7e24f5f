/**
 * What do many small collections cost: to make, to open, to use for the first time, in memory?
 *
 * Ten thousand of ten records each, made by one process, closed, and opened by others, one a round.
 *
 * npm run bench -- collections --full [--memory BYTES]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CollectionsSetup, MakingFigures, OpeningFigures } from './collections/child.ts';
import { Child } from './harness/child.ts';
import { readBenchOptions } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { median, percentile, spread } from './harness/statistics.ts';

const { full, seed, memoryBytes, json } = readBenchOptions();
const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
const setup: CollectionsSetup = {
  directory: join(directory, 'database'),
  collections: full ? 10_000 : 50,
  records: 10,
  dimension: 32,
  memoryBytes,
};
const report = new Report('collections', 'computed vectors', json);
const { collections, records, dimension } = setup;
report.begin(seed, full, { collections, records, dimension, memoryBytes });

async function ask<Answer>(what: string): Promise<Answer> {
  const script = new URL('./collections/child.js', import.meta.url);
  const child = Child.start(script, [JSON.stringify(setup)]);
  const answer = await child.ask<Answer>(what);
  await child.stop();
  return answer;
}

function usFigures(name: string, latenciesMs: Float64Array): Record<string, number> {
  const sorted = Float64Array.from(latenciesMs).sort();
  const us = (percent: number): number => 1000 * percentile(sorted, percent);
  return { [`${name}P50Us`]: us(50), [`${name}P99Us`]: us(99), [`${name}MaxUs`]: us(100) };
}

try {
  const made = await ask<MakingFigures>('make');
  report.table('making and filling them, one commit each', [
    report.row('stratavec', {}, { ...made }),
  ]);
  const found: OpeningFigures[] = [];
  for (let round = 0; round < (full ? 3 : 1); round++) found.push(await ask('use'));
  const middle = (of: (figures: OpeningFigures) => number): number => median(found.map(of));
  const last = found[found.length - 1];
  const metrics = {
    openMs: middle(({ openMs }) => openMs),
    openSpread: spread(found.map(({ openMs }) => openMs)),
    openBytes: middle(({ openBytes }) => openBytes),
    listMs: middle(({ listMs }) => listMs),
    firstCollectionMs: middle(({ firstCollectionMs }) => firstCollectionMs),
    ...usFigures('first', last.firstMs),
    ...usFigures('second', last.secondMs),
    usedBytes: middle(({ usedBytes }) => usedBytes),
    accountedBytes: middle(({ accountedBytes }) => accountedBytes),
    closeMs: middle(({ closeMs }) => closeMs),
  };
  report.table('opened again, and every one of them used', [report.row('stratavec', {}, metrics)]);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
