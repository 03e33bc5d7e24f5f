import { expect, test } from 'vitest';
import { inOrder, type SlicedWork, Slices } from '../../src/lsm/slices.ts';

/** Slices on a clock that only the units of work move on; says how often it was looked at. */
function clocked(): {
  slices: Slices;
  units: (ms: number, count: number) => SlicedWork;
  looks: () => number;
} {
  let now = 0;
  let looks = 0;
  const clock = (): number => {
    looks++;
    return now;
  };
  const slices = new Slices({ now: clock });
  const units = (ms: number, count: number): SlicedWork => {
    let done = 0;
    return (isOver) => {
      while (done < count) {
        done++;
        now += ms;
        if (isOver()) return false;
      }
      return true;
    };
  };
  return { slices, units, looks: () => looks };
}

test('a slice of large units ends with the unit in which its time is over', () => {
  const { slices, units } = clocked();
  expect(slices.once(5, units(2, 100))).toBe(false);
  expect(slices.longestMs).toBe(6);
});

test('small units are not looked at one by one', () => {
  const { slices, units, looks } = clocked();
  expect(slices.once(5, units(0.001, 3200))).toBe(true);
  expect(slices.longestMs).toBeCloseTo(3.2);
  expect(looks()).toBeLessThan(3200 / 8 + 10);
});

test('large units after small ones are found before many of them are done', () => {
  const { slices, units } = clocked();
  const small = units(0.001, 1000);
  const large = units(0.7, 1000);
  expect(slices.once(20, (isOver) => small(isOver) && large(isOver))).toBe(false);
  expect(slices.longestMs).toBeLessThan(20 + 0.71);
  const again = clocked();
  expect(again.slices.once(5, again.units(0.1, 1000))).toBe(false);
  expect(again.slices.longestMs).toBeLessThan(6);
});

test('work that is timed as a whole is counted, also when it throws', () => {
  let now = 0;
  const slices = new Slices({ now: () => now });
  expect(slices.timed(() => 'done')).toBe('done');
  const failing = (): never => {
    now += 3;
    throw new Error('fails');
  };
  expect(() => slices.timed(failing)).toThrow('fails');
  expect(slices.longestMs).toBe(3);
});

test('works in order share their slices, and each is made when the one before is done', () => {
  const { slices, units } = clocked();
  const made: number[] = [];
  const stage = (i: number) => () => {
    made.push(i);
    return units(2, 2);
  };
  const work = inOrder([stage(0), stage(1), stage(2)]);
  // Six units of 2 ms: with 4 ms each of the works alone would just be done in its slice.
  expect(slices.once(5, work)).toBe(false);
  expect(slices.longestMs).toBe(6);
  expect(made).toEqual([0, 1]);
  expect(slices.once(100, work)).toBe(true);
  expect(made).toEqual([0, 1, 2]);
  expect(inOrder([])(() => false)).toBe(true);
});
