/** An opening that fails where there was no folder leaves none; what was there before stays. */
import { expect, test } from 'vitest';
import { type Database, open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { Lock, LockOptions } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { SMALL_MEMORY } from './fixtures.ts';

const options = { memoryBytes: SMALL_MEMORY };

test('a disk that fails at any call leaves no folder', async () => {
  const whole = new FaultyFileSystem(new MemoryFileSystem());
  const first = await open('/db', { ...options, fileSystem: whole });
  const { calls } = whole;
  await first.close();
  let refused = 0;
  for (let n = 1; n <= calls; n++) {
    const fileSystem = new FaultyFileSystem(new MemoryFileSystem());
    fileSystem.failCall(n, 'ENOSPC');
    const opening: Promise<Database> = open('/db', { ...options, fileSystem });
    const opened = await opening.catch((error: Error) => error);
    if (!(opened instanceof Error)) {
      await opened.close();
      continue;
    }
    refused++;
    expect(opened).toMatchObject({ code: 'IO' });
    expect([fileSystem.trace[n - 1], fileSystem.exists('/db')]).toEqual([expect.anything(), false]);
  }
  expect(refused).toBeGreaterThan(10);
});

test('a real folder goes too, with its lock', async () => {
  await using dir = await tempDir();
  const fileSystem = new FaultyFileSystem(new NodeFileSystem());
  const path = `${dir.path}/db`;
  fileSystem.failCall(20, 'ENOSPC');
  await expect(open(path, { ...options, fileSystem })).rejects.toMatchObject({ code: 'IO' });
  expect(new NodeFileSystem().list(dir.path)).toEqual([]);
});

test('a folder that was there stays, with what it has', async () => {
  const fileSystem = new FaultyFileSystem(new MemoryFileSystem());
  fileSystem.makeDirectory('/db');
  fileSystem.open('/db/notes', 'create').close();
  fileSystem.failCall(fileSystem.calls + 20, 'ENOSPC');
  await expect(open('/db', { ...options, fileSystem })).rejects.toMatchObject({ code: 'IO' });
  expect(fileSystem.list('/db')).toContain('notes');
});

/** Whose lock another opener is given first: he makes a database, with a record, and closes it. */
class Overtaken extends FaultyFileSystem {
  readonly memory: MemoryFileSystem;

  constructor(memory = new MemoryFileSystem()) {
    super(memory);
    this.memory = memory;
  }

  override async lock(directory: string, given: LockOptions): Promise<Lock> {
    await using db = await open(directory, { ...options, fileSystem: this.memory });
    const things = await db.collection('things', { dimension: 2 });
    await things.upsert({ id: 1, vector: [1, 2] });
    await db.close();
    return await super.lock(directory, given);
  }
}

async function countThings(fileSystem: MemoryFileSystem): Promise<number> {
  await using db = await open('/db', { ...options, fileSystem, createIfMissing: false });
  return await (await db.collection('things')).count();
}

test('what another opener made while the lock was waited for stays, whatever fails then', async () => {
  let refused = 0;
  for (let n = 1; ; n++) {
    const fileSystem = new Overtaken();
    fileSystem.failCall(n, 'EIO');
    const opening: Promise<Database> = open('/db', { ...options, fileSystem });
    const opened = await opening.catch((error: Error) => error);
    const isBeyond = fileSystem.faults === 0;
    if (opened instanceof Error) refused++;
    else await opened.close();
    if (fileSystem.trace.some((call) => call.startsWith('lock'))) {
      expect([fileSystem.trace[n - 1], await countThings(fileSystem.memory)]).toEqual([
        fileSystem.trace[n - 1],
        1,
      ]);
    }
    if (isBeyond) break;
  }
  expect(refused).toBeGreaterThan(10);
});

test('errorIfExists holds for what another opener made while the lock was waited for', async () => {
  const fileSystem = new Overtaken();
  const opening = open('/db', { ...options, fileSystem, errorIfExists: true });
  await expect(opening).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(await countThings(fileSystem.memory)).toBe(1);
});

test('an opener that lost its lock removes nothing any more', async () => {
  const memory = new MemoryFileSystem();
  const fileSystem = new (class extends FaultyFileSystem {
    override async lock(directory: string, given: LockOptions): Promise<Lock> {
      const lock = await super.lock(directory, given);
      const isHeld = (): boolean => this.faults === 0 && lock.isHeld();
      return { isHeld, release: () => lock.release() };
    }
  })(memory);
  fileSystem.failCall(20, 'EIO');
  await expect(open('/db', { ...options, fileSystem })).rejects.toMatchObject({ code: 'IO' });
  expect(fileSystem.trace.slice(20).filter((call) => call.startsWith('remove /db/'))).toEqual([]);
});
