/** How long work holds a turn of the event loop, on a clock and with turns of the test. */
import { expect, test } from 'vitest';
import { TurnClock } from '../../src/base/turn-clock.ts';

test('pieces that follow each other without a turn are one, and the next turn begins anew', () => {
  let now = 100;
  let turns: (() => void)[] = [];
  const clock = new TurnClock({ now: () => now, nextTurn: (callback) => turns.push(callback) });
  expect(clock.heldMs()).toBe(0);
  now += 3;
  expect(clock.heldMs()).toBe(3);
  now += 2;
  expect(clock.heldMs()).toBe(5);
  expect(turns).toHaveLength(1);
  for (const turn of turns) turn();
  turns = [];
  // What others did until now is not its time.
  now += 50;
  expect(clock.heldMs()).toBe(0);
  now += 1;
  expect(clock.heldMs()).toBe(1);
  expect(turns).toHaveLength(1);
});

test('by itself it follows the event loop', async () => {
  let now = 0;
  const clock = new TurnClock({ now: () => now });
  clock.heldMs();
  now += 7;
  await Promise.resolve();
  expect(clock.heldMs()).toBe(7);
  await new Promise((resolve) => setImmediate(resolve));
  expect(clock.heldMs()).toBe(0);
});
