/**
 * Makes the report of what benches have written with `--json FILE`: `report.md` with all their tables, and for each
 * data set the charts as SVG, each with its points beside it as JSON. Full runs do it by themselves, in
 * `bench/report`; without FILE it is made again of all that lies there.
 *
 * npm run bench:plot -- [FILE...] [--out FOLDER]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from '../harness/report.ts';
import { chartsOf } from './charts.ts';
import { markdownReport } from './markdown.ts';
import { canRender, renderSvg } from './render.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'bench/report' } },
});
const files = positionals.length > 0 ? positionals : written(values.out);

if (files.length === 0) {
  console.error('usage: npm run bench:plot -- FILE... [--out FOLDER]; FILE is what --json wrote');
  process.exitCode = 2;
} else {
  await report(files.flatMap(readRows), values.out);
}

/** The rows of full runs that lie in a report's folder. */
function written(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return names.sort().map((name) => join(folder, name));
}

function readRows(path: string): Row[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
}

async function report(rows: readonly Row[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const isDrawn = canRender();
  if (!isDrawn)
    console.log('# vega and vega-lite are not installed (npm run bench:peers): no charts');
  const images = new Map<string, string[]>();
  for (const dataset of isDrawn ? new Set(rows.map((row) => row.dataset)) : []) {
    const own = rows.filter((row) => row.dataset === dataset);
    const drawn: string[] = [];
    for (const { name, spec, points } of chartsOf(dataset, own)) {
      const file = join(folder, name);
      writeFileSync(`${file}.svg`, await renderSvg(spec));
      writeFileSync(`${file}.json`, `${JSON.stringify(points, null, 2)}\n`);
      console.log(`${file}.svg: ${points.length} points`);
      drawn.push(`${name}.svg`);
    }
    images.set(dataset, drawn);
  }
  const path = join(folder, 'report.md');
  writeFileSync(path, markdownReport(rows, images));
  console.log(path);
}
