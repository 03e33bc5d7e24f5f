import { expect, test } from 'vitest';
import { bruteForce, metricOf, recallAt } from '../../bench/harness/ground-truth.ts';
import type { Vectors } from '../../bench/harness/vector-file.ts';

const line: Vectors = {
  rows: 6,
  dimension: 2,
  // Rows 0 and 5 are the same point, 1 and 2 are equally far from the query.
  values: Uint8Array.of(10, 10, 10, 12, 12, 10, 10, 14, 200, 200, 10, 10),
};
const query: Vectors = { rows: 1, dimension: 2, values: Uint8Array.of(10, 10) };

test('brute force names the nearest rows in order, with squared distances', () => {
  const truth = bruteForce('l2', line, query, 3);
  expect([...truth.ids]).toEqual([0, 5, 1]);
  expect([...truth.distances]).toEqual([0, 0, 4]);
});

test('a hit counts by its distance: a tie with the last true neighbour is right', () => {
  const truth = bruteForce('l2', line, query, 3);
  const recall = (...hits: number[]): number =>
    recallAt(3, 'l2', line, query, truth, Uint32Array.from(hits));
  expect(recall(5, 0, 2)).toBe(1);
  expect(recall(0, 5, 3)).toBeCloseTo(2 / 3);
  expect(recall(4, 3, 4)).toBe(0);
});

test('the same row twice counts once, and a missing hit not at all', () => {
  const truth = bruteForce('l2', line, query, 3);
  const hits = Uint32Array.of(0, 0, 0xffffffff);
  expect(recallAt(3, 'l2', line, query, truth, hits)).toBeCloseTo(1 / 3);
});

test('cosine distances ignore length', () => {
  const base: Vectors = { rows: 2, dimension: 2, values: Float32Array.of(1, 1, 50, 51) };
  const truth = bruteForce('cosine', base, query, 2);
  expect([...truth.ids]).toEqual([0, 1]);
  expect(truth.distances[0]).toBeCloseTo(0);
});

test('the metric of a stored truth is found by its distances', () => {
  const queries: Vectors = { rows: 1, dimension: 2, values: Float32Array.of(3, 40) };
  expect(metricOf(line, queries, bruteForce('l2', line, queries, 2))).toBe('l2');
  expect(metricOf(line, queries, bruteForce('cosine', line, queries, 2))).toBe('cosine');
  const wrong = { queries: 1, k: 1, ids: Uint32Array.of(3), distances: Float32Array.of(77) };
  expect(() => metricOf(line, queries, wrong)).toThrow(/fits neither/);
});
