import { expect, test } from 'vitest';
import { median, percentile, speedAtRecall, spread } from '../../bench/harness/statistics.ts';

test('median and spread of rounds', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(spread([90, 100, 110])).toBeCloseTo(0.2);
  expect(percentile(Float64Array.of(0, 10), 99)).toBeCloseTo(9.9);
});

const points = [
  { ef: 10, recall: 0.8, queriesPerSecond: 10_000 },
  { ef: 40, recall: 0.9, queriesPerSecond: 4_000 },
  { ef: 160, recall: 1, queriesPerSecond: 1_000 },
];

test('the speed at a recall lies between its neighbours, in the logarithm', () => {
  const half = speedAtRecall(points, 0.95);
  expect(half?.queriesPerSecond).toBeCloseTo(2_000);
  expect(half?.ef).toBeCloseTo(80);
  expect(half?.isLowerBound).toBe(false);
  expect(speedAtRecall(points, 0.9)?.queriesPerSecond).toBeCloseTo(4_000);
});

test('a recall that the smallest ef exceeds gives a lower bound, one never reached nothing', () => {
  expect(speedAtRecall(points, 0.5)).toEqual({
    queriesPerSecond: 10_000,
    ef: 10,
    isLowerBound: true,
  });
  expect(speedAtRecall(points.slice(0, 2), 0.95)).toBeUndefined();
});
