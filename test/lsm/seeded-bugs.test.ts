/**
 * Some bugs that an engine may be given, of each kind one, are found by the rounds of the soaks;
 * `seeded-bugs.slow.test.ts` hunts all of them.
 */
import { expect, test } from 'vitest';
import { huntBug, SEEDED_BUGS } from '../../bench/soak/bug-hunt.ts';

test.each([
  'a tombstone is dropped above older entries',
  'compaction applies an operand twice',
  'a sealed memtable is read beside its tables',
  'a checksum is not verified',
  'a version is not synced before the pointer',
  'a read error is taken for the end of a log',
] as const)('%s', async (bug) => {
  expect(SEEDED_BUGS).toContain(bug);
  const { by, error } = await huntBug(bug, 60, 1);
  expect(by).toBeDefined();
  expect(error).toBeInstanceOf(Error);
});

test('rounds pass without a bug', async () => {
  expect(await huntBug(undefined, 7, 1)).toMatchObject({ by: undefined, error: undefined });
});
