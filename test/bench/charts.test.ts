import { expect, test } from 'vitest';
import type { Row } from '../../bench/harness/report.ts';
import { chartsOf } from '../../bench/plot/charts.ts';

const row = (bench: string, config: Row['config'], metrics: Row['metrics']): Row => ({
  bench,
  subject: 'stratavec',
  dataset: 'photos',
  config,
  metrics,
});

test('a curve of recall against speed has the points of the search bench alone', () => {
  const [chart, ...others] = chartsOf('photos', [
    row('search', { ef: 10 }, { recallAt10: 0.9, queriesPerSecond: 2000 }),
    row('search', { ef: 20 }, { recallAt10: 0.95, queriesPerSecond: 1500 }),
    row('search', { ef: 20, memoryBytes: 1e7 }, { recallAt10: 0.95, queriesPerSecond: 900 }),
    row('search', { recallAt10: 0.95 }, { queriesPerSecond: 1500 }),
    row('churn', { ef: 20 }, { recallAt10: 0.95, queriesPerSecond: 1 }),
  ]);
  expect(others).toEqual([]);
  expect(chart.name).toBe('recall-speed-photos');
  expect(chart.points).toEqual([
    { subject: 'stratavec', ef: 10, recallAt10: 0.9, queriesPerSecond: 2000 },
    { subject: 'stratavec', ef: 20, recallAt10: 0.95, queriesPerSecond: 1500 },
  ]);
});

test('memory against speed has a line for each recall', () => {
  const [chart] = chartsOf('photos', [
    row('memory', { memoryBytes: 1e7, recallAt10: 0.95 }, { queriesPerSecond: 300 }),
    row('memory', { memoryBytes: 5e7, recallAt10: 0.95 }, { queriesPerSecond: 800 }),
  ]);
  expect(chart.name).toBe('memory-speed-photos');
  expect(chart.points).toEqual([
    { subject: 'stratavec at recall 0.95', memoryMB: 10, queriesPerSecond: 300 },
    { subject: 'stratavec at recall 0.95', memoryMB: 50, queriesPerSecond: 800 },
  ]);
});

test('rows without two points of a chart give none', () => {
  expect(chartsOf('photos', [row('search', { ef: 10 }, { buildSeconds: 3 })])).toEqual([]);
});
