/** Filling a collection at once, and interrupting it: before the last record was read, and behind it. */
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { SourceRecord } from '../../src/cli/formats/record-source.ts';
import { type ImportOptions, importRecords } from '../../src/cli/import-records.ts';
import { type Collection, type Database, type Json, open } from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere } from './stratavec.ts';

const count = 500;

async function* records(onRecord: (i: number) => void): AsyncGenerator<SourceRecord> {
  for (let i = 0; i < count; i++) {
    onRecord(i);
    yield { where: `line ${i + 1}`, record: { id: i, vector: [i, 1] } };
  }
}

function importing(signal: AbortSignal, onBuild: ImportOptions['onBuild']): ImportOptions {
  const asked = { batch: 200, atOnce: true, embeds: false, skipStored: false };
  return { ...asked, signal, onProgress: () => {}, onBuild };
}

async function points(database: Database): Promise<Collection<Json>> {
  return await database.collection<Json>('points', { dimension: 2, metric: 'l2' });
}

test('the phases behind the last record are told', async () => {
  await using directory = await tempDir();
  await using database = await open(directory.path);
  const phases = new Set<string>();
  const options = importing(new AbortController().signal, ({ phase }) => phases.add(phase));
  const source = records(() => {});
  const result = await importRecords(await points(database), source, options);
  expect(result).toMatchObject({ stored: count, inserted: count, isInterrupted: false });
  expect(phases).toContain('graph');
  expect(phases).not.toContain('read');
});

test('an interruption while records are read stores what was read', async () => {
  await using directory = await tempDir();
  await using database = await open(directory.path);
  const controller = new AbortController();
  const collection = await points(database);
  const source = records((i) => i === 100 && controller.abort());
  const result = await importRecords(collection, source, importing(controller.signal, undefined));
  expect(result).toMatchObject({ stored: 100, inserted: 100, isInterrupted: true });
  expect(await collection.count()).toBe(100);
});

test('an interruption behind the last record ends the build, and stores nothing', async () => {
  await using directory = await tempDir();
  await using database = await open(directory.path);
  const controller = new AbortController();
  const collection = await points(database);
  const options = importing(controller.signal, () => controller.abort());
  const source = records(() => {});
  const result = await importRecords(collection, source, options);
  expect(result).toMatchObject({ stored: 0, inserted: 0, isInterrupted: true });
  expect(await collection.count()).toBe(0);
  const again = records(() => {});
  await importRecords(collection, again, importing(new AbortController().signal, undefined));
  expect(await collection.count()).toBe(count);
});

test('an import that fails leaves no collection behind that it made', async () => {
  await using directory = await tempDir();
  const file = `${directory.path}/r.jsonl`;
  await writeFile(file, '{"id": 1, "vector": [1, 2]}\n{"id": 2, "vector": [1, 2, 3]}\n');
  const failed = await stratavecHere('import', `${directory.path}/db`, file, '-c', 'new');
  expect(failed).toMatchObject({ code: 1, out: '' });
  expect(failed.err).toContain('line 2: (id 2).vector: expected 2 dimensions, got 3');
  await writeFile(file, '{"id": 2, "vector": [1, 2, 3]}\n');
  const { code, out } = await stratavecHere('import', `${directory.path}/db`, file, '-c', 'new');
  expect([code, out]).toEqual([0, expect.stringContaining('Stored 1 record')]);
});
