/** Each bug that an engine may be given is found within its budget of rounds; without one, all pass. */
import { expect, test } from 'vitest';
import { huntBug, SEEDED_BUGS } from '../../bench/soak/bug-hunt.ts';

const budget = 400;

test.each(SEEDED_BUGS)('%s', async (bug) => {
  expect((await huntBug(bug, budget, 1)).by).toBeDefined();
});

test('without a bug', async () => {
  expect(await huntBug(undefined, 200, 1)).toMatchObject({ error: undefined });
});
