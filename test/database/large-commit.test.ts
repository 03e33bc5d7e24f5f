/** Commits that take many turns of the event loop: nobody sees a part of one, also when it comes to nothing. */
import { expect, test } from 'vitest';
import type { File, OpenMode } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fixture } from './fixtures.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const records = (count: number): { id: number; text: string }[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: 'x'.repeat(200) }));

/** Its logs cannot be written any more when told so. */
class FailingLogs extends MemoryFileSystem {
  fails = false;

  override open(path: string, mode: OpenMode): File {
    const file = super.open(path, mode);
    if (!path.endsWith('.wal')) return file;
    const write = file.write.bind(file);
    file.write = (bytes, position) => {
      if (this.fails) throw new Error('no log is written');
      write(bytes, position);
    };
    return file;
  }
}

test('a large upsert is seen whole or not at all', async () => {
  await using f = await fixture();
  const counts = new Set<number>();
  let isDone = false;
  const writing = f.collection.upsert(records(20_000)).then(() => {
    isDone = true;
  });
  while (!isDone) {
    counts.add(await f.collection.count());
    await turn();
  }
  await writing;
  expect([...counts].filter((count) => count !== 0 && count !== 20_000)).toEqual([]);
  expect(await f.collection.count()).toBe(20_000);
});

test('a large upsert during which the log fails is undone', async () => {
  const fileSystem = new FailingLogs();
  const f = await fixture({}, { fileSystem });
  await f.collection.upsert([{ id: 'first' }]);
  fileSystem.fails = true;
  const small = f.collection.upsert([{ id: 'second' }]);
  const large = f.collection.upsert(records(20_000));
  await expect(small).rejects.toMatchObject({ code: 'IO' });
  await expect(large).rejects.toMatchObject({ code: expect.stringMatching(/IO|READ_ONLY/) });
  expect(await f.collection.has('first')).toBe(true);
  expect(await f.collection.has(19_999)).toBe(false);
  await f.db.close().catch(() => {});
});
