/** What commands make of the folder of a database: none is left by a refusal, and one in use is told as such. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere } from './stratavec.ts';

test('a refused create or import leaves no folder behind, and takes none away', async () => {
  await using temp = await tempDir();
  const data = join(temp.path, 'data');
  const bad = join(temp.path, 'bad.jsonl');
  await writeFile(bad, '{"id": 1, "vector": [1, "x"]}\n');
  const refused = [
    ['create', data, '-c', 'notes', '-d', '99999'],
    ['create', data, '-c', 'notes', '-d', '4', '--fields', '{"year": "numeric"}'],
    ['import', data, bad],
  ];
  for (const argv of refused) {
    expect((await stratavecHere(...argv)).code).not.toBe(0);
    expect(await readdir(temp.path)).toEqual(['bad.jsonl']);
  }
  await mkdir(data);
  for (const argv of refused) expect((await stratavecHere(...argv)).code).not.toBe(0);
  expect(await readdir(temp.path)).toEqual(['bad.jsonl', 'data']);
  expect((await stratavecHere('create', data, '-c', 'notes', '-d', '4')).code).toBe(0);
  for (const argv of refused) expect((await stratavecHere(...argv)).code).not.toBe(0);
  expect((await stratavecHere('stats', data)).out).toContain('notes');
});

test.each(['stats', 'check', 'compact'])('%s of a database in use says where', async (command) => {
  await using temp = await tempDir();
  const database = await open(temp.path);
  const { code, err } = await stratavecHere(command, temp.path);
  await database.close();
  expect(code).toBe(1);
  expect(err).toMatch(/is in use by process \d+ .*; close it there\n$/);
});
