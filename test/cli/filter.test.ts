import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere } from './stratavec.ts';

/** A database of ten records in `path`/data, with years from 2000 on. */
async function filled(path: string): Promise<string> {
  const directory = join(path, 'data');
  const db = await open(directory);
  const notes = await db.collection('notes', { dimension: 2, metric: 'l2' });
  await notes.upsert(
    Array.from({ length: 10 }, (_, i) => ({ id: i, vector: [i, 1], metadata: { year: 2000 + i } })),
  );
  await db.close();
  return directory;
}

test('export writes the records that pass, and no more are counted', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const file = join(temp.path, 'notes.jsonl');
  const filter = '{"year": {"$gte": 2007}}';
  const { code, out } = await stratavecHere('export', data, file, '--filter', filter);
  expect(code).toBe(0);
  expect(out).toContain('Wrote 3 records');
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).id)).toEqual([7, 8, 9]);
});

test('a filter that is none is bad usage, and names the mistake', async () => {
  await using temp = await tempDir();
  const data = await filled(temp.path);
  const file = join(temp.path, 'notes.jsonl');
  const noJson = await stratavecHere('export', data, file, '-f', '{year: 2000}');
  expect(noJson).toMatchObject({
    code: 2,
    err: expect.stringContaining('--filter: expected JSON'),
  });
  const unknown = await stratavecHere('export', data, file, '-f', '{"year": {"$gtt": 1}}');
  expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("did you mean '$gt'?") });
});
