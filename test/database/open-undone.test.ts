/** An opening that fails where there was no folder leaves none; what was there before stays. */
import { expect, test } from 'vitest';
import { type Database, open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
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
