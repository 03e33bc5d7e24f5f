import { expect, test } from 'vitest';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { type TracedCall, TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { bytes, read, testFileSystem } from './file-system.suite.ts';

testFileSystem('tracing file system', async () => {
  const fileSystem = new TracingFileSystem(new MemoryFileSystem());
  fileSystem.makeDirectory('/db');
  return { fileSystem, directory: '/db', [Symbol.asyncDispose]: async () => {} };
});

function shown({ operation, path, source, position, byteLength }: TracedCall): string {
  const from = source === undefined ? '' : `${source} to `;
  return `${operation} ${from}${path} ${position} ${byteLength}`;
}

test('calls are recorded with path, position and bytes', async () => {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  tracing.makeDirectory('/db');
  const file = tracing.open('/db/a', 'create');
  file.write(bytes('content'), 3);
  file.readInto(new Uint8Array(100), 5);
  file.truncate(6);
  const syncing = file.datasync();
  file.write(bytes('late'), 6);
  await syncing;
  file.close();
  tracing.rename('/db/a', '/db/b');
  tracing.remove('/db/b');
  tracing.syncDirectory('/db');
  expect(tracing.trace.map(shown)).toEqual([
    'makeDirectory /db 0 0',
    'open /db/a 0 0',
    'write /db/a 3 7',
    'read /db/a 5 5',
    'truncate /db/a 6 0',
    'sync /db/a 0 0',
    'write /db/a 6 4',
    'synced /db/a 0 0',
    'close /db/a 0 0',
    'rename /db/a to /db/b 0 0',
    'remove /db/b 0 0',
    'syncDirectory /db 0 0',
  ]);
  tracing.clear();
  expect(tracing.trace).toEqual([]);
});

test('what was written is kept as it was at the call', () => {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  tracing.makeDirectory('/db');
  const content = bytes('first');
  const file = tracing.open('/db/a', 'create');
  file.write(content, 0);
  content.fill(0);
  expect(tracing.trace.at(-1)?.bytes).toEqual(bytes('first'));
});

test('failed calls are recorded with what they threw', async () => {
  const faulty = new FaultyFileSystem(new MemoryFileSystem());
  const tracing = new TracingFileSystem(faulty);
  tracing.makeDirectory('/db');
  const file = tracing.open('/db/a', 'create');
  faulty.failCall(3, 'ENOSPC');
  faulty.failCall(4, 'sync');
  expect(() => file.write(bytes('x'), 0)).toThrow('ENOSPC');
  await expect(file.datasync()).rejects.toThrow('sync');
  const ends = tracing.trace.map(({ operation, failure }) => [operation, failure !== undefined]);
  expect(ends).toEqual([
    ['makeDirectory', false],
    ['open', false],
    ['write', true],
    ['sync', false],
    ['synced', true],
  ]);
});

test('the changes of a trace, made again, leave the same files', () => {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  tracing.makeDirectory('/db');
  const file = tracing.open('/db/a', 'create');
  file.write(bytes('hello world'), 0);
  file.write(bytes('W'), 6);
  file.truncate(8);
  file.close();
  tracing.rename('/db/a', '/db/b');

  const copy = new MemoryFileSystem();
  const open = new Map<string, ReturnType<MemoryFileSystem['open']>>();
  for (const { operation, path, mode, source, position, bytes } of tracing.trace) {
    if (operation === 'makeDirectory') copy.makeDirectory(path);
    if (mode !== undefined) open.set(path, copy.open(path, mode));
    if (operation === 'write' && bytes !== undefined) open.get(path)?.write(bytes, position);
    if (operation === 'truncate') open.get(path)?.truncate(position);
    if (operation === 'rename' && source !== undefined) copy.rename(source, path);
  }
  expect(copy.list('/db')).toEqual(['b']);
  expect(read(copy, '/db/b')).toBe(read(tracing, '/db/b'));
});
