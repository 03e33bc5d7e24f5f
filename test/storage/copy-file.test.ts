import { expect, test } from 'vitest';
import { copyFile } from '../../src/storage/copy-file.ts';
import { InterceptingFileSystem } from '../../src/storage/intercepting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { create, read } from './file-system.suite.ts';

/** Over a piece, with zeros in the middle and at the end. */
function content(): string {
  return `${'x'.repeat(300_000)}${'\0'.repeat(900_000)}y${'\0'.repeat(600_000)}`;
}

test('a copy has the same bytes, is synced, and leaves the holes of a sparse file', async () => {
  const tracing = new TracingFileSystem(new MemoryFileSystem());
  create(tracing, '/a', content());
  tracing.clear();
  const pieces: number[] = [];
  const length = await copyFile(tracing, '/a', '/b', { onBytes: (bytes) => pieces.push(bytes) });
  expect(length).toBe(content().length);
  expect(pieces.reduce((sum, bytes) => sum + bytes)).toBe(length);
  expect(read(tracing, '/b')).toBe(content());
  const written = tracing.trace.filter(({ operation }) => operation === 'write');
  expect(written.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(length / 2);
  expect(tracing.trace.some(({ operation, path }) => operation === 'synced' && path === '/b')).toBe(
    true,
  );
});

test('an empty file is copied too, and an existing target is refused', async () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', '');
  expect(await copyFile(memory, '/a', '/b')).toBe(0);
  expect(memory.exists('/b')).toBe(true);
  await expect(copyFile(memory, '/a', '/b')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
});

test('a copy ends when it is told to', async () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', content());
  const control = new AbortController();
  const copying = copyFile(memory, '/a', '/b', {
    signal: control.signal,
    onBytes: () => control.abort(new Error('enough')),
  });
  await expect(copying).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
});

test('a file that becomes shorter while it is copied is an error, not a shorter copy', async () => {
  const memory = new MemoryFileSystem();
  create(memory, '/a', content());
  const cut = memory.open('/a', 'readwrite');
  const fileSystem = new InterceptingFileSystem(memory, {
    call: (call, run) => {
      const result = run();
      if (call.operation === 'size' && call.path === '/a') cut.truncate(1000);
      return result;
    },
    sync: (_call, run) => run(),
  });
  await expect(copyFile(fileSystem, '/a', '/b')).rejects.toMatchObject({
    code: 'IO',
    message: '/a became shorter while it was copied',
  });
});
