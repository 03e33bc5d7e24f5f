/**
 * The process dies at every file-system call of a short trace in which fields are added to a collection with
 * records, written beside, and dropped. Whatever was begun is finished at the next opening, and the entries
 * are those of the records that are there.
 */
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';

const VECTORS = { dimension: 2, metric: 'l2', exactBelow: 0, m: 2 } as const;

const records = (from: number, to: number, offset: number) =>
  Array.from({ length: to - from }, (_, i) => ({
    id: from + i,
    vector: [i, offset],
    metadata: { n: i + offset, tags: [`t${i % 3}`, `t${offset}`] },
  }));

/** Which calls were acknowledged. */
async function runTrace(fileSystem: FileSystem): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  try {
    const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
    const things = await db.collection('things', VECTORS);
    const steps: [name: string, run: () => Promise<unknown>][] = [
      ['upsert', () => things.upsert(records(0, 12, 0))],
      ['add', () => Promise.all([things.addField('n', 'number'), things.delete([1, 2])])],
      ['change', () => things.upsert(records(4, 8, 100))],
      ['flush', () => db.flush()],
      ['add another', () => things.addField('tags', 'keyword')],
      ['drop', () => Promise.all([things.dropField('n'), things.upsert(records(7, 9, 200))])],
    ];
    for (const [name, run] of steps) {
      await run();
      done.add(name);
    }
    await db.close();
  } catch {
    // The crash. Whatever it left is looked at afterwards.
  }
  return done;
}

async function expectWhole(disk: MemoryFileSystem, done: ReadonlySet<string>): Promise<void> {
  const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
  const things = await db.collection('things', VECTORS);
  while (things.info().fieldsBuilding.length > 0) await new Promise(setImmediate);
  // What is being dropped is gone when the next job is done.
  await things.addField('last', 'boolean');
  expect((await db.check()).problems).toEqual([]);
  const { fields } = things.info();
  if (done.has('drop')) expect(fields).toEqual({ tags: 'keyword', last: 'boolean' });
  else if (done.has('add another')) expect(fields.tags).toBe('keyword');
  else if (done.has('add')) expect(fields.n).toBe('number');
  await db.close();
}

test.each([0, 0.5])('a crash at every call, keeping %f of what was not synced', async (kept) => {
  const counting = new FaultyFileSystem(new MemoryFileSystem());
  expect((await runTrace(counting)).size).toBe(6);
  const calls = counting.calls;
  expect(calls).toBeGreaterThan(40);
  for (let call = kept === 0 ? 1 : 2; call <= calls; call += 2) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.stopAt(call);
    const done = await runTrace(faulty);
    await expectWhole(disk.crash(call, kept), done);
  }
});
