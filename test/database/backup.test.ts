import { expect, test } from 'vitest';
import { type Collection, type Database, isDatabaseError, open, restore } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import {
  type Call,
  InterceptingFileSystem,
  type Interceptor,
} from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import {
  expectEqual,
  HISTORY_OPTIONS,
  type Model,
  remove,
  type Stored,
  upsert,
} from './history.ts';

type Things = Collection<Stored['metadata']>;

const steps = [upsert(0, 40, 1), 'flush', remove([3, 4, 17]), upsert(30, 30, 2)] as const;

async function filled(
  fileSystem: FileSystem,
  path = '/db',
): Promise<{ db: Database; things: Things; model: Model }> {
  const db = await open(path, { fileSystem, memoryBytes: SMALL_MEMORY });
  const things: Things = await db.collection('things', HISTORY_OPTIONS);
  let model: Model = new Map();
  for (const step of steps) {
    if (step === 'flush') await db.flush();
    else {
      await step.run(things);
      model = step.apply(model);
    }
  }
  return { db, things, model };
}

async function expectHolds(fileSystem: FileSystem, path: string, model: Model): Promise<void> {
  const options = { fileSystem, memoryBytes: SMALL_MEMORY, createIfMissing: false };
  const db = await open(path, { ...options, readOnly: true });
  try {
    await expectEqual(db, await db.collection('things'), model);
  } finally {
    await db.close();
  }
}

test('a backup does not go into the folder of its database', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db } = await filled(fileSystem);
  for (const path of ['/db', '/db/inside', '/db/lsm/x/..']) {
    await expect(db.backup(path)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect(fileSystem.list('/db')).not.toContain('inside');
  await db.backup('/db-2');
  await db.close();
});

test('a backup opens, and restores to a place of its own', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, model } = await filled(fileSystem);
  const report = await db.backup('/backup');
  expect(report.tables).toBeGreaterThan(0);
  expect(report.linkedTables).toBe(report.tables);
  expect(report.pageBytes).toBeGreaterThan(0);
  await expectHolds(fileSystem, '/backup', model);
  const restored = await restore('/backup', '/restored', { fileSystem, memoryBytes: SMALL_MEMORY });
  expect(restored.counts.records).toBe(model.size);
  for (const name of fileSystem.list('/backup/lsm')) {
    const file = fileSystem.open(`/backup/lsm/${name}`, 'readwrite');
    file.truncate(0);
    file.close();
  }
  await expectHolds(fileSystem, '/restored', model);
});

test('on the file system of the machine, with copied tables and progress', async () => {
  await using temp = await tempDir();
  const disk = new NodeFileSystem();
  const { db, model } = await filled(disk, `${temp.path}/db`);
  const phases = new Set<string>();
  const report = await db.backup(`${temp.path}/backup`, {
    link: false,
    onProgress: ({ phase }) => phases.add(phase),
  });
  expect(report.linkedTables).toBe(0);
  expect([...phases]).toEqual(['checkpoint', 'pages', 'tables']);
  await restore(`${temp.path}/backup`, `${temp.path}/restored`);
  await expectHolds(disk, `${temp.path}/restored`, model);
  await db.close();
});

/** Holds the first sync of a backup up until `open` is called. */
class Gate implements Interceptor {
  open: () => void = () => {};
  /** Resolves when the backup waits. */
  readonly reached: Promise<void>;
  #reach: () => void = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
  }

  call<T>(_call: Call, run: () => T): T {
    return run();
  }

  async sync({ path }: Call, run: () => Promise<void>): Promise<void> {
    if (path === '/backup/UNFINISHED') {
      this.#reach();
      await this.#opened;
    }
    await run();
  }
}

test('writes go on beside a backup, which is the state of the commit before them', async () => {
  const gate = new Gate();
  const fileSystem = new InterceptingFileSystem(new MemoryFileSystem(), gate);
  const { db, things, model } = await filled(fileSystem);
  const backup = db.backup('/backup', { link: false });
  let last = model;
  for (let seed = 3; seed < 12; seed++) {
    const write = upsert((seed * 7) % 60, 25, seed);
    await write.run(things);
    last = write.apply(last);
    // Pages are replaced, and their units would be given again; entries of old ones are compacted away.
    await db.flush();
  }
  gate.open();
  await backup;
  await expectHolds(fileSystem, '/backup', model);
  await expectEqual(db, things, last);
  await db.close();
});

test('arguments are checked, and a target in use is refused', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db } = await filled(fileSystem);
  await expect(db.backup('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(restore('/none', '/to', { fileSystem })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  await db.backup('/backup');
  await expect(db.backup('/backup')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  await expect(restore('/db', '/to', { fileSystem })).rejects.toMatchObject({
    code: 'DATABASE_LOCKED',
  });
  await expect(restore('/backup', '/db', { fileSystem })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  const signal = AbortSignal.abort();
  await expect(db.backup('/aborted', { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  await db.backup('/aborted'); // Nothing was left of the first attempt.
  await db.close();
  await expect(db.backup('/late')).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
});

test('a database that is opened to read only is backed up if nothing is in its log alone', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db, model } = await filled(fileSystem);
  await db.close();
  const options = { fileSystem, memoryBytes: SMALL_MEMORY };
  const reader = await open('/db', { ...options, readOnly: true });
  await reader.backup('/backup');
  await reader.close();
  await expectHolds(fileSystem, '/backup', model);
  const writer = await open('/db', options);
  await upsert(1, 1, 9).run(await writer.collection('things'));
  const crashed = fileSystem.crash(1);
  const late = await open('/db', { ...options, fileSystem: crashed, readOnly: true });
  await expect(late.backup('/second')).rejects.toMatchObject({ code: 'READ_ONLY' });
  expect(crashed.exists('/second')).toBe(false);
  await late.close();
});

test('a damaged page is not handed on, and a damaged backup is not restored', async () => {
  const fileSystem = new MemoryFileSystem();
  const { db } = await filled(fileSystem);
  await db.backup('/backup');
  await db.close();
  for (const path of ['/backup/data.pages', '/db/data.pages']) {
    const file = fileSystem.open(path, 'readwrite');
    file.write(new Uint8Array(file.size()).fill(0x55), 0);
    file.close();
  }
  const options = { fileSystem, memoryBytes: SMALL_MEMORY };
  await expect(restore('/backup', '/to', options)).rejects.toMatchObject({ code: 'CORRUPTION' });
  expect(fileSystem.exists('/to')).toBe(false);
  const again = await open('/db', options);
  await expect(again.backup('/second')).rejects.toMatchObject({ code: 'CORRUPTION' });
  await again.close();
});

async function isWhole(disk: FileSystem, path: string, model: Model): Promise<boolean> {
  try {
    await expectHolds(disk, path, model);
    return true;
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
    if (error.code === 'NOT_FOUND') expect(disk.exists(path) ? disk.list(path) : []).toEqual([]);
    else expect(error.code).toBe('CORRUPTION');
    return false;
  }
}

test('a crash at any call of backup or restore leaves a whole target or a refused one', async () => {
  const base = new MemoryFileSystem();
  const { db, model } = await filled(base);
  await db.close();
  const options = { memoryBytes: SMALL_MEMORY };
  const counted = new FaultyFileSystem(base.crash(0, 1));
  const first = await open('/db', { ...options, fileSystem: counted });
  const before = counted.calls;
  await first.backup('/backup');
  await restore('/backup', '/restored', { ...options, fileSystem: counted });
  const count = counted.calls - before;
  let whole = 0;
  let refused = 0;
  for (let call = 1; call <= count; call += 1 + Math.floor(count / 90)) {
    const disk = base.crash(call, 1);
    const faulty = new FaultyFileSystem(disk);
    const source = await open('/db', { ...options, fileSystem: faulty });
    faulty.stopAt(before + call);
    try {
      await source.backup('/backup');
      await restore('/backup', '/restored', { ...options, fileSystem: faulty });
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
    }
    const left = disk.crash(call, [0, 0.5, 1][call % 3]);
    for (const path of ['/backup', '/restored']) {
      if (await isWhole(left, path, model)) whole++;
      else refused++;
    }
    expect(await isWhole(left, '/db', model)).toBe(true);
  }
  expect(whole).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});

test('a collection that is purged while a backup begins is in the backup with its pages', async () => {
  const memory = new MemoryFileSystem();
  const gate = new Gate();
  const { db, things } = await filled(new InterceptingFileSystem(memory, gate));
  // Its records go at once, its pages when nobody sees the records any more.
  const snapshot = await db.snapshot();
  await db.dropCollection('things');
  while ((await db.check()).counts.records > 0) await new Promise(setImmediate);
  const backup = db.backup('/backup');
  await gate.reached;
  await snapshot.close();
  await db.compact();
  expect((await db.check()).counts).toMatchObject({ collections: 0, pages: 0 });
  gate.open();
  await backup;
  await restore('/backup', '/restored', { fileSystem: memory, memoryBytes: SMALL_MEMORY });
  await expect(things.count()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await db.close();
});
