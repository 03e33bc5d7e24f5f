/** With threads, a search that is alone is answered as soon as without; those that come together are shared. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { checkDatabaseOptions } from '../../src/database/check-options.ts';
import { Database } from '../../src/database/database.ts';
import { openSession } from '../../src/database/open-session.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors } from './fixtures.ts';

const dimension = 24;

/** Counts turns of the event loop until it is disposed of. */
class Turns implements Disposable {
  count = 0;
  #isOver = false;

  constructor() {
    void this.#run();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #run(): Promise<void> {
    for (; !this.#isOver; this.count++) await setImmediate();
  }
}

async function opened(threads: number) {
  const options = checkDatabaseOptions({ memoryBytes: 48 << 20, threads });
  const session = await openSession('/db', new MemoryFileSystem(), options);
  const db = new Database(session);
  const things = await db.collection('things', { dimension, metric: 'l2', exactBelow: 0 });
  const records = (from: number, count: number) =>
    randomVectors(count, dimension, from).map((vector, i) => ({ id: from + i, vector }));
  await things.upsert(records(0, 1000));
  return { db, things, records, workers: session.stores.workers };
}

test('a lone caller waits for no turn, beside a writer either, whatever he asks', async () => {
  const { db, things, records } = await opened(1);
  using turns = new Turns();
  const queries = randomVectors(30, dimension, 5);
  let isWritten = false;
  const writing = things.upsert(records(1000, 400)).finally(() => {
    isWritten = true;
  });
  let searches = 0;
  let atOnce = 0;
  for (const vector of queries) {
    await setImmediate();
    if (isWritten) break;
    for (const search of [{ vector }, { vector, namespace: '' }, { vector, k: 3 }]) {
      const before = turns.count;
      await things.search({ k: 10, ef: 40, ...search });
      searches++;
      if (turns.count === before) atOnce++;
    }
  }
  expect(searches).toBeGreaterThan(10);
  // One that loses the processor for as long as a slice pauses, as without threads.
  expect(atOnce).toBeGreaterThan(searches / 2);
  await writing;
  await db.close();
});

test('callers who are under way together share the threads', async () => {
  const { db, things, workers } = await opened(1);
  const queries = randomVectors(400, dimension, 6);
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < queries.length) await things.search({ vector: queries[next++], k: 10, ef: 200 });
  };
  // As often as it takes: when the worker gets a processor is not ours to say.
  while (workers !== undefined && workers.done < 50) {
    next = 0;
    await Promise.all(Array.from({ length: 8 }, caller));
  }
  await db.close();
});
