/** What runs while a database is opened, checkpointed and closed. */
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { File, OpenMode } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fixture, randomVectors, SMALL_MEMORY } from './fixtures.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Syncs of the page file take many turns of the event loop. */
class SlowPages extends MemoryFileSystem {
  override open(path: string, mode: OpenMode): File {
    const file = super.open(path, mode);
    if (!path.endsWith('.pages')) return file;
    const sync = file.datasync.bind(file);
    file.datasync = async () => {
      for (let i = 0; i < 100; i++) await turn();
      await sync();
    };
    return file;
  }
}

test('a scan that is cut off by close says so, also where nothing matched yet', async () => {
  const f = await fixture();
  await f.collection.upsert(
    Array.from({ length: 30_000 }, (_, id) => ({ id, namespace: id < 29_999 ? 'a' : 'b' })),
  );
  await f.db.flush();
  const scan = f.collection.scan({ namespace: 'b' });
  const first = scan.next();
  const isCut = expect(first).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  await f.db.close();
  await isCut;
});

test('a check beside a checkpoint waits for it', async () => {
  await using f = await fixture(
    { dimension: 2048, m: 4, efConstruction: 8 },
    { fileSystem: new SlowPages() },
  );
  const vectors = randomVectors(300, 2048, 1);
  let begun = 0;
  for (let i = 0; i < vectors.length; i += 20) {
    const records = vectors.slice(i, i + 20).map((vector, j) => ({ id: i + j, vector }));
    await f.collection.upsert(records);
    const { checkpoints } = (await f.db.stats()).writes;
    if (checkpoints === begun) continue;
    begun = checkpoints;
    expect((await f.db.check()).problems).toEqual([]);
  }
  expect(begun).toBeGreaterThan(0);
});

test('an open that fails, and fails to clean up, lets go of the lock', async () => {
  const f = await fixture({}, { fileSystem: new MemoryFileSystem() });
  await f.collection.upsert({ id: 1, vector: [1, 0, 0, 0] });
  await f.db.flush();
  await f.collection.upsert({ id: 2, vector: [2, 0, 0, 0] });
  const crashed = f.fileSystem as MemoryFileSystem;
  for (let n = 1; n < 60; n++) {
    // A page is read for the vector that only the log has.
    const disk = crashed.crash(n, 1);
    const faulty = new FaultyFileSystem(disk);
    for (let call = n; call < n + 8; call++) faulty.failCall(call, 'EIO');
    const options = { fileSystem: faulty, memoryBytes: SMALL_MEMORY };
    await open('/db', options).then(
      (db) => db.close().catch(() => {}),
      () => {},
    );
    const lock = await disk.lock('/db', { timeoutMs: 0, onCompromised: () => {} });
    await lock.release();
  }
});

test('what is measured for searches ends with close, of a collection that was dropped too', async () => {
  await using f = await fixture({ dimension: 16 });
  const failures: unknown[] = [];
  const note = (error: unknown): void => void failures.push(error);
  process.on('unhandledRejection', note);
  const vectors = randomVectors(1200, 16, 1);
  const upsert = async (from: number, to: number): Promise<void> => {
    const some = vectors.slice(from, to);
    await f.collection.upsert(some.map((vector, i) => ({ id: from + i, vector })));
  };
  const search = { vector: vectors[0], k: 5, recall: 0.9 };
  await upsert(0, 600);
  await f.collection.search(search);
  // Half of it is new: the curve is measured again, in the background.
  await upsert(600, 1200);
  await f.collection.search(search);
  await f.db.dropCollection('things');
  await f.db.close();
  for (let i = 0; i < 50; i++) await turn();
  process.off('unhandledRejection', note);
  expect(failures).toEqual([]);
});
