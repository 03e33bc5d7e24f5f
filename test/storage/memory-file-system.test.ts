import { expect, test } from 'vitest';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { create, expectCode, read, testFileSystem } from './file-system.suite.ts';

testFileSystem('memory file system', async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory('/db');
  return { fileSystem, directory: '/db', [Symbol.asyncDispose]: async () => {} };
});

async function synced(content: string): Promise<MemoryFileSystem> {
  const memory = new MemoryFileSystem();
  memory.makeDirectory('/db');
  const file = memory.open('/db/a', 'create');
  file.write(new TextEncoder().encode(content), 0);
  await file.datasync();
  memory.syncDirectory('/db');
  return memory;
}

test('a file whose entry was not synced is gone after a crash, synced content or not', async () => {
  const memory = new MemoryFileSystem();
  memory.makeDirectory('/db');
  const file = memory.open('/db/a', 'create');
  file.write(new Uint8Array(10), 0);
  await file.datasync();
  expect(memory.crash(1).list('/db')).toEqual([]);
  expect(memory.crash(1, 1).list('/db')).toEqual(['a']);
});

test('a file whose content was not synced is empty after a crash', () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', 'content');
  memory.syncDirectory('/');
  expect(read(memory.crash(1), '/a')).toBe('');
  expect(read(memory.crash(1, 1), '/a')).toBe('content');
});

test('an unsynced rename has happened or not, and never half', async () => {
  const memory = await synced('old');
  create(memory, '/db/b', 'new');
  await memory.open('/db/b', 'readwrite').datasync();
  memory.syncDirectory('/db');
  memory.rename('/db/b', '/db/a');
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const disk = memory.crash(seed, 0.5);
    outcomes.add(`${disk.list('/db')}: ${read(disk, '/db/a')}`);
  }
  expect([...outcomes].sort()).toEqual(['a,b: old', 'a: new']);
});

test('a sync of a directory in the background covers what was there when it was asked for', async () => {
  const left = async (awaited: number): Promise<string[]> => {
    const memory = new MemoryFileSystem();
    create(memory, '/a', '');
    const syncs = [memory.syncDirectoryInBackground('/')];
    create(memory, '/b', '');
    syncs.push(memory.syncDirectoryInBackground('/'));
    create(memory, '/c', '');
    for (const sync of syncs.slice(0, awaited)) await sync;
    const names = memory.crash(1).list('/');
    await Promise.allSettled(syncs);
    return names;
  };
  expect(await left(0)).toEqual([]);
  expect(await left(1)).toEqual(['a']);
  expect(await left(2)).toEqual(['a', 'b']);
});

test('a sync that ends after a later one takes nothing back', async () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', '');
  const early = memory.syncDirectoryInBackground('/');
  create(memory, '/b', '');
  memory.syncDirectory('/');
  await early;
  expect(memory.crash(1).list('/')).toEqual(['a', 'b']);
});

test('a removed file may come back until its directory is synced', async () => {
  const memory = await synced('content');
  memory.remove('/db/a');
  expect(read(memory.crash(1), '/db/a')).toBe('content');
  const again = await synced('content');
  again.remove('/db/a');
  again.syncDirectory('/db');
  expect(again.crash(1).list('/db')).toEqual([]);
});

test('sectors survive one by one', async () => {
  const memory = await synced('.'.repeat(4 * 512));
  const file = memory.open('/db/a', 'readwrite');
  file.write(new TextEncoder().encode('x'.repeat(4 * 512)), 0);
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const content = read(memory.crash(seed, 0.5), '/db/a');
    for (let i = 0; i < 4; i++) {
      expect(new Set(content.slice(i * 512, (i + 1) * 512)).size).toBe(1);
    }
    outcomes.add([0, 1, 2, 3].map((i) => content[i * 512]).join(''));
  }
  expect(outcomes.size).toBe(16);
});

test('a sync covers what was written before the call, and nothing before it has ended', async () => {
  const memory = await synced('.'.repeat(1024));
  const file = memory.open('/db/a', 'readwrite');
  file.write(new TextEncoder().encode('a'), 0);
  const sync = file.datasync();
  file.write(new TextEncoder().encode('b'), 512);
  await sync;
  const content = read(memory.crash(1), '/db/a');
  expect(content[0] + content[512]).toBe('a.');

  const interrupted = await synced('.');
  const late = interrupted.open('/db/a', 'readwrite');
  late.write(new TextEncoder().encode('a'), 0);
  const lost = late.datasync();
  expect(read(interrupted.crash(1), '/db/a')).toBe('.');
  await expect(lost).rejects.toMatchObject({ code: 'IO' });
  expect(read(interrupted.crash(1), '/db/a')).toBe('.');
});

test('after a crash the old file system, its files and its locks are dead', async () => {
  const memory = await synced('content');
  const file = memory.open('/db/a', 'readwrite');
  const lock = await memory.lock('/db', { timeoutMs: 0, onCompromised: () => {} });
  const disk = memory.crash(1);
  expect(lock.isHeld()).toBe(false);
  await lock.release();
  const dead = 'the power is cut';
  expectCode('IO', () => file.size(), dead);
  expectCode('IO', () => file.write(new Uint8Array(1), 0), dead);
  await expect(file.datasync()).rejects.toThrow(dead);
  file.close();
  expectCode('IO', () => memory.open('/db/a', 'read'), dead);
  expectCode('IO', () => memory.exists('/db/a'), dead);
  expectCode('IO', () => memory.remove('/db/a'), dead);
  expectCode('IO', () => memory.syncDirectory('/db'), dead);
  const next = await disk.lock('/db', { timeoutMs: 0, onCompromised: () => {} });
  expect(next.isHeld()).toBe(true);
  expect(read(disk, '/db/a')).toBe('content');
});

test('a link is durable when the directory of its new name is synced', async () => {
  const memory = await synced('content');
  memory.makeDirectory('/copy');
  memory.link('/db/a', '/copy/a');
  memory.remove('/db/a');
  memory.syncDirectory('/db');
  expect(memory.exists('/copy/a')).toBe(true);
  const lost = memory.crash(1);
  expect([lost.list('/db'), lost.list('/copy')]).toEqual([[], []]);

  const again = await synced('content');
  again.makeDirectory('/copy');
  again.link('/db/a', '/copy/a');
  again.syncDirectory('/copy');
  again.remove('/db/a');
  again.syncDirectory('/db');
  expect(read(again.crash(1), '/copy/a')).toBe('content');
});

test('two names of one file have one content after a crash, and renaming one to the other keeps both', () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', 'x'.repeat(5000));
  memory.link('/a', '/b');
  memory.rename('/a', '/b');
  expect(memory.list('/')).toEqual(['a', 'b']);
  memory.syncDirectory('/');
  for (let seed = 0; seed < 10; seed++) {
    const disk = memory.crash(seed, 0.5);
    expect(read(disk, '/a')).toBe(read(disk, '/b'));
  }
});
