import { expect, test } from 'vitest';
import type { Row } from '../../bench/harness/report.ts';
import { markdownReport } from '../../bench/plot/markdown.ts';

const row = (dataset: string, rest: Partial<Row>): Row => {
  return { bench: 'search', subject: 'stratavec', dataset, config: {}, metrics: {}, ...rest };
};

test('a report has each data set with its charts, its circumstances and its tables', () => {
  const rows = [
    row('a', { config: { machine: 'm', rows: 5 } }),
    row('a', { config: { ef: 10 }, metrics: { recallAt10: 0.912_345 }, table: 'curve' }),
    row('a', { subject: 'peer', metrics: { buildSeconds: 2 }, table: 'build' }),
    row('a', { config: { says: 'much' }, metrics: { 'cache.reads': 1 } }),
    row('b', { config: { ef: 20 }, metrics: { recallAt10: 0.99 }, table: 'curve' }),
  ];
  const text = markdownReport(rows, new Map([['a', ['a.svg']]]));
  const [, a, b] = text.split('\n## ');
  expect(a).toContain('![a.svg](a.svg)');
  expect(a).toContain('machine: m · rows: 5');
  expect(a).toContain(
    '**curve**\n\n| subject | ef | recallAt10 |\n| --- | --: | --: |\n| stratavec | 10 | 0.9123 |',
  );
  expect(a).toContain('| peer | 2 |');
  expect(text).not.toContain('cache.reads');
  expect(b).toContain('| stratavec | 20 | 0.99 |');
  expect(b).not.toContain('svg');
});
