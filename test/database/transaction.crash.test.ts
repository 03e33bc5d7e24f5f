/**
 * The process dies, or the power fails, at every file-system call of a trace of transactions over two
 * collections, with a checkpoint in between; and every call fails once. Each transaction is in both collections or
 * in neither, and those that were acknowledged are there.
 */
import { expect, test } from 'vitest';
import { type Collection, type Database, open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { HISTORY_OPTIONS, vectorOf } from './history.ts';

const NAMES = ['from', 'to'];
const idCount = 8;
const steps = 5;

async function openBoth(fileSystem: FileSystem): Promise<{ db: Database; both: Collection[] }> {
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  const both: Collection[] = [];
  for (const name of NAMES) both.push(await db.collection(name, HISTORY_OPTIONS));
  return { db, both };
}

/** Step 0 stores all records in the first collection, each other one moves one to the second. */
async function step(db: Database, number: number): Promise<void> {
  await db.transaction(async (tx) => {
    const [from, to] = NAMES.map((name) => tx.collection(name));
    const ids = Array.from({ length: idCount }, (_, id) => id);
    if (number === 0) {
      await from.upsert(ids.map((id) => ({ id, vector: vectorOf(id + 1) })));
      return;
    }
    const record = await from.get(number);
    await from.delete(number);
    await to.upsert({ id: number, vector: record?.vector });
  });
}

async function run(fileSystem: FileSystem): Promise<{ acknowledged: number; begun: number }> {
  let [acknowledged, begun] = [0, 0];
  try {
    const { db } = await openBoth(fileSystem);
    for (let number = 0; number < steps; number++) {
      if (number === 3) await db.flush();
      begun++;
      await step(db, number);
      acknowledged++;
    }
    await db.close();
  } catch {
    // The crash, or the fault. What it left is looked at afterwards.
  }
  return { acknowledged, begun };
}

/** How many of the steps are there; each of them must be whole. */
async function judge(disk: FileSystem): Promise<number> {
  const { db, both } = await openBoth(disk);
  expect((await db.check()).problems).toEqual([]);
  const counts = await Promise.all(both.map((collection) => collection.count()));
  const done = counts[0] + counts[1] === 0 ? 0 : 1 + counts[1];
  for (let id = 0; id < idCount; id++) {
    const where = done === 0 ? [] : id > 0 && id < done ? [1] : [0];
    for (const [i, collection] of both.entries()) {
      const hits = await collection.search({ vector: vectorOf(id + 1), k: 1 });
      expect(hits[0]?.distance === 0).toBe(where.includes(i));
      expect(await collection.has(id)).toBe(where.includes(i));
    }
  }
  await db.close();
  return done;
}

test('a crash at every call, keeping none, half or all of what was not synced', async () => {
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  await run(dry);
  for (let n = 1; n <= dry.calls; n++) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.stopAt(n);
    const { acknowledged, begun } = await run(faulty);
    const found = await judge(disk.crash(n, (n % 3) / 2));
    expect(found, `call ${n}, ${dry.trace[n - 1]}`).toBeGreaterThanOrEqual(acknowledged);
    expect(found).toBeLessThanOrEqual(begun);
  }
});

test('every call fails once', async () => {
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  await run(dry);
  for (let n = 1; n <= dry.calls; n++) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.failCall(n, n % 2 === 0 ? 'EIO' : 'ENOSPC');
    const { acknowledged, begun } = await run(faulty);
    const found = await judge(disk.crash(n, 1));
    expect(found, `call ${n}, ${dry.trace[n - 1]}`).toBeGreaterThanOrEqual(acknowledged);
    expect(found).toBeLessThanOrEqual(begun);
  }
});
