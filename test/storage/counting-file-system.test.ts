import { expect, test } from 'vitest';
import { CountingFileSystem, fileKind } from '../../src/storage/counting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { testFileSystem } from './file-system.suite.ts';
import { SlowFileSystem } from './slow-file-system.ts';

testFileSystem('counting file system', async () => {
  const fileSystem = new CountingFileSystem(new MemoryFileSystem());
  fileSystem.makeDirectory('/db');
  return { fileSystem, directory: '/db', [Symbol.asyncDispose]: async () => {} };
});

test('calls and bytes are counted by kind of file and by operation', async () => {
  const counting = new CountingFileSystem(new MemoryFileSystem());
  counting.makeDirectory('/db');
  const table = counting.open('/db/000001.table', 'create');
  table.write(new Uint8Array(100), 0);
  table.write(new Uint8Array(50), 100);
  table.readInto(new Uint8Array(200), 0);
  await table.datasync();
  const log = counting.open('/db/000002.wal', 'create');
  log.write(new Uint8Array(7), 0);
  counting.rename('/db/000002.wal', '/db/CURRENT');
  counting.syncDirectory('/db');
  expect(() => counting.open('/db/000009.wal', 'read')).toThrow();

  const before = counting.snapshot();
  expect(before).toEqual({
    directory: {
      makeDirectory: { calls: 1, bytes: 0 },
      syncDirectory: { calls: 1, bytes: 0 },
    },
    '.table': {
      open: { calls: 1, bytes: 0 },
      write: { calls: 2, bytes: 150 },
      read: { calls: 1, bytes: 150 },
      sync: { calls: 1, bytes: 0 },
    },
    '.wal': { open: { calls: 2, bytes: 0 }, write: { calls: 1, bytes: 7 } },
    CURRENT: { rename: { calls: 1, bytes: 0 } },
  });
  expect(counting.total('write')).toEqual({ calls: 3, bytes: 157 });
  expect(counting.total('write', '.wal')).toEqual({ calls: 1, bytes: 7 });
  log.write(new Uint8Array(1), 7);
  expect(before['.wal'].write?.calls).toBe(1);
  counting.reset();
  expect(counting.snapshot()).toEqual({});
});

test('calls are counted by what their file was opened for, or by its kind', async () => {
  const counting = new CountingFileSystem(new MemoryFileSystem());
  counting.makeDirectory('/db');
  const flushed = counting.open('/db/000001.table', 'create', 'flush');
  flushed.write(new Uint8Array(100), 0);
  await flushed.datasync();
  const merged = counting.open('/db/000002.table', 'create', 'compaction');
  merged.write(new Uint8Array(30), 0);
  merged.truncate(20);
  counting.open('/db/000001.table', 'read').readInto(new Uint8Array(10), 0);
  expect(counting.reasons()).toEqual({
    directory: { makeDirectory: { calls: 1, bytes: 0 } },
    flush: {
      open: { calls: 1, bytes: 0 },
      write: { calls: 1, bytes: 100 },
      sync: { calls: 1, bytes: 0 },
    },
    compaction: {
      open: { calls: 1, bytes: 0 },
      write: { calls: 1, bytes: 30 },
      truncate: { calls: 1, bytes: 0 },
    },
    '.table': { open: { calls: 1, bytes: 0 }, read: { calls: 1, bytes: 10 } },
  });
  expect(counting.totalFor('write', 'compaction')).toEqual({ calls: 1, bytes: 30 });
  expect(counting.total('write', '.table')).toEqual({ calls: 2, bytes: 130 });
  counting.reset();
  expect(counting.reasons()).toEqual({});
});

test('the kind of a file is its extension, or its name', () => {
  expect(fileKind('/db/lsm/000001.table')).toBe('.table');
  expect(fileKind('/db.old/CURRENT')).toBe('CURRENT');
  expect(fileKind('CURRENT.tmp')).toBe('.tmp');
});

test('reads in the background are counted like others, where the disk below has them', async () => {
  expect(new CountingFileSystem(new MemoryFileSystem()).open('a', 'create').readInBackground).toBe(
    undefined,
  );
  const counting = new CountingFileSystem(new SlowFileSystem(new MemoryFileSystem(), 1));
  const file = counting.open('a.table', 'create');
  file.write(new Uint8Array(100), 0);
  const counts = [0, 20].map((at) => file.readInBackground?.(new Uint8Array(30), at));
  expect(await Promise.all(counts)).toEqual([30, 30]);
  expect(counting.total('read')).toEqual({ calls: 2, bytes: 60 });
});
