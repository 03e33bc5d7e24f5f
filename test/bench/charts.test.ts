import { expect, test } from 'vitest';
import type { Row } from '../../bench/harness/report.ts';
import { speedTicks, subjectChannels } from '../../bench/plot/chart.ts';
import { chartsOf } from '../../bench/plot/charts.ts';

const row = (
  bench: string,
  config: Row['config'],
  metrics: Row['metrics'],
  subject = 'stratavec',
): Row => ({ bench, subject, dataset: 'photos', config, metrics });

const started = row('search', { machine: 'm', node: 'v20', rows: 9000, dimension: 7 }, {});

test('a curve of recall against speed has the points of the search bench alone', () => {
  const [chart, ...others] = chartsOf('photos', [
    started,
    row('search', { ef: 10 }, { recallAt10: 0.9, queriesPerSecond: 2000 }),
    row('search', { ef: 20 }, { recallAt10: 0.95, queriesPerSecond: 1500, walkUs: 500 }),
    row('search', { ef: 20 }, { recallAt10: 0.94, queriesPerSecond: 1400 }, 'hnswlib-native'),
    row('search', { ef: 20, memoryBytes: 1e7 }, { recallAt10: 0.95, queriesPerSecond: 900 }),
    row('search', { recallAt10: 0.95 }, { queriesPerSecond: 1500 }),
    row('churn', { ef: 20 }, { recallAt10: 0.95, queriesPerSecond: 1 }),
  ]);
  expect(others).toEqual([]);
  expect(chart.name).toBe('recall-speed-photos');
  expect(chart.points).toEqual([
    { subject: 'stratavec', ef: 10, recallAt10: 0.9, queriesPerSecond: 2000 },
    { subject: 'stratavec', ef: 20, recallAt10: 0.95, queriesPerSecond: 1500 },
    { subject: 'stratavec, its walk alone', ef: 20, recallAt10: 0.95, queriesPerSecond: 2000 },
    { subject: 'hnswlib, native C++', ef: 20, recallAt10: 0.94, queriesPerSecond: 1400 },
  ]);
  expect(JSON.stringify(chart.spec)).toContain('photos · 9,000 × 7');
});

test('memory against speed has a chart for each k, with peers at what they take', () => {
  const at = (k: number, memoryBytes: number | null, figures: Row['metrics'], subject?: string) => {
    const config = { k, targetRecall: 0.95, memoryBytes };
    return row('memory', config, { residentBytes: 3e7, ...figures }, subject);
  };
  const reads = { readsPerQuery: 4, bytesReadPerQuery: 9000 };
  const charts = chartsOf('photos', [
    row('memory', { durability: 'sync' }, { residentBytes: 1 }),
    at(10, 1e7, { speedAtRecall: 300, residentBytes: 1.1e7, ...reads }),
    at(10, null, { speedAtRecall: 800 }, 'hnswlib-native'),
    at(100, 1e7, { speedAtRecall: 200, ...reads }),
    at(100, null, { speedAtRecall: 500, ...reads }),
    at(100, 5e7, { speedAtRecall: null, ...reads }),
  ]);
  const [top10, top100, read] = charts;
  expect(charts.map(({ name }) => name)).toEqual([
    'memory-speed-photos-top10',
    'memory-speed-photos-top100',
    'memory-reads-photos',
  ]);
  expect(top10.points).toMatchObject([
    { subject: 'stratavec', budget: '10 MB', residentMB: 11, queriesPerSecond: 300 },
    { subject: 'hnswlib, native C++', budgetMB: undefined, residentMB: 30, queriesPerSecond: 800 },
  ]);
  // What did not reach the recall has no speed at it.
  expect(top100.points).toMatchObject([{ budget: '10 MB' }, { budget: 'no bound' }]);
  expect(read.points).toMatchObject([
    { k: 10, readsPerQuery: 4, kilobytesReadPerQuery: 9 },
    { k: 100, budget: '10 MB' },
    { k: 100, budget: 'no bound' },
  ]);
});

test('rows without two points of a chart give none', () => {
  expect(chartsOf('photos', [row('search', { ef: 10 }, { buildSeconds: 3 })])).toEqual([]);
});

test('a subject looks the same in each chart, and only those present are in the legend', () => {
  const some = JSON.stringify(subjectChannels([{ subject: 'usearch, i8' }, { subject: 'other' }]));
  expect(some).toContain('"domain":["usearch, i8","other"]');
  expect(some).toContain('#cc79a7');
  expect(some).not.toContain('hnswlib');
});

test('an axis of speeds has a few ticks in each decade around its points', () => {
  expect(speedTicks([900, 9000])).toEqual([1000, 1500, 2000, 3000, 5000, 7000, 10_000]);
});
