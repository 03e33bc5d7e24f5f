import { expect, test } from 'vitest';
import { FairShare } from '../../src/base/fair-share.ts';

function after(turns: readonly number[], sliceMs: number): number {
  const share = new FairShare();
  for (const ms of turns) share.note(ms);
  return share.atLeast(sliceMs);
}

test('beside short turns a slice is as long as it is to be', () => {
  expect(after([], 0.1)).toBe(0.1);
  expect(after(new Array(100).fill(0.01), 0.1)).toBe(0.1);
});

test('slices grow with the turns of others, to half of them, up to a bound', () => {
  expect(after(new Array(100).fill(2), 0.1)).toBeCloseTo(1, 2);
  expect(after(new Array(100).fill(100), 0.1)).toBeCloseTo(4, 1);
  expect(after(new Array(100).fill(100), 5)).toBe(5);
});

test('one long turn makes no long slice', () => {
  expect(after([100], 0.1)).toBeLessThan(0.5);
  expect(after([...new Array(100).fill(0.01), 5], 0.1)).toBeLessThan(0.3);
});
