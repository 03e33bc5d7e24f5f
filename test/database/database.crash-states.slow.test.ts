/** All states that crashes may leave, up to a cap after each call. */
import { expect, test } from 'vitest';
import {
  judgeDatabaseHistory,
  recordDatabaseHistory,
} from '../../bench/soak/database-crash-states.ts';
import { seededRandom } from '../../src/base/random.ts';

test.each([1, 2])('any crash of a short history of a database (seed %i)', async (seed) => {
  const random = seededRandom(seed);
  const history = await recordDatabaseHistory(random, ['sync', 'os', 'none'], 8);
  const tally = await judgeDatabaseHistory(random, history, { statesPerCall: 5 });
  expect(tally.disks).toBeGreaterThan(300);
});
