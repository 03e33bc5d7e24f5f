/** What a database makes of its lock: who waits, who is refused, and what is still written without it. */
import fs from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isChange } from '../../bench/soak/engine-crash-states.ts';
import { open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
import { TracingFileSystem } from '../../src/storage/tracing-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { SMALL_MEMORY } from './fixtures.ts';

const memoryBytes = SMALL_MEMORY;

test.each(['disk', 'memory'])(
  'an opener waits for the lock as long as it was told (%s)',
  async (where) => {
    await using directory = await tempDir();
    const fileSystem = where === 'disk' ? new NodeFileSystem() : new MemoryFileSystem();
    const path = where === 'disk' ? directory.path : '/db';
    const first = await open(path, { fileSystem, memoryBytes });
    const waiting = open(path, { fileSystem, memoryBytes, lockTimeoutMs: 60_000 });
    const refused = open(path, { fileSystem, memoryBytes, lockTimeoutMs: 30 });
    await expect(refused).rejects.toMatchObject({ code: 'DATABASE_LOCKED' });
    await first.close();
    await (await waiting).close();
  },
);

test('a reader makes no call that changes anything, whatever is asked of it', async () => {
  const memory = new MemoryFileSystem();
  const writer = await open('/db', { fileSystem: memory, memoryBytes });
  const written = await writer.collection('things', { dimension: 2, exactBelow: 0 });
  await written.upsert([1, 2, 3].map((id) => ({ id, vector: [id, 1], text: 't' })));
  await writer.flush();
  await written.delete(2);
  await written.upsert({ id: 4, vector: [4, 1] });
  const disk = memory.crash(1, 1); // The writer has died: its log has to be replayed, and stays as it is.

  const fileSystem = new TracingFileSystem(disk);
  const db = await open('/db', { fileSystem, memoryBytes, readOnly: true });
  const things = await db.collection('things');
  expect(await things.count()).toBe(3);
  expect((await things.search({ vector: [4, 1], k: 2 })).map(({ id }) => id)).toEqual([4, 3]);
  expect((await things.get(1))?.text).toBe('t');
  expect((await db.check()).problems).toEqual([]);
  for (const refused of [things.upsert({ id: 9, vector: [1, 1] }), things.delete(1), db.flush()]) {
    await expect(refused).rejects.toMatchObject({ code: 'READ_ONLY' });
  }
  await db.close();
  const changes = fileSystem.trace.filter((call) => isChange(call) && call.operation !== 'lock');
  expect(changes).toEqual([]);
  expect(fileSystem.trace.length).toBeGreaterThan(10);
});

test('whoever lost the lock while it was suspended only reads, and the process lives on', async () => {
  await using directory = await tempDir();
  const onWarning = vi.fn<(error: Error) => void>();
  const db = await open(directory.path, { memoryBytes, onWarning });
  const things = await db.collection('things', { dimension: 2 });
  await things.upsert({ id: 1, vector: [1, 2] });
  fs.rmSync(`${directory.path}/LOCK`, { recursive: true });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6_000 }); // Over half of the stale time.
  onTestFinished(() => {
    vi.useRealTimers();
  });
  await expect(things.upsert({ id: 2, vector: [1, 2] })).rejects.toMatchObject({
    code: 'READ_ONLY',
  });
  expect(onWarning).toHaveBeenCalledTimes(1);
  const successor = await open(directory.path, { memoryBytes });
  expect((await things.get(1))?.id).toBe(1);
  const log = (): string[] => fs.readdirSync(`${directory.path}/lsm`);
  const before = log();
  await db.close();
  expect(log()).toEqual(before);
  await successor.close();
});

test('a reader under whom somebody writes is told to open it again', async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { fileSystem, memoryBytes };
  const writer = await open('/db', options);
  const things = await writer.collection('things', { dimension: 2, exactBelow: 0 });
  await things.upsert(Array.from({ length: 500 }, (_, id) => ({ id, vector: [id, 1] })));
  await writer.close();
  const reader = await open('/db', { ...options, readOnly: true });
  await using second = await open('/db', options);
  const again = await second.collection('things');
  for (let i = 0; i < 3; i++) {
    const records = Array.from({ length: 500 }, (_, id) => ({ id, vector: [id - i * 700, 1] }));
    await again.upsert(records);
    await second.compact();
  }
  const read = (await reader.collection('things')).search({ vector: [7, 1] });
  await expect(read).rejects.toThrow(/open it again$/);
  await reader.close();
});
