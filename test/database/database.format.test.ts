/**
 * The files of a whole database, held fast: records, graph, page map, page file and log. The same calls give
 * the bytes that are committed; a database of an earlier build is opened, read and gone on from. A change of
 * bytes that an earlier build could misread, or that this one could in its files, needs a new format number
 * (`FORMAT` of the catalog, or one of the engine's); `npx vitest run -u` writes the fixture anew.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type CollectionOptions, open } from '../../src/index.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fromText, type GoldenFile, readFiles, toText, writeFiles } from '../golden-files.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import {
  expectEqual,
  HISTORY_OPTIONS,
  type Model,
  remove,
  type Stored,
  TWIN_OPTIONS,
  upsert,
  type Write,
} from './history.ts';

const trace: readonly (Write | 'flush')[] = [
  upsert(0, 16, 1),
  remove([1, 6]),
  'flush',
  upsert(20, 3, 3),
  upsert(0, 2, 4),
  'flush',
  upsert(5, 1, 5),
  remove([20]),
];

function lastState(): Model {
  let model: Model = new Map();
  for (const step of trace) if (step !== 'flush') model = step.apply(model);
  return model;
}

/** All but the lock, which says who holds it. */
function filesOf(fileSystem: FileSystem): GoldenFile[] {
  const inside = (directory: string): GoldenFile[] =>
    readFiles(fileSystem, `/db/${directory}`).map(({ name, bytes }) => ({
      name: `${directory}/${name}`,
      bytes,
    }));
  return fileSystem.list('/db').flatMap((name) => {
    if (name.startsWith('LOCK')) return [];
    if (!name.includes('.')) return inside(name);
    const [file] = readFilesNamed(fileSystem, name);
    return [file];
  });
}

function readFilesNamed(fileSystem: FileSystem, name: string): GoldenFile[] {
  const file = fileSystem.open(`/db/${name}`, 'read');
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  file.close();
  return [{ name, bytes }];
}

async function build(options: CollectionOptions): Promise<GoldenFile[]> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  const things = await db.collection<Stored['metadata']>('things', options);
  for (const step of trace) {
    if (step === 'flush') await db.flush();
    else await step.run(things);
  }
  await db.close();
  return filesOf(fileSystem);
}

describe.each([
  ['a default vector space', 'database', HISTORY_OPTIONS],
  ['a named vector space too', 'named-vectors', TWIN_OPTIONS],
])('of a collection with %s', (_name, fixture, options) => {
  const path = `test/fixtures/v1/${fixture}.txt`;

  test('the same calls give the bytes of the fixture', async () => {
    const files = await build(options);
    expect(files.map(({ name }) => name)).toContain('data.pages');
    expect(fromText(toText(files))).toEqual(files);
    await expect(toText(files)).toMatchFileSnapshot(`../fixtures/v1/${fixture}.txt`);
  });

  test('the database of the fixture is opened, read and gone on from', async () => {
    const fileSystem = new MemoryFileSystem();
    writeFiles(fileSystem, '/db', fromText(readFileSync(path, 'utf8')));
    let model = lastState();
    for (const step of [undefined, upsert(30, 5, 6), remove([0, 30])]) {
      const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
      const things = await db.collection<Stored['metadata']>('things', options);
      if (step !== undefined) {
        await step.run(things);
        await db.flush();
        model = step.apply(model);
      }
      await expectEqual(db, things, model);
      await db.close();
    }
  });
});
