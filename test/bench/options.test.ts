import { expect, test } from 'vitest';
import { parseBenchOptions } from '../../bench/harness/options.ts';

test('without options a bench is a smoke run on synthetic data, without peers', () => {
  expect(parseBenchOptions([], {})).toEqual({
    data: undefined,
    dataset: undefined,
    limit: undefined,
    full: false,
    peers: [],
    memoryBytes: undefined,
    seed: 1,
    json: undefined,
  });
});

test('a full run takes every installed peer unless told otherwise', () => {
  expect(parseBenchOptions(['--full'], {}).peers).toBeUndefined();
  expect(parseBenchOptions(['--full', '--peers', 'a,b'], {}).peers).toEqual(['a', 'b']);
  expect(parseBenchOptions(['--full', '--peers', 'none'], {}).peers).toEqual([]);
});

test('the environment names the data when the command does not', () => {
  expect(parseBenchOptions([], { STRATAVEC_DATASETS: '/sets' }).data).toBe('/sets');
  expect(parseBenchOptions(['--data', 'here'], { STRATAVEC_DATASETS: '/sets' }).data).toBe('here');
  expect(() => parseBenchOptions(['--dataset', 'x'], {})).toThrow(/--data/);
});

test('an unknown option or a malformed number is an error that names it', () => {
  expect(() => parseBenchOptions(['--sed', '1'], {})).toThrow(/--sed/);
  expect(() => parseBenchOptions(['--limit', '10k'], {})).toThrow(/--limit.*10k/);
  expect(() => parseBenchOptions(['--memory', '0'], {})).toThrow(/--memory/);
});
