/**
 * Draws what benches have written with `--json FILE`: recall against speed and memory against speed, an SVG
 * for each data set with its points beside it.
 *
 * npm run bench:plot -- FILE... [--out FOLDER]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from '../harness/report.ts';
import { chartsOf } from './charts.ts';
import { canRender, renderSvg } from './render.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'bench/report' } },
});

if (positionals.length === 0) {
  console.error('usage: npm run bench:plot -- FILE... [--out FOLDER]; FILE is what --json wrote');
  process.exitCode = 2;
} else if (!canRender()) {
  console.error('vega and vega-lite are not installed: npm run bench:peers');
  process.exitCode = 1;
} else {
  await plotAll(positionals.flatMap(readRows), values.out);
}

function readRows(path: string): Row[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
}

async function plotAll(rows: readonly Row[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  let drawn = 0;
  for (const dataset of new Set(rows.map((row) => row.dataset))) {
    const own = rows.filter((row) => row.dataset === dataset);
    for (const { name, spec, points } of chartsOf(dataset, own)) {
      const file = join(folder, name);
      writeFileSync(`${file}.svg`, await renderSvg(spec));
      writeFileSync(`${file}.json`, `${JSON.stringify(points, null, 2)}\n`);
      console.log(`${file}.svg: ${points.length} points`);
      drawn++;
    }
  }
  if (drawn === 0) console.log('no row of these files belongs to a chart');
}
