import { expect, test } from 'vitest';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { bytes, read, testFileSystem } from './file-system.suite.ts';

testFileSystem('faulty file system without faults', async () => {
  const fileSystem = new FaultyFileSystem(new MemoryFileSystem());
  fileSystem.makeDirectory('/db');
  return { fileSystem, directory: '/db', [Symbol.asyncDispose]: async () => {} };
});

/** Every operation once. */
async function scenario(fileSystem: FileSystem): Promise<void> {
  fileSystem.makeDirectory('/db');
  const lock = await fileSystem.lock('/db', { timeoutMs: 0, onCompromised: () => {} });
  const file = fileSystem.open('/db/a', 'create');
  file.write(bytes('content'), 0);
  file.truncate(6);
  file.size();
  await file.datasync();
  file.readInto(new Uint8Array(6), 0);
  file.close();
  fileSystem.rename('/db/a', '/db/b');
  fileSystem.exists('/db/b');
  fileSystem.list('/db');
  fileSystem.remove('/db/b');
  fileSystem.syncDirectory('/db');
  await lock.release();
}

test('calls are numbered and named', async () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  await scenario(faulty);
  expect(faulty.calls).toBe(14);
  expect(faulty.trace.slice(2, 8)).toEqual([
    'open /db/a',
    'write /db/a',
    'truncate /db/a',
    'size /db/a',
    'sync /db/a',
    'read /db/a',
  ]);
});

test.each<FaultKind>(['EIO', 'ENOSPC', 'short', 'sync'])(
  '%s fails exactly the chosen call',
  async (kind) => {
    for (let n = 1; n <= 14; n++) {
      const faulty = new FaultyFileSystem(new MemoryFileSystem());
      faulty.failCall(n, kind);
      const error = await scenario(faulty).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'IO',
        message: expect.stringContaining(`${kind} at call ${n}, injected`),
        cause: { code: kind === 'ENOSPC' ? 'ENOSPC' : 'EIO' },
      });
      expect(faulty.calls).toBe(n);
      expect(faulty.faults).toBe(1);
      expect(faulty.exists('/')).toBe(true);
    }
  },
);

test('a fault behind the last call never happens', async () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  faulty.failCall(15, 'EIO');
  await scenario(faulty);
  expect(faulty.faults).toBe(0);
});

test('a short write leaves its first half, a short read fills the first half', () => {
  const memory = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(memory);
  const file = faulty.open('/a', 'create');
  faulty.failCall(2, 'short');
  expect(() => file.write(bytes('abcdef'), 0)).toThrow('short');
  expect(read(memory, '/a')).toBe('abc');
  faulty.failCall(3, 'short');
  const target = new Uint8Array(2);
  expect(() => file.readInto(target, 0)).toThrow('short');
  expect([...target]).toEqual([97, 0]);
});

test('a file whose sync failed reports success later and syncs nothing', async () => {
  const memory = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(memory);
  const file = faulty.open('/a', 'create');
  faulty.syncDirectory('/');
  file.write(bytes('abc'), 0);
  faulty.failCall(4, 'sync');
  await expect(file.datasync()).rejects.toMatchObject({ code: 'IO' });
  await file.datasync();
  expect(read(memory.crash(1), '/a')).toBe('');
  expect(read(memory.crash(1, 1), '/a')).toBe('abc');
});

test('a sync of a directory in the background fails, or is not reported after a stop', async () => {
  const memory = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(memory);
  faulty.open('/a', 'create').close();
  faulty.failCall(3, 'sync');
  await expect(faulty.syncDirectoryInBackground('/')).rejects.toMatchObject({ code: 'IO' });
  faulty.stopAt(5);
  const cut = faulty.syncDirectoryInBackground('/');
  expect(() => faulty.list('/')).toThrow('stopped');
  await expect(cut).rejects.toThrow('stopped');
});

test('a failed close has closed the file', () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  const file = faulty.open('/a', 'create');
  faulty.failCall(2, 'EIO');
  expect(() => file.close()).toThrow('close /a: EIO');
  file.close();
  expect(() => file.size()).toThrow('closed');
});

test('a stopped file system does nothing any more, and reports no sync that was on its way', async () => {
  for (let n = 1; n <= 14; n++) {
    const faulty = new FaultyFileSystem(new MemoryFileSystem());
    faulty.stopAt(n);
    await expect(scenario(faulty)).rejects.toThrow(`stopped at call ${n}`);
    expect(faulty.isStopped).toBe(true);
    await expect(scenario(faulty)).rejects.toThrow(`stopped at call ${n}`);
    expect(faulty.calls).toBe(n);
    expect(faulty.faults).toBe(1);
  }
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  const file = faulty.open('/a', 'create');
  faulty.stopAt(3);
  const sync = file.datasync();
  expect(() => file.size()).toThrow('stopped');
  await expect(sync).rejects.toThrow('stopped');
});
