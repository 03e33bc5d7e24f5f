import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eachChoice, onEachDataset } from '../../bench/harness/each-dataset.ts';
import { parseBenchOptions } from '../../bench/harness/options.ts';
import { tempDir } from '../temp-dir.ts';

/** A set of so many vectors of two bytes, of which the first 2 are the queries. */
function writeSet(data: string, name: string, rows: number): void {
  const encoded = (count: number): Buffer =>
    Buffer.concat([
      Buffer.from(Uint32Array.of(count, 2).buffer),
      Buffer.alloc(2 * count).map((_, i) => i),
    ]);
  mkdirSync(join(data, name));
  writeFileSync(join(data, name, 'base.u8bin'), encoded(rows));
  writeFileSync(join(data, name, 'query.u8bin'), encoded(2));
}

test('a full run takes all data sets, and the smallest part with a truth of its own', async () => {
  await using dir = await tempDir();
  for (const name of ['b', 'a']) writeSet(dir.path, name, 3000);
  mkdirSync(join(dir.path, 'no vectors'));
  for (const k of [2, 1]) writeFileSync(join(dir.path, `b/groundtruth_first${k}k.gt100`), '');
  const chosen = (...args: string[]): unknown =>
    eachChoice(parseBenchOptions(args, { STRATAVEC_DATASETS: dir.path })).map(
      ({ dataset, limit }) => [dataset, limit],
    );
  expect(chosen('--full')).toEqual([
    ['a', undefined],
    ['b', 1000],
    ['b', undefined],
  ]);
  expect(chosen('--full', '--limit', '50')).toEqual([
    ['a', 50],
    ['b', 50],
  ]);
  expect(chosen()).toEqual([['a', undefined]]);
  expect(chosen('--dataset', 'b:700,b,a', '--limit', '9')).toEqual([
    ['b', 700],
    ['b', 9],
    ['a', 9],
  ]);
  expect(() => chosen('--dataset', 'a,none')).toThrow(/no data set 'none'.*: a, b$/);
  expect(() => chosen('--dataset', 'b:x')).toThrow(/NAME:ROWS.*'x'/);
  expect(eachChoice(parseBenchOptions([], {}))).toHaveLength(1);
});

test('all data sets of a run stand in one file, each by its name and its rows', async () => {
  await using dir = await tempDir();
  writeSet(dir.path, 'things', 3000);
  const json = join(dir.path, 'rows.jsonl');
  writeFileSync(json, 'of a run before\n');
  const options = parseBenchOptions(
    ['--full', '--data', dir.path, '--dataset', 'things:1000,things:50,things', '--json', json],
    {},
  );
  await onEachDataset('tried', options, async ({ dataset, report }) => {
    report.table('rows', [report.row('stratavec', {}, { rows: dataset.base.rows })]);
  });
  const rows = readFileSync(json, 'utf8').trim().split('\n');
  expect(rows.map((line) => JSON.parse(line))).toMatchObject([
    { dataset: 'things-1k', metrics: { rows: 1000 }, table: 'rows' },
    { dataset: 'things-50', metrics: { rows: 50 } },
    { dataset: 'things', metrics: { rows: 3000 } },
  ]);
});
