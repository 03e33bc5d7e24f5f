/** Dropping, emptying and renaming collections: each one commit, and nothing of what was there is left in the end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Collection, type Database, open, repair } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { expectEqual, type Model, remove, type Stored, TWIN_OPTIONS, upsert } from './history.ts';

type Things = Collection<Stored['metadata']>;

const options = { memoryBytes: SMALL_MEMORY };

async function start(fileSystem: FileSystem): Promise<{ db: Database; things: Things }> {
  const db = await open('/db', { ...options, fileSystem });
  return { db, things: await db.collection('things', TWIN_OPTIONS) };
}

/** Trees that have entries (of pages it is the units in use), and the bytes of pages in use. */
async function remains(db: Database): Promise<{ trees: string[]; pageBytes: number }> {
  await db.compact();
  const { trees, disk } = await db.stats();
  const filled = trees.filter(({ levels }) => levels.some(({ entries }) => entries > 0));
  return { trees: filled.map(({ name }) => name), pageBytes: disk.pageBytes };
}

test('a dropped collection is gone at once, and in the end leaves nothing', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, things } = await start(fileSystem);
  await upsert(0, 400, 1).run(things);
  await things.upsert({ id: 'n', namespace: 'x', metadata: { n: 1 }, text: 'words' });
  await db.flush();
  expect(await db.dropCollection('things')).toBe(true);
  expect(await db.dropCollection('things')).toBe(false);
  expect(await db.collections()).toEqual([]);
  await expect(db.collection('things')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const calls: Promise<unknown>[] = [
    things.get(1),
    things.count(),
    things.upsert({ id: 1 }),
    things.search({ vector: new Float32Array(8) }),
    things.scan().next(),
    things.clear(),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await db.check()).problems).toEqual([]);
  expect(await remains(db)).toEqual({ trees: ['pages', 'system'], pageBytes: 0 });
  expect((await db.check()).counts).toMatchObject({ collections: 0, records: 0, pages: 0 });
  const again = await db.collection<Stored['metadata']>('things', TWIN_OPTIONS);
  await upsert(5, 20, 2).run(again);
  await expectEqual(db, again, upsert(5, 20, 2).apply(new Map()));
  await db.close();
});

test('an emptied collection goes on with its options, and older views keep what was there', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, things } = await start(fileSystem);
  await upsert(0, 50, 1).run(things);
  const snapshot = await db.snapshot();
  expect(await things.clear()).toBe(50);
  expect(await things.count()).toBe(0);
  const before = snapshot.collection<Stored['metadata']>('things');
  expect(await before.count()).toBe(50);
  const [hit] = await before.search({ id: 7, k: 1, include: ['vector'] });
  expect(hit.vector).toHaveLength(8);
  const write = upsert(10, 30, 3);
  await write.run(things);
  await expectEqual(db, things, write.apply(new Map()));
  expect(things.info().namedVectors.twin.dimension).toBe(5);
  expect(await db.collection('things')).toBeInstanceOf(Object);
  // Long enough for a purge that would not wait for the snapshot.
  for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
  expect(await before.count()).toBe(50);
  for await (const record of before.scan()) expect(record.vector).toHaveLength(8);
  const all = await before.search({ vector: hit.vector, k: 50 });
  expect(all).toHaveLength(50);
  await snapshot.close();
  await db.compact();
  expect((await db.check()).counts).toMatchObject({ collections: 1, records: 30 });
  await db.close();
  const next = await start(fileSystem);
  await expectEqual(next.db, next.things, write.apply(new Map()));
  await next.db.close();
});

test('writes that are called beside clear are done before or after it, beside drop refused', async () => {
  const { db, things } = await start(new MemoryFileSystem());
  await upsert(0, 20, 1).run(things);
  const [, cleared, , again] = await Promise.all([
    upsert(0, 25, 2).run(things),
    things.clear(),
    upsert(0, 7, 3).run(things),
    things.clear(),
    upsert(0, 9, 4).run(things),
    things.delete([0, 1]),
  ]);
  expect([cleared, again]).toEqual([25, 7]);
  expect(await things.count()).toBe(7);
  const dropped = await Promise.allSettled([db.dropCollection('things'), things.upsert({ id: 1 })]);
  expect(dropped[1]).toMatchObject({ reason: { code: 'NOT_FOUND' } });
  const transaction = db.transaction(async (tx) => {
    await tx.collection('things').upsert({ id: 1 });
  });
  await expect(transaction).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await db.close();
});

test('a renamed collection is the same under its new name', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, things } = await start(fileSystem);
  const write = upsert(0, 10, 1);
  await write.run(things);
  await db.collection('other', { dimension: 2 });
  await db.renameCollection('things', 'items');
  expect(things.name).toBe('items');
  expect(things.info().name).toBe('items');
  expect(await db.collections()).toEqual(['items', 'other']);
  expect(await db.collection('items')).toBe(things);
  await expect(db.renameCollection('things', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const taken = db.renameCollection('items', 'other');
  await expect(taken).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await db.renameCollection('items', 'items');
  await db.close();
  const again = await open('/db', { ...options, fileSystem });
  await expectEqual(again, await again.collection('items'), write.apply(new Map()));
  await again.close();
});

test('a backup and a repair leave a dropped collection out', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, things } = await start(fileSystem);
  await upsert(0, 300, 1).run(things);
  const kept = await db.collection<Stored['metadata']>('kept', TWIN_OPTIONS);
  await upsert(0, 10, 2).run(kept);
  const snapshot = await db.snapshot();
  // The snapshot holds the purge up.
  await db.dropCollection('things');
  await db.backup('/backup');
  await snapshot.close();
  await db.close();
  for (const path of ['/backup', '/db']) {
    const other = await open(path, { ...options, fileSystem });
    expect(await other.collections()).toEqual(['kept']);
    expect((await other.check()).problems).toEqual([]);
    await other.compact();
    expect((await other.check()).counts).toMatchObject({ collections: 1, records: 10 });
    await other.close();
  }
  expect(await repair('/db', { ...options, fileSystem })).toMatchObject({ wasSound: true });
});

test('a crash at any call leaves a collection that is there whole, or is dropped and can be purged', async () => {
  const first = upsert(0, 40, 1);
  const run = async (fileSystem: FileSystem): Promise<string> => {
    let reached = 'nothing';
    try {
      const { db, things } = await start(fileSystem);
      await first.run(things);
      reached = 'filled';
      await db.flush();
      await things.clear();
      reached = 'cleared';
      await upsert(0, 9, 2).run(things);
      reached = 'filled again';
      await db.dropCollection('things');
      reached = 'dropped';
      await db.compact();
      await db.close();
    } catch {
      // The crash.
    }
    return reached;
  };
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  expect(await run(dry)).toBe('dropped');
  const sizes: Record<string, readonly (number | undefined)[]> = {
    nothing: [undefined, 0, 40],
    filled: [40, 0],
    cleared: [0, 9],
    'filled again': [9, undefined],
    dropped: [undefined],
  };
  for (let call = 1; call <= dry.calls; call += 23) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.stopAt(call);
    const reached = await run(faulty);
    const left = disk.crash(call, [0, 0.5, 1][call % 3]);
    const db = await open('/db', { ...options, fileSystem: left });
    expect((await db.check()).problems, `crash at call ${call}`).toEqual([]);
    const isThere = (await db.collections()).includes('things');
    const things: Things = await db.collection('things', TWIN_OPTIONS);
    const count = isThere ? await things.count() : undefined;
    expect(sizes[reached], `crash at call ${call} after ${reached}`).toContain(count);
    await db.compact();
    expect((await db.check()).counts).toMatchObject({ collections: 1, records: count ?? 0 });
    await db.close();
  }
});

type Step = 'clear' | 'drop' | 'reopen' | 'compact' | 'upsert' | 'remove';

test('any sequence of drops, clears, writes and openings is that of a Map', async () => {
  const step = fc.constantFrom<Step>(
    'clear',
    'drop',
    'reopen',
    'compact',
    'upsert',
    'upsert',
    'remove',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const fileSystem = new MemoryFileSystem();
      let { db, things } = await start(fileSystem);
      let model: Model = new Map();
      for (const [i, next] of steps.entries()) {
        const write = next === 'upsert' ? upsert(i, 40, i + 1) : remove([i, i + 1, i + 2]);
        if (next === 'upsert' || next === 'remove') {
          await write.run(things);
          model = write.apply(model);
        } else if (next === 'compact') await db.compact();
        else if (next === 'clear') {
          expect(await things.clear()).toBe(model.size);
          model = new Map();
        } else {
          if (next === 'drop') await db.dropCollection('things');
          else await db.close();
          if (next === 'drop') model = new Map();
          if (next === 'drop') things = await db.collection('things', TWIN_OPTIONS);
          else ({ db, things } = await start(fileSystem));
        }
      }
      await expectEqual(db, things, model);
      await db.close();
    }),
    { numRuns: 12 },
  );
});
