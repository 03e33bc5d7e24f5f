/** A process that does nothing but compact waits for it. Needs a build (`npm test` makes one). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const dist = (path: string): string => new URL(`../../dist/src/${path}`, import.meta.url).href;

/** Deletes what an open snapshot holds: the sweep looks for a while whether it goes. */
const program = `
import { open } from '${dist('index.js')}';
import { MemoryFileSystem } from '${dist('storage/memory-file-system.js')}';
const db = await open('/db', { fileSystem: new MemoryFileSystem(), memoryBytes: 10_000_000 });
const things = await db.collection('things', { dimension: 2 });
await things.upsert(Array.from({ length: 50 }, (_, id) => ({ id, vector: [id, 1] })));
await db.flush();
const snapshot = await db.snapshot();
await things.delete([1, 2, 3]);
await db.compact();
console.log('compacted');
await snapshot.close();
await db.close();
`;

test('a compaction that waits for a snapshot keeps the process alive', () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const options = ['--input-type=module', '--eval', program];
  const { stdout, stderr, status } = spawnSync(process.execPath, options, {
    cwd,
    encoding: 'utf8',
  });
  expect({ stdout, stderr, status }).toEqual({ stdout: 'compacted\n', stderr: '', status: 0 });
});
