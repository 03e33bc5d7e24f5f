/** Slices of the writer, on a clock that only the work moves on. */
import { expect, test } from 'vitest';
import { Pace } from '../../src/base/pace.ts';
import { TimeSlice } from '../../src/database/time-slice.ts';

/** A pace on a clock of its own, and steps that take so long each and note that they were done. */
function clocked() {
  let now = 1000;
  const pace = new Pace(() => now);
  const done: number[] = [];
  function* steps(count: number, ms: number): Generator<void, string> {
    for (let i = 0; i < count; i++) {
      now += ms;
      done.push(i);
      yield;
    }
    return 'all';
  }
  return { pace, done, steps };
}

test('work in steps is done without a pause while there is time', async () => {
  const { pace, done, steps } = clocked();
  const running = new TimeSlice(pace).run(steps(3, 1));
  expect(done).toEqual([0, 1, 2]);
  expect(await running).toBe('all');
});

test('work in steps pauses when somebody has asked, and others get their turn', async () => {
  const { pace, done, steps } = clocked();
  pace.noteQuestion();
  const running = new TimeSlice(pace).run(steps(3, 0.3));
  expect(done).toEqual([0]);
  await running;
  expect(done).toEqual([0, 1, 2]);
});

test('slices that follow each other in one turn share their time', async () => {
  const { pace, done, steps } = clocked();
  expect(await new TimeSlice(pace).run(steps(3, 1))).toBe('all');
  // 3 of 4 ms are gone.
  const second = new TimeSlice(pace).run(steps(3, 1));
  expect(done).toEqual([0, 1, 2, 0, 1]);
  await second;
  expect(pace.longestMs.plans).toBe(5);
});

test('a slice that others interrupted by a turn has its whole time again', async () => {
  const { pace, done, steps } = clocked();
  const slice = new TimeSlice(pace);
  await slice.run(steps(3, 1));
  await new Promise((resolve) => setImmediate(resolve));
  await slice.run(steps(4, 1));
  expect(pace.longestMs.plans).toBe(4);
  expect(done).toHaveLength(7);
});

test('work that takes slices of its own begins in a new turn, unless there is time', async () => {
  const { pace, steps } = clocked();
  const slice = new TimeSlice(pace);
  let turns = 0;
  const count = setImmediate(() => turns++);
  await slice.run(steps(1, 1));
  await slice.handOn();
  expect(turns).toBe(0);
  await slice.run(steps(2, 1));
  await slice.handOn();
  expect(turns).toBe(1);
  clearImmediate(count);
});
