import { expect, test } from 'vitest';
import { fairMs, Pace } from '../../src/base/pace.ts';

test('slices are short for a while after each question', () => {
  let now = 1000;
  const pace = new Pace(() => now);
  const quiet = pace.sliceMs;
  pace.noteQuestion();
  expect(pace.sliceMs).toBeLessThan(quiet / 10);
  now += 40;
  expect(pace.sliceMs).toBeLessThan(quiet / 10);
  pace.noteQuestion();
  now += 40;
  expect(pace.sliceMs).toBeLessThan(quiet / 10);
  now += 40;
  expect(pace.sliceMs).toBe(quiet);
});

test('slices grow with the turns of others, up to a bound', () => {
  expect(fairMs(0.1, 0.01)).toBe(0.1);
  expect(fairMs(0.1, 2)).toBe(1);
  expect(fairMs(0.1, 100)).toBe(4);
  expect(fairMs(5, 100)).toBe(5);
});

test('the longest slice is kept', () => {
  const pace = new Pace();
  for (const ms of [1, 3, 2]) pace.note(ms);
  expect(pace.longestMs).toBe(3);
});
