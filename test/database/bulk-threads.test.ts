/** Bulk loads by several threads: the same files, whoever's threads they are. Needs a build (`npm test` makes one). */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { BuildOptions, DatabaseOptions } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fixture, randomVectors } from './fixtures.ts';

const dimension = 24;
const count = 1500;
const vectors = randomVectors(count, dimension, 3);

/** Hashes of pages and tables, by path: versions come and go with time. */
function hashesOf(disk: MemoryFileSystem, directory: string): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const name of disk.list(directory)) {
    const path = `${directory}/${name}`;
    if (name === 'lsm') Object.assign(hashes, hashesOf(disk, path));
    if (!/\.(table|pages)$/.test(name)) continue;
    const file = disk.open(path, 'read');
    const bytes = new Uint8Array(file.size());
    file.readInto(bytes, 0);
    file.close();
    hashes[path] = createHash('sha256').update(bytes).digest('hex');
  }
  return hashes;
}

/** Threads that were started, and the files that a build and an ingestion leave. */
async function load(database: DatabaseOptions, build: BuildOptions) {
  let started = 0;
  const note = (): unknown => started++;
  process.on('worker', note);
  const fileSystem = new MemoryFileSystem();
  const f = await fixture({ dimension }, { memoryBytes: 64 << 20, ...database, fileSystem });
  await f.collection.build({ vectors: Float32Array.from(vectors.flatMap((v) => [...v])) }, build);
  const others = await f.db.collection('others', { dimension, metric: 'cosine' });
  await others.ingest(
    vectors.map((vector, id) => ({ id, vector })),
    build,
  );
  expect((await f.db.check()).problems).toEqual([]);
  // A backup holds what is in use; tables that were merged away leave the folder itself sooner or later.
  await f.db.backup('/copy');
  const files = hashesOf(fileSystem, '/copy');
  await f.db.close();
  process.off('worker', note);
  return { started, files };
}

test('files are the same for any number of threads', async () => {
  const alone = await load({}, { threads: 0 });
  expect(alone.started).toBe(0);
  expect(Object.keys(alone.files).length).toBeGreaterThan(5);
  // So small a build is not worth a thread.
  expect(await load({}, {})).toEqual(alone);
  // Two for each of the two loads.
  expect(await load({}, { threads: 2 })).toEqual({ ...alone, started: 4 });
  // Those of the database.
  expect(await load({ threads: 2 }, {})).toEqual({ ...alone, started: 2 });
  expect(await load({ threads: 2 }, { threads: 0 })).toEqual({ ...alone, started: 2 });
});

test('threads are a number from 0 to 64', async () => {
  await using f = await fixture({ dimension });
  for (const threads of [-1, 65, 1.5, '2']) {
    const given = { threads } as BuildOptions;
    const building = f.collection.build({ vectors: new Float32Array(dimension) }, given);
    await expect(building).rejects.toThrow('threads: expected an integer from 0 to 64');
    await expect(f.collection.ingest([], given)).rejects.toThrow('threads: expected');
  }
});
