import fc from 'fast-check';
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

test('an array is filled with those that live, as far as there is room', () => {
  const operation = fc.oneof(
    fc.record({ do: fc.constant('plan' as const), node: fc.nat(6) }),
    fc.record({ do: fc.constant('commit' as const), node: fc.constant(0) }),
    fc.record({ do: fc.constant('rollback' as const), node: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), fc.nat(25), (operations, at) => {
      const ghosts = new RecentGhosts(() => 0);
      ghosts.hold(0);
      let sequence = 0;
      for (const { do: action, node } of operations) {
        if (action === 'plan') ghosts.plan(node);
        else if (action === 'commit') ghosts.commit(++sequence);
        else ghosts.rollback(sequence);
      }
      const into = new Uint32Array(20);
      const count = ghosts.livingInto(at, into);
      expect(new Set(into.subarray(0, count))).toEqual(new Set(ghosts.livingAt(at)));
      if (count > 0) expect(ghosts.livingInto(at, into.subarray(0, count - 1))).toBe(-1);
    }),
  );
});
