/** All small trees, through both styles of compaction. */
import { expect, test } from 'vitest';
import { judgeCases } from './picking.suite.ts';

test('no plan changes what anybody sees, for all small trees', () => {
  expect(judgeCases(1)).toBeGreaterThan(500_000);
});
