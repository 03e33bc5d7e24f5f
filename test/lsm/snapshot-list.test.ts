/** Sequences that readers hold: counted by holder, released once each. */
import { expect, test } from 'vitest';
import { SnapshotList } from '../../src/lsm/snapshot-list.ts';

test('a sequence is held until its last holder lets go, and the oldest follows', () => {
  const list = new SnapshotList();
  const released: number[] = [];
  list.onReleased = () => released.push(list.count);
  expect([list.oldest, list.sequences()]).toEqual([undefined, []]);
  const [seven, five, again, nine] = [7, 5, 5, 9].map((sequence) => list.take(sequence));
  expect([list.oldest, list.count, list.sequences()]).toEqual([5, 4, [5, 7, 9]]);
  five.release();
  expect([list.oldest, list.count, released]).toEqual([5, 3, []]);
  nine.release();
  again.release();
  expect([list.oldest, list.sequences(), released]).toEqual([7, [7], [2, 1]]);
  seven.release();
  expect([list.oldest, list.count]).toEqual([undefined, 0]);
});

test('who lets go twice takes nothing from others', () => {
  const list = new SnapshotList();
  const [one, other] = [list.take(3), list.take(3)];
  one.release();
  one.release();
  expect([list.oldest, list.count]).toEqual([3, 1]);
  other.release();
  other.release();
  expect(list.count).toBe(0);
});
