import { expect, test } from 'vitest';
import { RecentGhosts } from '../../src/database/recent-ghosts.ts';

test('ghosts live for readers before their commit, and are forgotten when no such reader is left', () => {
  let published = 10;
  const ghosts = new RecentGhosts(() => published);
  const release = ghosts.hold(10);
  ghosts.plan(1);
  ghosts.plan(2);
  expect(ghosts.livingAt(10)).toEqual([1, 2]);
  ghosts.commit(15);
  ghosts.plan(3);
  ghosts.commit(20);
  expect(ghosts.livingAt(10).sort()).toEqual([1, 2, 3]);
  expect(ghosts.livingAt(15)).toEqual([3]);
  expect(ghosts.livingAt(20)).toEqual([]);
  published = 15;
  release();
  expect(ghosts.count).toBe(1);
  published = 20;
  ghosts.commit(20);
  expect(ghosts.count).toBe(0);
});

test('a plan that was undone leaves its ghosts to the searches that may have passed them by', () => {
  const ghosts = new RecentGhosts(() => 10);
  ghosts.plan(1);
  ghosts.rollback(10);
  expect(ghosts.count).toBe(0);
  const release = ghosts.hold(10);
  ghosts.plan(2);
  ghosts.rollback(10);
  expect(ghosts.livingAt(10)).toEqual([2]);
  expect(ghosts.livingAt(11)).toEqual([]);
  release();
});

test('commits that nobody watches leave nothing behind', () => {
  let published = 0;
  const ghosts = new RecentGhosts(() => published);
  for (let sequence = 1; sequence <= 1000; sequence++) {
    ghosts.plan(sequence);
    ghosts.commit(sequence);
    published = sequence;
  }
  expect(ghosts.count).toBeLessThan(3);
});
