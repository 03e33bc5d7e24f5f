/** The programs of `examples/` run as a user runs them, against the built package by its name. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { tempDir } from './temp-dir.ts';

const run = promisify(execFile);

/** What each prints; a second run on the same folder need not. */
const output: Record<string, RegExp> = {
  'backup-and-restore.mjs': /^sound: true, at least 100 records: true\n$/,
  'bulk-load.mjs': /^3000 records in \d phases\nnearest to point-7: point-\d+, then point-\d+\n$/,
  'filters.mjs':
    /^after 1900: ulysses, orlando\npoems: 1\nby an old author: emma\ndeleted: 2\nleft: 2\n$/,
  'notes-search.mjs': /^when is .*: tax .*\nwater .*: garden .*\nlet .*: bread .*\n$/,
  'transactions.mjs': /^no ink left\npens: 0 of 3\norders: 3\n$/,
};

test('every example is run', () => {
  expect(readdirSync('examples').sort()).toEqual(Object.keys(output));
});

test.each(Object.keys(output))('%s', async (name) => {
  await using directory = await tempDir();
  const { stdout } = await run(process.execPath, [`examples/${name}`, directory.path]);
  expect(stdout).toMatch(output[name]);
});
