import { expect, test } from 'vitest';
import { type Collection, isDatabaseError, open, repair } from '../../../src/index.ts';
import { FaultyFileSystem } from '../../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../../src/storage/memory-file-system.ts';
import { inflict } from '../../damage.ts';
import { SMALL_MEMORY } from '../fixtures.ts';
import { expectEqual, HISTORY_OPTIONS, type Model, type Stored, upsert } from '../history.ts';

const options = { memoryBytes: SMALL_MEMORY };

/** A database that only a rebuild can repair: its graph is gone. */
async function withoutGraph(): Promise<{ disk: MemoryFileSystem; model: Model }> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { ...options, fileSystem });
  const things: Collection<Stored['metadata']> = await db.collection('things', HISTORY_OPTIONS);
  const write = upsert(0, 20, 1);
  await write.run(things);
  await db.close();
  const first = fileSystem.list('/db/lsm').find((name) => name.endsWith('.table'));
  inflict(fileSystem, `/db/lsm/${first}`, { kind: 'delete', from: 0, length: 0 });
  return { disk: fileSystem.crash(1, 1), model: write.apply(new Map()) };
}

async function expectHolds(fileSystem: FileSystem, model: Model): Promise<void> {
  const db = await open('/db', { ...options, fileSystem, createIfMissing: false });
  await expectEqual(db, await db.collection('things'), model);
  await db.close();
}

test('a lost graph is built again from the records, and nothing else is lost', async () => {
  const { disk, model } = await withoutGraph();
  const seen: number[] = [];
  const onProgress = ({ records }: { records: number }): unknown => seen.push(records);
  const report = await repair('/db', { ...options, fileSystem: disk, onProgress });
  expect(report).toMatchObject({ wasSound: false, wasRebuilt: true });
  expect(report.lost.every(({ what }) => what === 'table')).toBe(true);
  expect(report.recovered).toMatchObject({ collections: 1, records: 20, vectors: 20 });
  expect(report.movedFiles).toContain('lsm.lost');
  expect(seen.at(-1)).toBe(20);
  await expectHolds(disk, model);
  expect(disk.list('/db')).toEqual(['data.pages', 'data.pages.lost', 'lsm', 'lsm.lost']);
});

test('records of a lost graph still expire when they would have', async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { ...options, fileSystem });
  const things = await db.collection('things', HISTORY_OPTIONS);
  const vector = new Float32Array(8).fill(1);
  await things.upsert([1, 2].map((id) => ({ id, vector, ttlSeconds: 1000 * id })));
  const ends = await things.getMany([1, 2]);
  await db.close();
  const first = fileSystem.list('/db/lsm').find((name) => name.endsWith('.table'));
  inflict(fileSystem, `/db/lsm/${first}`, { kind: 'delete', from: 0, length: 0 });
  expect(await repair('/db', { ...options, fileSystem })).toMatchObject({ wasRebuilt: true });
  const again = await open('/db', { ...options, fileSystem });
  const repaired = await (await again.collection('things')).getMany([1, 2]);
  for (const [i, record] of repaired.entries()) {
    expect(Math.abs((record?.expiresAt ?? 0) - (ends[i]?.expiresAt ?? 0))).toBeLessThan(100_000);
  }
  expect((await again.check()).problems).toEqual([]);
  await again.close();
});

test('a repair that dies at any call is made up for by the next, and nothing is made anew', async () => {
  const { disk, model } = await withoutGraph();
  const counted = new FaultyFileSystem(disk.crash(1, 1));
  await repair('/db', { ...options, fileSystem: counted });
  const count = counted.calls;
  // The calls of the swap one by one, the others by samples.
  const swap = counted.trace.findIndex((call) => call.startsWith('open /db/UNFINISHED'));
  expect(swap).toBeGreaterThan(0);
  for (let call = 1; call <= count; call += call < swap ? 1 + Math.floor(swap / 10) : 1) {
    const copy = disk.crash(1, 1);
    const faulty = new FaultyFileSystem(copy);
    faulty.stopAt(call);
    await repair('/db', { ...options, fileSystem: faulty }).catch((error: unknown) => {
      if (!isDatabaseError(error)) throw error;
    });
    const left = copy.crash(call, [0, 0.5, 1][call % 3]);
    // Until it is repaired it opens with its damage, or is refused: never as a new, empty database.
    try {
      const db = await open('/db', { ...options, fileSystem: left });
      expect(await db.collections()).toEqual(['things']);
      await db.close();
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      expect(error.code).toBe('CORRUPTION');
    }
    const report = await repair('/db', { ...options, fileSystem: left });
    expect(report.recovered.vectors).toBe(20);
    await expectHolds(left, model);
  }
});

test('arguments are checked; a locked database and the rest of a backup are refused', async () => {
  const fileSystem = new MemoryFileSystem();
  const refused = async (path: string, code: string): Promise<void> => {
    await expect(repair(path, { ...options, fileSystem })).rejects.toMatchObject({ code });
  };
  await refused('', 'INVALID_ARGUMENT');
  await refused('/none', 'NOT_FOUND');
  const db = await open('/db', { ...options, fileSystem });
  await refused('/db', 'DATABASE_LOCKED');
  await db.close();
  fileSystem.open('/db/UNFINISHED', 'create').close();
  await refused('/db', 'CORRUPTION');
  await expect(open('/db', { ...options, fileSystem })).rejects.toMatchObject({
    code: 'CORRUPTION',
    message: expect.stringContaining('unfinished') as string,
  });
});

test('an aborted repair leaves the old files in force', async () => {
  const { disk } = await withoutGraph();
  const aborted = repair('/db', { ...options, fileSystem: disk, signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  const report = await repair('/db', { ...options, fileSystem: disk });
  expect(report).toMatchObject({ wasRebuilt: true, recovered: { vectors: 20 } });
});
