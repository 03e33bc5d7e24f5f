/**
 * One call to the file system fails, for each call of a short trace. Each operation succeeds or throws
 * a typed error; what was acknowledged is there afterwards; a database whose durability is in doubt
 * takes no more writes until it is reopened.
 */
import { describe, expect, test } from 'vitest';
import { type Collection, isDatabaseError, open } from '../../src/index.ts';
import { type FaultKind, FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import {
  expectEqual,
  HISTORY_OPTIONS,
  type Model,
  remove,
  type Stored,
  upsert,
  type Write,
} from './history.ts';

const trace: (Write | 'flush')[] = [
  upsert(0, 12, 1),
  'flush',
  upsert(5, 4, 2),
  remove([1, 6]),
  'flush',
  upsert(0, 2, 4),
];

interface Progress {
  readonly model: Model;
  /**
   * A write that failed may still turn out to have happened, if the log may hold it. Then no later one
   * succeeds: a database that takes writes knows what it has.
   */
  readonly inDoubt: Write | undefined;
}

/** Runs the trace, going on after errors. */
async function runTrace(fileSystem: FaultyFileSystem): Promise<Progress> {
  let model: Model = new Map();
  let inDoubt: Write | undefined;
  const attempt = async (run: () => Promise<unknown>): Promise<boolean> => {
    try {
      await run();
      return true;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      return false;
    }
  };
  const opening = { fileSystem, memoryBytes: SMALL_MEMORY };
  const opened = await open('/db', opening).catch((error: unknown) => {
    if (!isDatabaseError(error)) throw error;
  });
  if (opened === undefined) return { model, inDoubt };
  let collection: Collection<Stored['metadata']> | undefined;
  await attempt(async () => {
    collection = await opened.collection('things', HISTORY_OPTIONS);
  });
  for (const step of collection === undefined ? [] : trace) {
    if (step === 'flush') await attempt(() => opened.flush());
    else {
      const isDone = await attempt(() => step.run(collection as NonNullable<typeof collection>));
      if (isDone) {
        model = step.apply(model);
        inDoubt = undefined;
      } else inDoubt ??= step;
    }
  }
  await attempt(() => opened.close());
  return { model, inDoubt };
}

describe.each<FaultKind>(['EIO', 'ENOSPC', 'short', 'sync'])('%s at every call', (kind) => {
  test('is success or a typed error, and loses nothing that was acknowledged', async () => {
    const dry = new FaultyFileSystem(new MemoryFileSystem());
    await runTrace(dry);
    for (let n = 1; n <= dry.calls; n++) {
      const disk = new MemoryFileSystem();
      const faulty = new FaultyFileSystem(disk);
      faulty.failCall(n, kind);
      try {
        const { model, inDoubt } = await runTrace(faulty);
        const db = await open('/db', { fileSystem: disk, memoryBytes: SMALL_MEMORY });
        const collection: Collection<Stored['metadata']> = await db.collection(
          'things',
          HISTORY_OPTIONS,
        );
        await expectEqualToOne(db, collection, [model, inDoubt?.apply(model) ?? model]);
        await db.close();
      } catch (cause) {
        throw new Error(`${kind} at call ${n} of ${dry.calls}, ${dry.trace[n - 1]}`, { cause });
      }
    }
  });
});

test('after a failed write or sync of the log no write is taken until the database is reopened', async () => {
  for (const operation of ['write', 'sync']) {
    const faulty = new FaultyFileSystem(new MemoryFileSystem());
    const db = await open('/db', { fileSystem: faulty, memoryBytes: SMALL_MEMORY });
    const collection: Collection<Stored['metadata']> = await db.collection(
      'things',
      HISTORY_OPTIONS,
    );
    await upsert(0, 3, 1).run(collection);
    const offset = operation === 'write' ? 1 : 2;
    faulty.failCall(faulty.calls + offset, operation === 'write' ? 'EIO' : 'sync');
    await expect(upsert(3, 1, 2).run(collection)).rejects.toMatchObject({ code: 'IO' });
    expect(faulty.trace.at(-1)).toMatch(new RegExp(`${operation}.*\\.wal`));
    await expect(upsert(4, 1, 3).run(collection)).rejects.toMatchObject({ code: 'READ_ONLY' });
    await expect(db.flush()).rejects.toMatchObject({ code: 'READ_ONLY' });
    expect(await collection.count()).toBe(3);
    expect((await collection.search({ vector: [0, 0, 0, 0, 0, 0, 0, 0] })).length).toBe(3);
    await db.close();
  }
});

/** The collection equals one of the models: that without the write in doubt, or that with it. */
async function expectEqualToOne(
  db: Awaited<ReturnType<typeof open>>,
  collection: Collection<Stored['metadata']>,
  models: readonly Model[],
): Promise<void> {
  let last: unknown;
  for (const model of models) {
    try {
      await expectEqual(db, collection, model);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
