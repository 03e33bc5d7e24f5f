/** `export`, and `import` of what it wrote: nothing is lost, also when either was interrupted. */
import { access, copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeNpyHeader } from '../../src/cli/formats/npy-header.ts';
import { vectorFileKinds } from '../../src/cli/formats/vector-header.ts';
import { type Json, open, type RecordInput, type StoredRecord } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere, stratavecUntil } from './stratavec.ts';

const records: RecordInput<Json>[] = [
  { id: 1, vector: [0, 1, 255], metadata: { tags: ['a', 'b'], 'odd "key"': null } },
  { id: '1', vector: [3, 2, 1], text: 'two lines,\nand "quotes"', namespace: 'other' },
  { id: -(2n ** 60n), vector: [7, 7, 7] },
  { id: '"quoted"', vector: [1, 1, 1], text: 'ünïcödé 🙂' },
  { id: 'without', text: 'no vector' },
  { id: 'last', vector: [9, 8, 7], metadata: { n: { deep: [1.5] } } },
];
const withVector = records.filter(({ vector }) => vector !== undefined);

let folder: Awaited<ReturnType<typeof tempDir>>;
let source: string;

beforeAll(async () => {
  folder = await tempDir();
  source = join(folder.path, 'source');
  const database = await open(source);
  const collection = await database.collection<Json>('notes', { dimension: 3, metric: 'l2' });
  await collection.upsert(records);
  await database.close();
});

afterAll(() => folder[Symbol.asyncDispose]());

const at = (name: string): string => join(folder.path, name);

async function stored(directory: string, name: string): Promise<StoredRecord<Json>[]> {
  const database = await open(directory, { createIfMissing: false });
  try {
    const collection = await database.collection<Json>(name);
    const all: StoredRecord<Json>[] = [];
    for await (const record of collection.scan()) all.push(record);
    return all;
  } finally {
    await database.close();
  }
}

async function succeed(...argv: string[]): Promise<string> {
  const { code, out, err } = await stratavecHere(...argv);
  expect(err).toBe('');
  expect(code).toBe(0);
  return out;
}

test.each(['jsonl', 'csv'] as const)('%s brings every record back as it was', async (format) => {
  const file = at(`all.${format}`);
  const out = await succeed('export', source, file);
  expect(out).toContain('Wrote 6 records of "notes"');
  await succeed(
    'import',
    at(`back-${format}`),
    file,
    '-c',
    'notes',
    '--metric',
    'l2',
    '--no-embed',
  );
  const expected = await stored(source, 'notes');
  expect(await stored(at(`back-${format}`), 'notes')).toEqual(expected);
});

test.each(vectorFileKinds)('%s brings vectors and ids back', async (kind) => {
  const file = at(`vectors.${kind}`);
  const ids = at(`${kind}.ids`);
  const out = await succeed('export', source, file, '--ids', ids);
  expect(out).toContain('1 record without a vector left out');
  await succeed('import', at(`back-${kind}`), file, '--ids', ids, '--metric', 'l2');
  const back = await stored(at(`back-${kind}`), 'records');
  expect(back.map(({ id }) => id)).toEqual(withVector.map(({ id }) => id));
  expect(back.map(({ vector }) => [...(vector ?? [])])).toEqual(
    withVector.map(({ vector }) => vector),
  );
});

test.each(['jsonl', 'csv', 'fvecs', 'npy'] as const)(
  '%s: an export that broke off anywhere is gone on with',
  async (format) => {
    const whole = at(`whole.${format}`);
    await succeed('export', source, whole);
    const bytes = await readFile(whole);
    for (let length = 0; length <= bytes.length; length += 7) {
      const part = at(`part-${length}.${format}`);
      await copyFile(whole, part);
      await truncate(part, length);
      await succeed('export', source, part, '--resume');
      expect([length, await readFile(part)]).toEqual([length, bytes]);
    }
  },
);

test('an export is not gone on with when the collection has changed', async () => {
  const file = at('changed.jsonl');
  await writeFile(file, '{"id": "somebody else", "text": ""}\n');
  const { code, err } = await stratavecHere('export', source, file, '--resume');
  expect(code).toBe(1);
  expect(err).toContain('the collection has changed since the file was begun');
});

test('a file that has more records than --limit stays as it is', async () => {
  const file = at('limited.jsonl');
  await succeed('export', source, file, '--limit', '4');
  const bytes = await readFile(file);
  expect(await succeed('export', source, file, '--resume', '--limit', '2')).toContain('4 records');
  expect(await readFile(file)).toEqual(bytes);
});

test('what is interrupted again before anything new is written keeps what it has', async () => {
  const file = at('twice.fbin');
  await succeed('export', source, file, '--limit', '4');
  const bytes = await readFile(file);
  const { code, err } = await stratavecUntil(
    AbortSignal.abort(),
    'export',
    source,
    file,
    '--resume',
  );
  expect([code, err]).toEqual([130, '']);
  expect(await readFile(file)).toEqual(bytes);
});

test.each(['jsonl', 'csv', 'fvecs', 'npy'])(
  '%s: rows and ids that broke off at different places are gone on with',
  async (format) => {
    const [whole, wholeIds] = [at(`both.${format}`), at(`both.${format}.ids`)];
    await succeed('export', source, whole, '--ids', wholeIds);
    const [rows, ids] = [await readFile(whole), await readFile(wholeIds)];
    for (const [share, idShare] of [
      [0.9, 0.3],
      [0.3, 0.9],
      [1, 0],
    ]) {
      await truncate(whole, Math.floor(rows.length * share));
      await truncate(wholeIds, Math.floor(ids.length * idShare));
      await succeed('export', source, whole, '--ids', wholeIds, '--resume');
      expect(await readFile(whole)).toEqual(rows);
      expect(await readFile(wholeIds)).toEqual(ids);
    }
  },
);

test('an export that cannot begin leaves nothing behind', async () => {
  const file = at('begun.fvecs');
  const nowhere = at('no such folder/ids');
  const refused = await stratavecHere('export', source, file, '--ids', nowhere);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('no such file or folder');
  const same = await stratavecHere('export', source, file, '--ids', file);
  expect(same.code).toBe(2);
  expect(same.err).toContain('the ids need a file of their own');
  await expect(access(file)).rejects.toThrow('ENOENT');
});

test('an import that was interrupted passes over what is stored', async () => {
  const file = at('resumed.jsonl');
  await succeed('export', source, file);
  const directory = at('resumed');
  await succeed('import', directory, file, '--limit', '3', '--metric', 'l2', '--batch', '2');
  const out = await succeed('import', directory, file, '--resume', '--no-embed');
  expect(out).toContain('Stored 3 records (3 new, 0 replaced)');
  expect(await stored(directory, 'records')).toEqual(await stored(source, 'notes'));
});

test('a file that is there is not written over', async () => {
  const file = at('there.jsonl');
  await writeFile(file, 'mine');
  const { code, err } = await stratavecHere('export', source, file);
  expect(code).toBe(1);
  expect(err).toContain('is there already; give another name, or --resume');
  expect(await readFile(file, 'utf8')).toBe('mine');
});

test('numbers that are no bytes are refused by the kinds that hold bytes', async () => {
  const directory = at('floats');
  const database = await open(directory);
  const collection = await database.collection('floats', { dimension: 2, metric: 'l2' });
  await collection.upsert({ id: 7, vector: [0.5, 1] });
  await database.close();
  const { code, err } = await stratavecHere('export', directory, at('floats.bvecs'));
  expect(code).toBe(1);
  expect(err).toContain('bvecs holds whole numbers from 0 to 255; record "7" has 0.5; use fvecs');
});

test('a foreign CSV: further columns become metadata', async () => {
  const file = at('foreign.csv');
  await writeFile(
    file,
    '\ufeffid,vector,year,open,title\r\n007,"1 2",1999,true,"A, b"\r\n8,"[3, 4]",,false,\r\n',
  );
  await succeed('import', at('foreign'), file);
  const [first, second] = await stored(at('foreign'), 'records');
  expect(first).toMatchObject({ id: '007', metadata: { year: 1999, open: true, title: 'A, b' } });
  expect(second).toMatchObject({ id: 8, metadata: { open: false } });
  expect([...(second.vector ?? [])]).toEqual([3, 4]);
});

test.each([
  ['no-id.csv', 'vector\n"1 2"\n', 'has no column "id"'],
  ['ragged.csv', 'id,vector\n1,"1 2",3\n', 'not CSV: Invalid Record Length'],
  ['word.csv', 'id,vector\n1,"1 x"\n', 'line 2: "vector"[1] is null'],
  ['twice.csv', 'id,id\n1,2\n', 'has two columns "id"'],
  ['short.coolvec', 'COOLVEC\0', 'shorter than the header of 36'],
  ['other.npy', 'NUMPY', 'not npy: it does not begin with the magic'],
])('%s is refused', async (name, text, message) => {
  await writeFile(at(name), text);
  const { code, err } = await stratavecHere('import', at(`refused-${name}`), at(name));
  expect(code).toBe(1);
  expect(err).toContain(message);
});

test('npy: rows of other numbers, and what is no array of rows', async () => {
  const file = at('bytes.npy');
  const header = Buffer.from(encodeNpyHeader(2, 3)).toString('latin1');
  const bytes = Buffer.from(header.replace("'<f4'", "'|u1'"), 'latin1');
  await writeFile(file, Buffer.concat([bytes, Buffer.from([1, 2, 3, 4, 5, 6])]));
  await succeed('import', at('bytes'), file, '--metric', 'l2');
  const back = await stored(at('bytes'), 'records');
  expect(back.map(({ vector }) => [...(vector ?? [])])).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  await writeFile(file, header.replace('(2, 3)', '(6,)  '), 'latin1');
  const { err } = await stratavecHere('import', at('flat'), file);
  expect(err).toContain('has the shape (6,), expected (rows, columns)');
});
