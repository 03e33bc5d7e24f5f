/**
 * One bit of any file is flipped, or a file is cut short: the database gives right answers or says
 * `CORRUPTION`, never a wrong answer and never another error. Half of the data is in tables and pages,
 * half only in the log. The last commit of the newest log is the exception: when its bytes are damaged it
 * looks like one whose writing was cut short by a crash, and the state is the one before it.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, type Database, isDatabaseError, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { HISTORY_OPTIONS, type Model, remove, type Stored, upsert } from './history.ts';

/** A database that was not closed, and what it holds. */
async function makeDisk(): Promise<{ disk: MemoryFileSystem; model: Model; before: Model }> {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  const collection: Collection<Stored['metadata']> = await db.collection('things', HISTORY_OPTIONS);
  let model: Model = new Map();
  let before = model;
  for (const step of [upsert(0, 30, 1), 'flush', remove([3, 4]), upsert(20, 15, 2)] as const) {
    if (step === 'flush') await db.flush();
    else {
      await step.run(collection);
      before = model;
      model = step.apply(model);
    }
  }
  return { disk: fileSystem.crash(1), model, before };
}

/** Every answer of the database is right, or an error that names the damage. Whether it noticed. */
async function isNoticed(disk: MemoryFileSystem, model: Model): Promise<boolean> {
  let db: Database | undefined;
  let noticed = false;
  const attempt = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      expect(['CORRUPTION', 'UNSUPPORTED_FORMAT']).toContain(error.code);
      noticed = true;
    }
  };
  await attempt(async () => {
    const options = { fileSystem: disk, memoryBytes: SMALL_MEMORY, createIfMissing: false };
    const opened = await open('/db', { ...options, readOnly: true });
    db = opened;
    const things: Collection<Stored['metadata']> = await opened.collection('things', {
      exactBelow: 0,
    });
    for (const [id, { vector, metadata }] of model) {
      await attempt(async () => {
        expect(await things.get(id)).toEqual({ id, namespace: '', vector, metadata });
      });
      await attempt(async () => {
        const [nearest] = await things.search({ vector, k: 1 });
        expect(nearest).toMatchObject({ id, distance: 0 });
      });
    }
    await attempt(async () => expect(await things.count()).toBe(model.size));
    await attempt(async () => {
      if (!(await opened.check()).ok) noticed = true;
    });
  });
  await db?.close();
  return noticed;
}

function filesOf(disk: MemoryFileSystem, directory = '/db'): string[] {
  return disk.list(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    return name.includes('.') || name === 'CURRENT' ? [path] : filesOf(disk, path);
  });
}

/** The same disk with one file changed. */
function damaged(
  disk: MemoryFileSystem,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): MemoryFileSystem {
  const copy = disk.crash(1, 1);
  const file = copy.open(path, 'readwrite');
  const bytes = new Uint8Array(file.size());
  file.readInto(bytes, 0);
  const changed = change(bytes);
  file.truncate(0);
  file.write(changed, 0);
  file.close();
  return copy;
}

test('a sound database passes', async () => {
  const { disk, model } = await makeDisk();
  expect(filesOf(disk).length).toBeGreaterThan(8);
  expect(await isNoticed(disk, model)).toBe(false);
});

test('a flipped bit anywhere is harmless or corruption', async () => {
  const { disk, model, before } = await makeDisk();
  const random = seededRandom(5);
  let noticed = 0;
  for (const path of filesOf(disk)) {
    for (let round = 0; round < 12; round++) {
      const flipped = damaged(disk, path, (bytes) => {
        const bit = Math.floor(random() * bytes.length * 8);
        bytes[bit >>> 3] ^= 1 << (bit & 7);
        return bytes;
      });
      try {
        const isLog = path.endsWith('.wal');
        const answer = isNoticed(flipped, model);
        if (await (isLog ? answer.catch(() => isNoticed(flipped, before)) : answer)) noticed++;
      } catch (cause) {
        throw new Error(`round ${round} of ${path}`, { cause });
      }
    }
  }
  expect(noticed).toBeGreaterThan(50);
});

test('a file that was cut short is corruption; the newest log is cut short by any crash', async () => {
  const { disk, model } = await makeDisk();
  for (const path of filesOf(disk)) {
    if (path.endsWith('.wal')) continue;
    const cut = damaged(disk, path, (bytes) => bytes.slice(0, bytes.length >>> 1));
    try {
      const wasNoticed = await isNoticed(cut, model);
      // Versions before the current one are kept for repair alone.
      if (!path.endsWith('.version')) expect(wasNoticed).toBe(true);
    } catch (cause) {
      throw new Error(path, { cause });
    }
  }
});
