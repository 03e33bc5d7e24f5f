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

test('at a glance a report has the speed at each recall, and over each peer', () => {
  const at = (subject: string, recallAt10: number, metrics: Row['metrics']): Row => {
    return row('a', { subject, config: { recallAt10 }, metrics, table: 'speeds' });
  };
  const rows = [
    at('stratavec', 0.95, { queriesPerSecond: 900, spread: 0.1, stratavecOverThis: null }),
    at('stratavec-recall', 0.95, { queriesPerSecond: 800, stratavecOverThis: 1.1 }),
    at('peer', 0.95, { queriesPerSecond: 600, stratavecOverThis: 1.5, walkOverThis: 2 }),
    at('stratavec', 0.99, { queriesPerSecond: 500, spread: 0.1, stratavecOverThis: null }),
    at('peer', 0.99, { queriesPerSecond: null, stratavecOverThis: null, walkOverThis: null }),
  ];
  const [glance] = markdownReport(rows, new Map()).split('\n## a').slice(0, 1);
  expect(glance).toContain('| subject | recallAt10 | queriesPerSecond | spread | over peer |');
  expect(glance).toContain('| a | 0.95 | 900 | 0.1 | 1.50 (2.00) |');
  expect(glance).toContain('| a | 0.99 | 500 | 0.1 | not reached |');
});
