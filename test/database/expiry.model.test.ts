/**
 * Records that expire against a map with their ends, on a clock that jumps: writes, transactions, flushes, restarts,
 * compactions and what is deleted in the background in between change nothing that a reader can see.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Collection, type Database, open, type SnapshotCollection } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';
import { DIMENSION, vectorOf } from './history.ts';

const IDS = 8;

interface Living {
  readonly write: number;
  readonly namespace: string;
  /** In ms; undefined: it stays. */
  readonly until: number | undefined;
}

type State = ReadonlyMap<number, Living>;

class World {
  readonly disk = new MemoryFileSystem();
  db!: Database;
  collection!: Collection;
  now = 5_000;
  state: State = new Map();
  #writes = 0;

  async open(): Promise<void> {
    const now = (): number => this.now;
    this.db = await open('/db', { fileSystem: this.disk, memoryBytes: SMALL_MEMORY, now });
    const options = { dimension: DIMENSION, metric: 'l2', exactBelow: 0, m: 4 } as const;
    this.collection = await this.db.collection('things', options);
  }

  /** What lives now. */
  get living(): State {
    const lives = ({ until }: Living): boolean => until === undefined || until > this.now;
    return new Map([...this.state].filter(([, one]) => lives(one)));
  }

  async upsert(id: number, ttlMs: number | undefined, isInTransaction: boolean): Promise<void> {
    const write = ++this.#writes;
    const namespace = id % 2 === 0 ? '' : 'odd';
    const ttlSeconds = ttlMs === undefined ? undefined : ttlMs / 1000;
    const record = { id, vector: vectorOf(write), namespace, metadata: { write }, ttlSeconds };
    const isNew = !this.living.has(id);
    const { inserted } = isInTransaction
      ? await this.db.transaction((tx) => tx.collection('things').upsert(record))
      : await this.collection.upsert(record);
    expect(inserted).toBe(Number(isNew));
    const until = ttlMs === undefined ? undefined : this.now + ttlMs;
    this.state = new Map(this.living).set(id, { write, namespace, until });
  }

  async update(id: number): Promise<void> {
    const living = this.living.get(id);
    const write = ++this.#writes;
    const changes = { vector: vectorOf(write), metadata: { write } };
    const options = { namespace: id % 2 === 0 ? '' : 'odd' };
    expect(await this.collection.update(id, changes, options)).toBe(living !== undefined);
    if (living !== undefined) this.state = new Map(this.state).set(id, { ...living, write });
  }

  async delete(id: number): Promise<void> {
    const options = { namespace: id % 2 === 0 ? '' : 'odd' };
    expect(await this.collection.delete(id, options)).toBe(Number(this.living.has(id)));
    this.state = new Map([...this.state].filter(([other]) => other !== id));
  }
}

async function expectReads(readable: Collection | SnapshotCollection, state: State): Promise<void> {
  const expected = [...state].map(([id, { write }]) => `${id}:${write}`).sort();
  const scanned: string[] = [];
  for await (const { id, metadata } of readable.scan({ include: ['metadata'] })) {
    scanned.push(`${id}:${(metadata as { write: number }).write}`);
  }
  expect(scanned.sort()).toEqual(expected);
  expect(await readable.count()).toBe(state.size);
  for (const namespace of ['', 'odd']) {
    const inside = [...state.values()].filter((one) => one.namespace === namespace);
    expect(await readable.count({ namespace })).toBe(inside.length);
    const hits = await readable.search({ vector: vectorOf(1), k: IDS, namespace });
    expect(hits).toHaveLength(inside.length);
  }
  for (const [id, { write, namespace }] of state) {
    expect(await readable.has(id, { namespace })).toBe(true);
    const hits = await readable.search({ vector: vectorOf(write), k: 1 });
    expect(hits).toMatchObject([{ id, distance: 0 }]);
  }
}

type Step = (world: World) => Promise<void> | void;

const id = fc.integer({ min: 0, max: IDS - 1 });
const ttl = fc.option(fc.constantFrom(1, 400, 1000, 2500, 10_000), { nil: undefined, freq: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(id, ttl, fc.boolean()).map(
      ([which, ttlMs, isInTransaction]): Step =>
        (world) =>
          world.upsert(which, ttlMs, isInTransaction),
    ),
  },
  {
    weight: 2,
    arbitrary: id.map(
      (which): Step =>
        (world) =>
          world.update(which),
    ),
  },
  {
    weight: 2,
    arbitrary: id.map(
      (which): Step =>
        (world) =>
          world.delete(which),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom(1, 399, 600, 1500, 9000).map(
      (ms): Step =>
        (world) => {
          world.now += ms;
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Step>((world) => expectReads(world.collection, world.living)),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Step>(
      (world) => world.db.flush(),
      async (world) => {
        await world.db.compact();
      },
      async (world) => {
        await world.db.close();
        await world.open();
      },
    ),
  },
);

test('records live exactly as long as they were given', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 50 }), async (steps) => {
      const world = new World();
      await world.open();
      for (const next of steps) await next(world);
      await expectReads(world.collection, world.living);
      const snapshot = await world.db.snapshot();
      const then = world.living;
      world.now += 5000;
      await world.upsert(0, undefined, false);
      await expectReads(snapshot.collection('things'), then);
      await snapshot.close();
      expect((await world.db.check()).problems).toEqual([]);
      await world.db.close();
    }),
    { numRuns: 25 },
  );
});
