/** The commands from outside: exit codes, what they print and what is in the database afterwards. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { start, stratavec, stratavecHere, stratavecJson } from './stratavec.ts';

interface Hits {
  hits: { id: string | number; score: number; text?: string }[];
  stats: { plan: string };
}

function jsonLines(count: number, dimension = 4): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const vector = Array.from({ length: dimension }, (_, j) => Math.sin(i * 7.1 + j * 1.3));
    return JSON.stringify({ id: i, vector, metadata: { i } });
  });
  return lines.join('\n');
}

/** Whether a log of the engine has so many bytes: something has been committed. */
async function hasLogOf(folder: string, bytes: number): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const logs = names.filter((name) => name.endsWith('.wal'));
  const sizes = await Promise.all(
    logs.map(async (name) => (await stat(`${folder}/${name}`).catch(() => ({ size: 0 }))).size),
  );
  return sizes.some((size) => size >= bytes);
}

async function waitFor(isDone: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500 && !(await isDone()); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('create, import, search, get, stats and check, from nothing', async () => {
  await using dir = await tempDir();
  await writeFile(`${dir.path}/r.jsonl`, jsonLines(300));
  const created = await stratavec(
    dir.path,
    ...['create', 'db', '--collection', 'points', '--dimension', '4', '--metric', 'l2'],
  );
  expect(created).toMatchObject({ code: 0, err: '' });
  expect(created.out).toBe('Created collection "points" in db: 4 dimensions, l2.\n');
  const again = await stratavec(
    dir.path,
    ...['create', 'db', '--collection', 'points', '--dimension', '4'],
  );
  expect(again.code).toBe(1);
  expect(again.err).toContain('there is a collection "points" already');

  const imported = await stratavecJson<object>(dir.path, 'import', 'db', 'r.jsonl', '--batch', '7');
  expect(imported).toMatchObject({ collection: 'points', stored: 300, inserted: 300, embedded: 0 });
  const more = await stratavecJson<object>(dir.path, 'import', 'db', 'r.jsonl', '--limit', '10');
  expect(more).toMatchObject({ stored: 10, inserted: 0, replaced: 10, records: 300 });

  const record = await stratavecJson<{ record: { id: number; vector: number[] } }>(
    dir.path,
    ...['get', 'db', '17'],
  );
  expect(record.record).toMatchObject({ id: 17, metadata: { i: 17 } });
  const vector = JSON.stringify(record.record.vector);
  const found = await stratavecJson<Hits>(dir.path, 'search', 'db', '--vector', vector, '-k', '3');
  expect(found.hits).toHaveLength(3);
  expect(found.hits[0]).toMatchObject({ id: 17, distance: 0, score: 1 });
  const like = await stratavecJson<Hits>(dir.path, 'search', 'db', '--id', '17', '--exact');
  expect(like.hits.map(({ id }) => id)).not.toContain(17);
  expect(like.stats.plan).toBe('exact');

  expect(await stratavecJson(dir.path, 'stats', 'db')).toMatchObject({
    collections: [{ name: 'points', records: 300, dimension: 4, metric: 'l2' }],
  });
  expect(await stratavecJson(dir.path, 'check', 'db')).toMatchObject({ ok: true, problems: [] });
  for (const command of ['stats', 'check']) {
    const { code, out, err } = await stratavec(dir.path, command, 'db');
    expect([command, code, err]).toEqual([command, 0, '']);
    expect(out).toContain('300');
  }
});

test('texts without a vector are embedded, and the command says so', async () => {
  await using dir = await tempDir();
  const texts = ['The cat sat on the mat.', 'Install the package with npm.', 'A recipe for bread.'];
  const lines = texts.map((text, i) => JSON.stringify({ id: `t${i}`, text }));
  await writeFile(`${dir.path}/t.jsonl.gz`, gzipSync(lines.join('\n')));
  const { code, out, err } = await stratavec(dir.path, 'import', 'db', 't.jsonl.gz', '-c', 'texts');
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain('3 texts had no vector and got one from the built-in lexical embedder');
  const found = await stratavec(
    dir.path,
    'search',
    'db',
    '--text',
    'installing packages',
    '-k',
    '1',
  );
  expect(found.out).toContain('t1');
  expect(found.out).toContain('Install the package with npm.');
  expect(found.out).toContain('lexical embedder');
});

test('vector files get row numbers as ids', async () => {
  await using dir = await tempDir();
  const bytes = Buffer.alloc(8 + 50 * 8);
  bytes.writeUInt32LE(50, 0);
  bytes.writeUInt32LE(8, 4);
  for (let i = 0; i < 400; i++) bytes[8 + i] = (i * 37) % 251;
  await writeFile(`${dir.path}/v.u8bin`, bytes);
  const imported = await stratavecJson<object>(
    dir.path,
    ...['import', 'db', 'v.u8bin', '--metric', 'l2', '--limit', '40'],
  );
  expect(imported).toMatchObject({ stored: 40, dimension: 8, metric: 'l2' });
  const { out } = await stratavec(dir.path, 'get', 'db', '39');
  expect(out).toContain(`[${[...bytes.subarray(8 + 39 * 8, 8 + 40 * 8)].join(', ')}]`);

  await writeFile(`${dir.path}/cut.u8bin`, bytes.subarray(0, 100));
  const cut = await stratavec(dir.path, 'import', 'db', 'cut.u8bin', '--batch', '5');
  expect(cut.code).toBe(1);
  expect(cut.err).toContain('cut.u8bin row 11: the file ends here; its header says 50 rows');
  expect(cut.err).toContain('10 records before it are stored');
});

test('a folder of texts becomes sections; changed files are replaced', async () => {
  await using dir = await tempDir();
  await mkdir(`${dir.path}/docs`);
  await writeFile(`${dir.path}/docs/a.md`, '# One\nalpha\n# Two\nbeta\n# Three\ngamma\n');
  await writeFile(`${dir.path}/docs/b.txt`, 'plain words\n');
  const first = await stratavecJson<object>(dir.path, 'import', 'db', 'docs');
  expect(first).toMatchObject({ filesRead: 2, sectionsStored: 4, records: 4 });
  await writeFile(`${dir.path}/docs/a.md`, '# One\nalpha\n# Two\nnew words here\n');
  const second = await stratavecJson<object>(dir.path, 'import', 'db', 'docs');
  expect(second).toMatchObject({ filesRead: 1, filesUnchanged: 1, sectionsRemoved: 1, records: 3 });
  const { out } = await stratavec(dir.path, 'get', 'db', 'docs/a.md#2');
  expect(out).toContain('new words here');
  expect((await stratavec(dir.path, 'get', 'db', 'docs/a.md#3')).code).toBe(1);
});

test('indexed fields are created, and a search takes a recall', async () => {
  await using dir = await tempDir();
  const db = `${dir.path}/db`;
  const fields = '{"year": "number"}';
  const create = ['create', db, '-c', 'books', '-d', '8', '--fields'];
  expect((await stratavecHere(...create, fields)).code).toBe(0);
  const line = '{"id": 1, "vector": [1, 2, 3, 4, 5, 6, 7, 8], "metadata": {"year": 1815}}\n';
  await writeFile(`${dir.path}/r.jsonl`, line);
  expect((await stratavecHere('import', db, `${dir.path}/r.jsonl`)).code).toBe(0);
  const search = ['search', db, '--vector', '[1, 2, 3, 4, 5, 6, 7, 9]', '--json', '--recall'];
  const found = await stratavecHere(...search, '0.9', '--filter', '{"year": {"$lt": 1900}}');
  expect(JSON.parse(found.out)).toMatchObject({ hits: [{ id: 1 }], stats: { filter: 'index' } });
  for (const share of ['much', '2', '']) {
    const refused = await stratavecHere(...search, share);
    expect(refused).toMatchObject({ code: 2, out: expect.stringContaining('recall: expected') });
  }
  const broken = await stratavecHere(...create.with(3, 'new'), '{year}');
  expect(broken).toMatchObject({ code: 2, err: expect.stringContaining('--fields is not JSON') });
  const unknown = await stratavecHere(...create.with(3, 'new'), '{"year": "int"}');
  expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("fields['year']") });
});

test('named vector spaces are created, imported, shown, exported and searched', async () => {
  await using dir = await tempDir();
  const spaces = '{"title": {"dimension": 2, "metric": "l2"}}';
  const created = await stratavec(dir.path, 'create', 'db', '-c', 'pages', '--vectors', spaces);
  expect(created).toMatchObject({ code: 0, err: '' });
  expect(created.out).toBe('Created collection "pages" in db: title: 2 dimensions, l2.\n');
  const lines = [
    '{"id": 1, "vectors": {"title": [1, 2]}}',
    '{"id": 2, "vectors": {"title": [3, 4]}}',
  ];
  await writeFile(`${dir.path}/r.jsonl`, `${lines.join('\n')}\n`);
  const imported = await stratavecJson<object>(dir.path, 'import', 'db', 'r.jsonl');
  expect(imported).toMatchObject({ stored: 2 });
  const shown = await stratavec(dir.path, 'get', 'db', '1');
  expect(shown.out).toContain('vectors    title [1, 2]  (2 dimensions)');
  const found = await stratavecJson<Hits>(
    dir.path,
    ...['search', 'db', '--vector', '[3, 4]', '--vector-name', 'title'],
  );
  expect(found.hits.map(({ id }) => id)).toEqual([2, 1]);
  await stratavec(dir.path, 'export', 'db', 'out.jsonl');
  expect(await readFile(`${dir.path}/out.jsonl`, 'utf8')).toBe(
    '{"id":1,"vectors":{"title":[1,2]}}\n{"id":2,"vectors":{"title":[3,4]}}\n',
  );
  await writeFile(`${dir.path}/bad.jsonl`, '{"id": 3, "vectors": {"title": [1, null]}}\n');
  const refused = await stratavec(dir.path, 'import', 'db', 'bad.jsonl');
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('"vectors"."title"[1] is null');
});

test('what fails says why in one line, with exit code 1, and creates nothing', async () => {
  await using dir = await tempDir();
  await writeFile(
    `${dir.path}/bad.jsonl`,
    '{"id": 1, "vector": [1, 2]}\n{"id": 2, "vector": [1]}\n',
  );
  await writeFile(`${dir.path}/zero.jsonl`, '{"id": 1, "vector": [0, 0]}');
  const at = (name: string): string => `${dir.path}/${name}`;
  await stratavecHere('create', at('db'), '--collection', 'records', '--dimension', '2');
  for (const [argv, message] of [
    [['search', at('none'), '--text', 'a'], /none: no database in this folder; make one/],
    [['stats', at('none')], /none: no database in this folder; make one/],
    [['check', at('none')], /none: no database in this folder; make one/],
    [['import', at('db'), at('none.jsonl')], /none\.jsonl: no such file/],
    [['import', at('db'), at('bad.jsonl')], /bad\.jsonl line 2: .*expected 2 dimensions, got 1/],
    [['import', at('db2'), at('zero.jsonl')], /zero\.jsonl line 1: .*zero vector/],
    [['search', at('db'), '--text', 'a'], /at least 8 dimensions/],
    [['search', at('db'), '--collection', 'record', '--text', 'a'], /did you mean records\?/],
    [['search', at('db'), '--id', '9'], /no record "9"/],
  ] as const) {
    const { code, out, err } = await stratavecHere(...argv);
    expect([argv, code, out]).toEqual([argv, 1, '']);
    expect(err).toMatch(message);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  }
  expect(await readdir(dir.path)).not.toContain('none');
});

test('a database that another process has open is not touched', async () => {
  await using dir = await tempDir();
  const database = await open(`${dir.path}/db`);
  try {
    await database.collection('a', { dimension: 4 });
    const { code, err } = await stratavec(dir.path, 'stats', 'db');
    expect(code).toBe(1);
    expect(err).toMatch(/is in use by process/);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  } finally {
    await database.close();
  }
  expect((await stratavec(dir.path, 'stats', 'db')).code).toBe(0);
});

test('one interrupt that comes as two signals still ends in order', async () => {
  await using dir = await tempDir();
  await writeFile(`${dir.path}/r.jsonl`, jsonLines(20_000, 16));
  const running = start(dir.path, ['import', 'db', 'r.jsonl', '--batch', '50']);
  await waitFor(() => hasLogOf(`${dir.path}/db/lsm`, 10_000));
  running.kill('SIGINT');
  running.kill('SIGTERM');
  const { code, out } = await running.done;
  expect(code).toBe(130);
  expect(out).toMatch(/^Interrupted: stored [\d,]+ records?/);
});

test('an import that is killed leaves whole batches, and can be run again', async () => {
  await using dir = await tempDir();
  await writeFile(`${dir.path}/r.jsonl`, jsonLines(20_000, 16));
  const running = start(dir.path, ['import', 'db', 'r.jsonl', '--batch', '50']);
  const isGoing = async (): Promise<boolean> =>
    (await readdir(`${dir.path}/db/lsm`).catch(() => [])).some((name) => name.endsWith('.wal'));
  await waitFor(isGoing);
  await new Promise((resolve) => setTimeout(resolve, 300));
  running.kill('SIGKILL');
  expect((await running.done).code).toBeNull();

  expect(await stratavecJson(dir.path, 'check', 'db')).toMatchObject({ ok: true });
  const { collections } = await stratavecJson<{ collections: { records: number }[] }>(
    dir.path,
    ...['stats', 'db'],
  );
  const stored = collections[0]?.records ?? 0;
  expect(stored).toBeLessThan(20_000);
  expect(stored % 50).toBe(0);
  const again = await stratavecJson<object>(dir.path, 'import', 'db', 'r.jsonl', '--limit', '2000');
  expect(again).toMatchObject({ records: Math.max(stored, 2000) });
  expect(await stratavecJson(dir.path, 'check', 'db')).toMatchObject({ ok: true });
});

test('an interrupted import closes in order and says what it has stored', async () => {
  await using dir = await tempDir();
  await writeFile(`${dir.path}/r.jsonl`, jsonLines(20_000, 16));
  const running = start(dir.path, ['import', 'db', 'r.jsonl', '--batch', '50']);
  await waitFor(() => hasLogOf(`${dir.path}/db/lsm`, 10_000));
  running.kill('SIGINT');
  const { code, out, err } = await running.done;
  expect([code, err]).toEqual([130, '']);
  expect(out).toMatch(/^Interrupted: stored [\d,]+ records?/);
  expect(await stratavecJson(dir.path, 'check', 'db')).toMatchObject({ ok: true });
});
