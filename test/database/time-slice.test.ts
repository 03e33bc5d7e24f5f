import { expect, test } from 'vitest';
import { Pace } from '../../src/base/pace.ts';
import { TimeSlice } from '../../src/database/time-slice.ts';

function* steps(count: number, done: number[]): Generator<void, string> {
  for (let i = 0; i < count; i++) {
    done.push(i);
    yield;
  }
  return 'all';
}

test('work in steps is done without a pause while there is time', async () => {
  const done: number[] = [];
  const running = new TimeSlice(new Pace(() => 0)).run(steps(3, done));
  expect(done).toEqual([0, 1, 2]);
  expect(await running).toBe('all');
});

test('work in steps pauses when somebody has asked, and others get their turn', async () => {
  const pace = new Pace(() => 0);
  pace.noteQuestion();
  const done: number[] = [];
  function* slow(): Generator<void, void> {
    const inner = steps(3, done);
    while (!inner.next().done) {
      for (const start = performance.now(); performance.now() - start < 0.3; );
      yield;
    }
  }
  const running = new TimeSlice(pace).run(slow());
  expect(done).toEqual([0]);
  await running;
  expect(done).toEqual([0, 1, 2]);
});
