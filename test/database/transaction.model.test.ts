/**
 * Transactions, snapshots and plain writes, interleaved at random, against maps: each reader sees the commit at
 * which it began and its own writes, each commit is whole, and conflicts are just those that are documented.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type Collection,
  type Database,
  isDatabaseError,
  open,
  type SnapshotCollection,
  type Transaction,
  type TransactionCollection,
} from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { DIMENSION, vectorOf } from './history.ts';

const NAMES = ['left', 'right'] as const;
type Name = (typeof NAMES)[number];
/** By collection and id: which write wrote it. No two writes are alike. */
type State = ReadonlyMap<string, number>;

const keyOf = (name: Name, id: number): string => `${name} ${id}`;

/** What reads have in common. */
type Readable = Collection | SnapshotCollection | TransactionCollection;

class Reader {
  readonly base: State;
  readonly own = new Map<string, number | undefined>();
  readonly touched = new Set<string>();
  tx: Transaction | undefined;
  end: (error?: Error) => void = () => {};
  ended: Promise<unknown> = Promise.resolve();

  constructor(base: State) {
    this.base = base;
  }

  get state(): State {
    const state = new Map(this.base);
    for (const [key, n] of this.own) {
      if (n === undefined) state.delete(key);
      else state.set(key, n);
    }
    return state;
  }
}

class World {
  readonly db: Database;
  readonly collections: ReadonlyMap<Name, Collection>;
  state: State = new Map();
  readonly readers: (Reader | undefined)[] = [undefined, undefined, undefined];
  #writes = 0;

  constructor(db: Database, collections: ReadonlyMap<Name, Collection>) {
    this.db = db;
    this.collections = collections;
  }

  record(id: number): {
    n: number;
    record: { id: number; vector: Float32Array; metadata: unknown };
  } {
    const n = ++this.#writes;
    return { n, record: { id, vector: vectorOf(n), metadata: { n } } };
  }

  begin(at: number): void {
    if (this.readers[at] !== undefined) return;
    const reader = new Reader(this.state);
    this.readers[at] = reader;
    reader.ended = this.db
      .transaction(async (tx) => {
        reader.tx = tx;
        await new Promise<void>((resolve, reject) => {
          reader.end = (error) => (error === undefined ? resolve() : reject(error));
        });
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
  }

  async commit(at: number): Promise<void> {
    const reader = this.readers[at];
    if (reader === undefined) return;
    this.readers[at] = undefined;
    reader.end();
    const error = await reader.ended;
    const isChanged = [...reader.touched].some(
      (key) => reader.base.get(key) !== this.state.get(key),
    );
    if (reader.own.size > 0 && isChanged) {
      expect(isDatabaseError(error) && error.code).toBe('CONFLICT');
    } else {
      expect(error).toBeUndefined();
      const state = new Map(this.state);
      for (const [key, n] of reader.own) {
        if (n === undefined) state.delete(key);
        else state.set(key, n);
      }
      this.state = state;
    }
  }

  async abort(at: number): Promise<void> {
    const reader = this.readers[at];
    if (reader === undefined) return;
    this.readers[at] = undefined;
    const error = new Error('aborted');
    reader.end(error);
    expect(await reader.ended).toBe(error);
  }
}

/** Every read of a collection agrees with the state. */
async function expectReads(readable: Readable, name: Name, state: State): Promise<void> {
  const expected = new Map<number, number>();
  for (const [key, n] of state) {
    if (key.startsWith(name)) expected.set(Number(key.slice(name.length)), n);
  }
  const scanned = new Map<unknown, unknown>();
  for await (const { id, metadata } of readable.scan({ include: ['metadata'] })) {
    scanned.set(id, (metadata as { n: number }).n);
  }
  expect(scanned).toEqual(expected);
  expect(await readable.count()).toBe(expected.size);
  for (const [id, n] of expected) {
    const vector = vectorOf(n);
    expect(await readable.search({ vector, k: 1 })).toMatchObject([{ id, distance: 0 }]);
  }
  expect(await readable.search({ vector: vectorOf(1), k: 50 })).toHaveLength(expected.size);
}

type Step = (world: World) => Promise<void> | void;

const at = fc.integer({ min: 0, max: 2 });
const nameAndId = fc.tuple(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 4 }));

const within = (
  step: (
    reader: Reader,
    collection: TransactionCollection,
    name: Name,
    world: World,
  ) => Promise<void>,
): ((at: number, name: Name) => Step) => {
  return (index, name) => async (world) => {
    const reader = world.readers[index];
    if (reader?.tx === undefined) return;
    await step(reader, reader.tx.collection(name), name, world);
  };
};

const plainUpsert =
  ([name, id]: [Name, number]): Step =>
  async (world) => {
    const { n, record } = world.record(id);
    await world.collections.get(name)?.upsert(record);
    world.state = new Map(world.state).set(keyOf(name, id), n);
  };

const plainDelete =
  ([name, id]: [Name, number]): Step =>
  async (world) => {
    const key = keyOf(name, id);
    expect(await world.collections.get(name)?.delete(id)).toBe(Number(world.state.has(key)));
    const state = new Map(world.state);
    state.delete(key);
    world.state = state;
  };

const txRead = (index: number, [name, id]: [Name, number]): Step =>
  within(async (reader, collection) => {
    const n = reader.state.get(keyOf(name, id));
    const found = await collection.get(id, { include: ['metadata'] });
    expect((found?.metadata as { n: number } | undefined)?.n).toBe(n);
    reader.touched.add(keyOf(name, id));
  })(index, name);

const txWrite = (index: number, [name, id]: [Name, number]): Step =>
  within(async (reader, collection, _name, world) => {
    const { n, record } = world.record(id);
    const isNew = !reader.state.has(keyOf(name, id));
    expect((await collection.upsert(record)).inserted).toBe(Number(isNew));
    reader.touched.add(keyOf(name, id));
    reader.own.set(keyOf(name, id), n);
  })(index, name);

const txDelete = (index: number, [name, id]: [Name, number]): Step =>
  within(async (reader, collection) => {
    const key = keyOf(name, id);
    expect(await collection.delete(id)).toBe(Number(reader.state.has(key)));
    reader.touched.add(key);
    if (reader.base.has(key)) reader.own.set(key, undefined);
    else reader.own.delete(key);
  })(index, name);

const txCheck = (index: number, name: Name): Step =>
  within((reader, collection) => expectReads(collection, name, reader.state))(index, name);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: nameAndId.map(plainUpsert) },
  { weight: 2, arbitrary: nameAndId.map(plainDelete) },
  {
    weight: 4,
    arbitrary: at.map(
      (index): Step =>
        (world) =>
          world.begin(index),
    ),
  },
  { weight: 4, arbitrary: fc.tuple(at, nameAndId).map(([index, place]) => txRead(index, place)) },
  { weight: 8, arbitrary: fc.tuple(at, nameAndId).map(([index, place]) => txWrite(index, place)) },
  { weight: 4, arbitrary: fc.tuple(at, nameAndId).map(([index, place]) => txDelete(index, place)) },
  {
    weight: 2,
    arbitrary: fc.tuple(at, fc.constantFrom(...NAMES)).map(([i, name]) => txCheck(i, name)),
  },
  {
    weight: 3,
    arbitrary: at.map(
      (index): Step =>
        (world) =>
          world.commit(index),
    ),
  },
  {
    weight: 1,
    arbitrary: at.map(
      (index): Step =>
        (world) =>
          world.abort(index),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.db.flush()) },
);

test('interleaved transactions are as if each had its own copy until it commits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 50, maxLength: 90 }),
      fc.nat(59),
      async (steps, when) => {
        const fileSystem = new MemoryFileSystem();
        const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
        const options = { dimension: DIMENSION, metric: 'l2', exactBelow: 0, m: 4 } as const;
        const collections = new Map<Name, Collection>();
        for (const name of NAMES) collections.set(name, await db.collection(name, options));
        const world = new World(db, collections);
        let snapshot = { open: await db.snapshot(), state: world.state };
        for (const [i, next] of steps.entries()) {
          await next(world);
          if (i !== when) continue;
          await snapshot.open.close();
          snapshot = { open: await db.snapshot(), state: world.state };
        }
        for (const name of NAMES) {
          await expectReads(snapshot.open.collection(name), name, snapshot.state);
          await expectReads(collections.get(name) as Collection, name, world.state);
        }
        for (const index of world.readers.keys()) await world.abort(index);
        expect((await db.check()).problems).toEqual([]);
        await snapshot.open.close();
        await db.close();
      },
    ),
    { numRuns: 40 },
  );
});
