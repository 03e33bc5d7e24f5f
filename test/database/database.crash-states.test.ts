/** A sample of all states that crashes may leave; `database.crash-states.slow.test.ts` takes far more of them. */
import { expect, test } from 'vitest';
import {
  judgeDatabaseHistory,
  recordDatabaseHistory,
} from '../../bench/soak/database-crash-states.ts';
import { seededRandom } from '../../src/base/random.ts';

test('any crash of a short history of a database leaves a prefix with all that was acknowledged', async () => {
  const random = seededRandom(1);
  const history = await recordDatabaseHistory(random, ['sync', 'os', 'none'], 5);
  const tally = await judgeDatabaseHistory(random, history, { statesPerCall: 4, stride: 9 });
  expect(tally.disks).toBeGreaterThan(50);
});
