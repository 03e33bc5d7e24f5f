/**
 * Searches of a database whose disk is slow, on the clock of that disk: what they read, they read side by side, with
 * the answers of a quick disk, whatever happens to the database while they wait.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Collection,
  type CollectionOptions,
  type Database,
  type DatabaseOptions,
  type Hit,
  open,
  type SearchOptions,
} from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SlowFileSystem } from '../storage/slow-file-system.ts';
import { fixture, randomVectors, SMALL_MEMORY } from './fixtures.ts';

const DIMENSION = 48;
const READ_MS = 0.4;
const vectors = randomVectors(1500, DIMENSION, 1);
const queries = randomVectors(12, DIMENSION, 2);
const asked = (vector: Float32Array): SearchOptions<unknown> => ({
  vector,
  k: 10,
  include: ['metadata'],
});

let disk: SlowFileSystem | undefined;

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => disk?.ms ?? 0);
});

afterEach(() => {
  vi.restoreAllMocks();
  disk = undefined;
});

interface World {
  readonly fileSystem: MemoryFileSystem;
  /** What a quick disk answers. */
  readonly expected: readonly Hit<unknown>[][];
}

async function makeWorld(options: CollectionOptions = {}): Promise<World> {
  const fileSystem = new MemoryFileSystem();
  const { db, collection } = await fixture(
    { dimension: DIMENSION, ...options },
    { durability: 'none', fileSystem },
  );
  await collection.build({
    vectors: Float32Array.from(vectors.flatMap((vector) => [...vector])),
    metadata: vectors.map((_, n) => ({ n })),
  });
  const expected = await Promise.all(queries.map((vector) => collection.search(asked(vector))));
  await db.close();
  return { fileSystem, expected };
}

interface Opened extends AsyncDisposable {
  readonly db: Database;
  readonly things: Collection;
  readonly disk: SlowFileSystem;
  readonly faulty: FaultyFileSystem;
}

/** The database on a slow disk, which is known to be slow by now, with nothing of the collection in memory. */
async function openSlow(
  { fileSystem }: World,
  options: Partial<DatabaseOptions> = {},
  readMs: number = READ_MS,
): Promise<Opened> {
  const slow = new SlowFileSystem(fileSystem, readMs);
  disk = slow;
  const faulty = new FaultyFileSystem(slow);
  const given = { memoryBytes: SMALL_MEMORY, durability: 'none', fileSystem: faulty } as const;
  const db = await open('/db', { ...given, ...options });
  const things = await db.collection('things', { exactBelow: 0 });
  slow.reset();
  return { db, things, disk: slow, faulty, [Symbol.asyncDispose]: () => db.close() };
}

let shared: World | undefined;

/** One that is only read, for several tests. */
async function sharedWorld(): Promise<World> {
  shared ??= await makeWorld();
  return shared;
}

/** Until a search that has begun waits for the disk. */
async function untilWaiting(waiting: SlowFileSystem, reads: number): Promise<void> {
  while (waiting.backgroundReads < reads) await new Promise((resolve) => setImmediate(resolve));
}

async function expectNothingStaged({ db }: Opened): Promise<void> {
  expect((await db.stats()).memory.stagedBytes).toBe(0);
}

describe('searches on a slow disk', () => {
  test('read side by side from the first one on, and find what they find on a quick disk', async () => {
    const world = await sharedWorld();
    await using opened = await openSlow(world, { readOnly: true });
    const { things, disk: slow } = opened;
    const start = slow.ms;
    expect(await things.search(asked(queries[0]))).toEqual(world.expected[0]);
    const reads = slow.serialReads + slow.backgroundReads;
    expect(slow.ms - start).toBeLessThan((READ_MS * reads) / 2);
    expect(slow.serialReads).toBeLessThan(10);
    expect(slow.widest).toBeGreaterThan(7);
    for (const [i, vector] of queries.entries()) {
      expect(await things.search(asked(vector))).toEqual(world.expected[i]);
    }
    await expectNothingStaged(opened);
    // Everything is in memory: nothing waits.
    slow.reset();
    for (const vector of queries) await things.search(asked(vector));
    expect([slow.serialReads, slow.backgroundReads]).toEqual([0, 0]);
  });

  test('let the event loop run', async () => {
    await using opened = await openSlow(await sharedWorld(), { readOnly: true });
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const done = opened.things.search(asked(queries[0]));
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (; !isDone; turns++) await new Promise((resolve) => setImmediate(resolve));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });

  test('share reads and memory when they are many', async () => {
    const world = await sharedWorld();
    await using opened = await openSlow(world, { readOnly: true });
    const { things, disk: slow, db } = opened;
    let most = 0;
    const many = Array.from({ length: 120 }, (_, i) => things.search(asked(queries[i % 12])));
    const all = Promise.all(many);
    let isDone = false;
    void all.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const { memory } = await db.stats();
      most = Math.max(most, memory.stagedBytes);
      expect(memory.totalBytes).toBeLessThan(SMALL_MEMORY);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const found = await all;
    found.forEach((hits, i) => void expect(hits).toEqual(world.expected[i % 12]));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(200_000);
    expect(slow.rounds).toBeLessThan(slow.backgroundReads / 2);
    await expectNothingStaged(opened);
  });

  test.each(['sq8', 'bit', 'none'] as const)(
    'with %s codes, and vectors that are asked for',
    async (codes) => {
      const world = await makeWorld({ codes });
      await using opened = await openSlow(world, { readOnly: true });
      for (const [i, vector] of queries.entries()) {
        const hits = await opened.things.search({ vector, k: 10, include: ['metadata', 'vector'] });
        expect(hits.map(({ id }) => id)).toEqual(world.expected[i].map(({ id }) => id));
        expect(hits[0].vector).toEqual(vectors[Number(hits[0].id)]);
      }
      expect(opened.disk.backgroundReads).toBeGreaterThan(50);
      expect(opened.disk.serialReads).toBeLessThan(opened.disk.backgroundReads / 5);
    },
  );

  test('that compare with every vector read pages side by side', async () => {
    await using opened = await openSlow(await sharedWorld(), { readOnly: true });
    const { things, disk: slow } = opened;
    const [query] = queries;
    const hits = await things.search({ vector: query, k: 10, exact: true });
    const distances = vectors.map((vector) => Math.hypot(...vector.map((x, d) => x - query[d])));
    const nearest = [...distances].sort((a, b) => a - b).slice(0, 10);
    hits.forEach(({ distance }, i) => void expect(distance).toBeCloseTo(nearest[i], 4));
    expect(slow.backgroundReads).toBeGreaterThan(50);
    expect(slow.rounds).toBeLessThan(slow.backgroundReads / 3);
    expect(slow.serialReads).toBeLessThan(20);
  });

  test('a filter, and threads that walk, find the same', async () => {
    const world = await sharedWorld();
    const wanted = queries.map((vector) => ({
      ...asked(vector),
      filter: { n: { $lt: 700 } },
    }));
    const answers: unknown[] = [];
    for (const isSlow of [false, true]) {
      await using opened = await openSlow(world, { readOnly: true, threads: isSlow ? 2 : 0 });
      if (!isSlow) opened.disk.readMs = 0;
      const found = await Promise.all(wanted.map((search) => opened.things.search(search)));
      answers.push(
        found,
        await Promise.all(queries.map((vector) => opened.things.search(asked(vector)))),
      );
      if (isSlow) await expectNothingStaged(opened);
    }
    expect(answers[2]).toEqual(answers[0]);
    expect(answers[3]).toEqual(answers[1]);
    expect(answers[3]).toEqual(world.expected);
  });

  test('begin on a disk that is found to be slow on the way', async () => {
    const world = await sharedWorld();
    await using opened = await openSlow(world, { readOnly: true }, 0);
    const { things, disk: slow } = opened;
    // A slice of a search that goes on in one turn would be more than thirty of them.
    slow.readMs = 0.15;
    expect(await things.search(asked(queries[0]))).toEqual(world.expected[0]);
    expect(slow.serialReads).toBeGreaterThan(5);
    expect(slow.serialReads).toBeLessThan(25);
    expect(slow.backgroundReads).toBeGreaterThan(50);
  });
});

describe('while a search waits', () => {
  test('each of its reads may fail: it rejects, nothing is left, and the next one finds everything', async () => {
    const world = await sharedWorld();
    const [first] = queries;
    const reads: number[] = [];
    {
      await using opened = await openSlow(world, { readOnly: true });
      const { things, faulty } = opened;
      const begin = faulty.calls;
      await things.search(asked(first));
      faulty.trace.forEach((call, i) => {
        if (i >= begin && call.startsWith('read ')) reads.push(i + 1);
      });
    }
    for (let i = 0; i < reads.length; i += 5) {
      await using opened = await openSlow(world, { readOnly: true });
      const { things, faulty } = opened;
      faulty.failCall(reads[i], 'EIO');
      await expect(things.search(asked(first))).rejects.toMatchObject({ code: 'IO' });
      expect(faulty.faults).toBe(1);
      await expectNothingStaged(opened);
      expect(await things.search(asked(first))).toEqual(world.expected[0]);
    }
    expect(reads.length).toBeGreaterThan(60);
  });

  test('it may be aborted', async () => {
    await using opened = await openSlow(await sharedWorld(), { readOnly: true });
    const abort = new AbortController();
    const { things, disk: slow } = opened;
    const search = things.search({ ...asked(queries[0]), signal: abort.signal });
    const settled = expect(search).rejects.toMatchObject({ code: 'ABORTED' });
    await untilWaiting(slow, 10);
    abort.abort();
    await settled;
    await expectNothingStaged(opened);
  });

  test('the database may be closed: the search is answered first', async () => {
    const world = await sharedWorld();
    for (const reads of [1, 5, 20, 40]) {
      const opened = await openSlow(world, { readOnly: true });
      const search = opened.things.search(asked(queries[0]));
      await untilWaiting(opened.disk, reads);
      const closed = opened.db.close();
      expect(await search).toEqual(world.expected[0]);
      await closed;
    }
  });

  test('records may change, be compacted, and their collection be emptied or dropped', async () => {
    const world = await makeWorld();
    await using opened = await openSlow(world);
    const { db, things, disk: slow } = opened;
    const searchAll = (): Promise<Hit<unknown>[][]> =>
      Promise.all(queries.map((vector) => things.search(asked(vector))));
    const before = searchAll();
    await untilWaiting(slow, 20);
    const gone = world.expected.flatMap((hits) => hits.slice(0, 5).map(({ id }) => id));
    await things.delete(gone);
    await things.upsert(queries.map((vector, i) => ({ id: `new${i}`, vector })));
    await db.flush();
    // A walk may meet what is new, and find more by it, but not show it.
    (await before).forEach((hits, i) => {
      expect(hits.slice(0, 5)).toEqual(world.expected[i].slice(0, 5));
      expect(hits.filter(({ id }) => typeof id === 'string')).toEqual([]);
    });

    const between = searchAll();
    const compacting = db.compact();
    const check = (hits: Hit<unknown>[], i: number): void => {
      expect(hits.length).toBe(10);
      expect(hits[0].id).toBe(`new${i}`);
      expect(hits.filter(({ id }) => gone.includes(id))).toEqual([]);
    };
    (await between).forEach(check);
    await compacting;
    (await searchAll()).forEach(check);
    await expectNothingStaged(opened);

    const last = searchAll();
    await db.dropCollection('things');
    (await last).forEach(check);
    expect((await db.check()).problems).toEqual([]);
  });

  test('pages may be written to other places, and their old places be given again', async () => {
    const world = await makeWorld();
    await using opened = await openSlow(world, { memoryBytes: 8 * 2 ** 20 });
    const { db, things, disk: slow } = opened;
    for (let round = 0; round < 3; round++) {
      slow.reset();
      const searches = Promise.all(queries.map((vector) => things.search(asked(vector))));
      const changed = vectors.slice(round * 200, round * 200 + 200);
      await things.upsert(changed.map((vector, i) => ({ id: `${round} ${i}`, vector })));
      await db.flush();
      await searches;
    }
    const { ok, problems } = await db.check();
    expect(problems).toEqual([]);
    expect(ok).toBe(true);
    await expectNothingStaged(opened);
  });
});
