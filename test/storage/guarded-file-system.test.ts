import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import type { Lock } from '../../src/storage/file-system.ts';
import { GuardedFileSystem } from '../../src/storage/guarded-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { bytes, create, expectCode, read, testFileSystem } from './file-system.suite.ts';

testFileSystem('guarded file system', async () => {
  const fileSystem = new GuardedFileSystem(new MemoryFileSystem(), { isHeld: () => true });
  fileSystem.makeDirectory('/db');
  return { fileSystem, directory: '/db', [Symbol.asyncDispose]: async () => {} };
});

test('without the lock everything is read and nothing is changed', async () => {
  const lock = { held: true, isHeld: () => lock.held };
  const memory = new MemoryFileSystem();
  const tracing = new TracingFileSystem(memory);
  const guarded = new GuardedFileSystem(tracing, lock);
  guarded.makeDirectory('/db');
  create(guarded, '/db/a', 'content');
  const file = guarded.open('/db/a', 'readwrite');
  lock.held = false;
  tracing.clear();
  const lost = 'the lock of the database was lost';
  expectCode('IO', () => file.write(bytes('x'), 0), lost);
  expectCode('IO', () => file.truncate(0), lost);
  expectCode('IO', () => guarded.open('/db/b', 'create'), lost);
  expectCode('IO', () => guarded.rename('/db/a', '/db/b'), lost);
  expectCode('IO', () => guarded.link('/db/a', '/db/b'), lost);
  expectCode('IO', () => guarded.remove('/db/a'), lost);
  expectCode('IO', () => guarded.makeDirectory('/db/sub'), lost);
  expectCode('IO', () => guarded.removeDirectory('/db'), lost);
  await expect(guarded.removeInBackground('/db/a')).rejects.toMatchObject({ code: 'IO' });
  expect(tracing.trace).toEqual([]);
  expect([read(guarded, '/db/a'), file.size()]).toEqual(['content', 7]);
  expect(guarded.list('/db')).toEqual(['a']);
});

/** As a process that was suspended finds its lock: gone, at a moment that the test chooses. */
class Suspended extends MemoryFileSystem {
  isLost = false;

  override async lock(): Promise<Lock> {
    return { isHeld: () => !this.isLost, release: async () => {} };
  }
}

test('a database that loses its lock in the middle of a write writes nothing any more', async () => {
  const memory = new Suspended();
  const fileSystem = new TracingFileSystem(memory);
  const db = await open('/db', { fileSystem, memoryBytes: 8 << 20 });
  const things = await db.collection('things', { dimension: 2 });
  await things.upsert({ id: 1, vector: [1, 2] });
  await db.flush();
  const writing = things.upsert({ id: 2, vector: [3, 4] });
  memory.isLost = true; // The write was accepted; its log is not written yet.
  fileSystem.clear();
  await expect(writing).rejects.toMatchObject({ code: 'IO' });
  await expect(things.upsert({ id: 3, vector: [3, 4] })).rejects.toMatchObject({
    code: 'READ_ONLY',
  });
  expect((await things.get(1))?.id).toBe(1);
  await db.close();
  const changing = ['write', 'truncate', 'rename', 'remove', 'makeDirectory'];
  expect(fileSystem.trace.filter(({ operation }) => changing.includes(operation))).toEqual([]);
});

test('other threads reach the files beneath', () => {
  const lock = { isHeld: () => true };
  const onDisk = new GuardedFileSystem(new NodeFileSystem(), lock);
  expect(onDisk.threadAccess()?.kind).toBe('node');
  expect(new GuardedFileSystem(new MemoryFileSystem(), lock).threadAccess()).toBeUndefined();
});
