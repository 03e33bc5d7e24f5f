/** What commands make of the folder of a database: none is left by a refusal, and one in use is told as such. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere, stratavecUntil } from './stratavec.ts';

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

test('an import that was interrupted before anything was stored leaves nothing', async () => {
  await using temp = await tempDir();
  const [data, file] = [join(temp.path, 'data'), join(temp.path, 'r.jsonl')];
  await writeFile(file, '{"id": 1, "vector": [1, 2]}\n');
  const { code, out } = await stratavecUntil(AbortSignal.abort(), 'import', data, file);
  expect(code).toBe(130);
  expect(out).toContain('Interrupted: nothing is stored.');
  expect(await readdir(temp.path)).toEqual(['r.jsonl']);
});

test.each([
  [
    '{"id": 1, "vector": [1, 2]}\n{"id": 2, "vector": [1, }\n',
    /line 2: not JSON.*\(nothing is stored; with --batch what stands before such a line is\)/,
  ],
  [
    '{"id": 1, "vectors": {"title": [1, 2]}}\n',
    /line 1: has named vectors; make .*create DIR -c NAME --vectors '{"title":{"dimension":2}}'`/,
  ],
])('%j is refused with what to do', async (lines, message) => {
  await using temp = await tempDir();
  await writeFile(join(temp.path, 'r.jsonl'), lines);
  const { code, err } = await stratavecHere(
    ...['import', join(temp.path, 'data'), join(temp.path, 'r.jsonl')],
  );
  expect(code).toBe(1);
  expect(err).toMatch(message);
});

test('an id that comes twice in a file is stored once, and told', async () => {
  await using temp = await tempDir();
  const [data, file] = [join(temp.path, 'data'), join(temp.path, 'r.jsonl')];
  await writeFile(file, '{"id": 1, "vector": [1, 2]}\n{"id": 1, "vector": [3, 4]}\n');
  const { out } = await stratavecHere('import', data, file);
  expect(out).toContain('Stored 2 records (1 new, 0 replaced, 1 again in the same commit)');
  expect((await stratavecHere('get', data, '1')).out).toContain('[3, 4]');
});

test('a file is not taken for the folder of a database', async () => {
  await using temp = await tempDir();
  const file = join(temp.path, 'r.jsonl');
  await writeFile(file, '');
  for (const command of ['stats', 'check', 'compact']) {
    const { code, err } = await stratavecHere(command, file);
    expect([code, err]).toEqual([1, `stratavec: ${file}: is a file; a database needs a folder\n`]);
  }
});

test('a record of a namespace is not shown without it, and one that expires says when', async () => {
  await using temp = await tempDir();
  const database = await open(temp.path);
  const notes = await database.collection('notes', { dimension: 2 });
  await notes.upsert({ id: 'a', namespace: 'n', text: 'x', ttlSeconds: 1e9 });
  await database.close();
  const exported = await stratavecHere('export', temp.path, join(temp.path, 'out.csv'));
  expect(exported.out).toContain('1 record with named vectors or an end');
  const { err } = await stratavecHere('get', temp.path, 'a');
  expect(err).toContain('no record "a" in notes; one of a namespace needs --namespace');
  const found = await stratavecHere('get', temp.path, 'a', '-n', 'n');
  expect(found.out).toMatch(/^expires {4}20\d\d-\d\d-\d\dT/mu);
});

test('stats and import tell of named spaces, and of none', async () => {
  await using temp = await tempDir();
  const [data, file] = [join(temp.path, 'data'), join(temp.path, 'r.jsonl')];
  await writeFile(file, '{"id": 1, "vectors": {"title": [1, 2]}}\n');
  const database = await open(data);
  await database.collection('pages', { vectors: { title: { dimension: 2, metric: 'l2' } } });
  await database.collection('none', { vectors: {} });
  await database.close();
  const imported = await stratavecHere('import', data, file, '-c', 'pages');
  expect(imported.out).toContain('The collection has 1 record, title: 2 dimensions, l2.');
  const { out } = await stratavecHere('stats', data);
  expect(out).toContain('  pages  1 record, title: 2 dimensions, l2\n');
  expect(out).toContain('  none  0 records, no vectors\n');
});
