import { expect, test } from 'vitest';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import {
  beginFilling,
  endFilling,
  refuseUnfinished,
  UNFINISHED_NAME,
  undoFilling,
} from '../../src/storage/unfinished.ts';
import { create, expectCode, read } from './file-system.suite.ts';

test('a directory is refused from the first mark to the end of its filling', async () => {
  const memory = new MemoryFileSystem();
  await beginFilling(memory, '/copy', 'a backup');
  expectCode('CORRUPTION', () => refuseUnfinished(memory, '/copy'), '/copy is unfinished');
  expect(read(memory, `/copy/${UNFINISHED_NAME}`)).toBe('a backup\n');
  const disk = memory.crash(1);
  expectCode('CORRUPTION', () => refuseUnfinished(disk, '/copy'), '/copy is unfinished');
  create(disk, '/copy/a', 'a');
  await endFilling(disk, '/copy');
  const after = disk.crash(1);
  refuseUnfinished(after, '/copy');
  expect(after.list('/copy')).toEqual(['a']);
});

test('what is filled is empty before, but for empty directories of given names', async () => {
  const memory = new MemoryFileSystem();
  memory.makeDirectory('/copy/lsm');
  const message = '/copy is not empty: a backup needs';
  await expect(beginFilling(memory, '/copy', 'a backup')).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    message: expect.stringContaining(message),
  });
  create(memory, '/copy/lsm/a', 'a');
  await expect(beginFilling(memory, '/copy', 'a backup', ['lsm'])).rejects.toThrow(message);
  memory.remove('/copy/lsm/a');
  await beginFilling(memory, '/copy', 'a backup', ['lsm']);
  expect(memory.list('/copy')).toEqual([UNFINISHED_NAME, 'lsm']);
});

test('a filling that is undone leaves nothing, and the mark where something cannot be removed', async () => {
  const memory = new MemoryFileSystem();
  await beginFilling(memory, '/copy', 'a restore');
  create(memory, '/copy/a', 'a');
  create(memory, '/copy/b', 'b');
  const faulty = new FaultyFileSystem(memory);
  faulty.failCall(2, 'EIO');
  undoFilling(faulty, '/copy', ['a', 'b']);
  expect(memory.list('/copy')).toEqual([UNFINISHED_NAME, 'b']);
  undoFilling(memory, '/copy', ['a', 'b']);
  expect(memory.list('/copy')).toEqual([]);
});
