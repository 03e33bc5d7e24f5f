/** The plan of a search, over all sizes and shares. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type PlannedSearch,
  planExactSearch,
  planSearch,
} from '../../src/filter/search-planner.ts';

const base: PlannedSearch = {
  vectors: 100_000,
  matching: 100_000,
  isFiltered: true,
  ef: 64,
  exactBelow: 2000,
  isExact: false,
};

const shared = (vectors: number, share: number): PlannedSearch => ({
  ...base,
  vectors,
  matching: Math.round(vectors * share),
});

test('few matches are measured, a few per cent scanned, more walked', () => {
  const ways = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9].map((share) =>
    planSearch(shared(100_000, share)),
  );
  expect(ways).toEqual(['measure', 'measure', 'scan', 'expand', 'walk', 'walk', 'walk']);
  expect(planSearch(shared(1_000_000, 0.05))).toBe('expand');
  expect(planSearch({ ...shared(600_000, 0.02), ef: 1000 })).toBe('scan');
});

test('without a filter the graph is walked, but for the smallest collections and exact answers', () => {
  const whole = { ...base, isFiltered: false };
  expect(planSearch(whole)).toBe('walk');
  expect(planSearch({ ...whole, isExact: true })).toBe('scan');
  expect(planSearch({ ...whole, vectors: 2000, matching: 2000 })).toBe('scan');
  expect(planSearch({ ...whole, vectors: 2001, matching: 2001 })).toBe('walk');
});

test('an exact answer that is asked for is exact, and more matches never make it measured', () => {
  const search = fc.record({
    vectors: fc.integer({ min: 1, max: 1e8 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    more: fc.double({ min: 0, max: 1, noNaN: true }),
    ef: fc.integer({ min: 1, max: 65_536 }),
    isFiltered: fc.boolean(),
  });
  fc.assert(
    fc.property(search, ({ vectors, share, more, ef, isFiltered }) => {
      const matching = isFiltered ? Math.floor(vectors * share) : vectors;
      const asked = { ...base, vectors, matching, ef, isFiltered };
      expect(['measure', 'scan']).toContain(planSearch({ ...asked, isExact: true }));
      if (!isFiltered) return;
      const larger = { ...asked, matching: matching + Math.floor((vectors - matching) * more) };
      if (planExactSearch(asked) === 'scan') expect(planExactSearch(larger)).toBe('scan');
      if (planSearch(larger) === 'measure') expect(planSearch(asked)).toBe('measure');
    }),
  );
});
