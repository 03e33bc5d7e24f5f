/** A sample of all small trees; `picking.exhaustive.slow.test.ts` takes all of them. */
import { expect, test } from 'vitest';
import { judgeCases } from './picking.suite.ts';

test('no plan changes what anybody sees, for a sample of all small trees', () => {
  expect(judgeCases(131)).toBeGreaterThan(3000);
});
