import { expect, test } from 'vitest';
import { Pace } from '../../src/base/pace.ts';

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

test('the writer has slices that grow with what others take, and one clock says when they are over', () => {
  let now = 1000;
  let looks = 0;
  const pace = new Pace(() => {
    looks++;
    return now;
  });
  pace.noteQuestion();
  pace.writing.heldMs();
  now += 0.3;
  looks = 0;
  expect(pace.isOver).toBe(true);
  expect(looks).toBe(1);
  for (let i = 0; i < 100; i++) pace.noteOthers(2);
  expect(pace.isOver).toBe(false);
  now += 1;
  expect(pace.isOver).toBe(true);
  expect(pace.longestMs.plans).toBeCloseTo(1.3);
});

test('the longest slice of each work is kept', () => {
  const pace = new Pace();
  for (const ms of [1, 3, 2]) pace.note('plans', ms);
  pace.note('pages', 2);
  expect(pace.longestMs).toEqual({ plans: 3, pages: 2 });
});
