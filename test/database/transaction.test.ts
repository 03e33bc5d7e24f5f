/** What a transaction sees, what becomes of what it wrote, and when it is refused. */
import { describe, expect, test } from 'vitest';
import { type Collection, retry, type TransactionCollection } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

interface Meta {
  readonly n: number;
}

const vector = (x: number): number[] => [x, 0, 0, 0];
const conflict = { code: 'CONFLICT' };
const closed = { code: 'DATABASE_CLOSED' };

/** Ten records with vectors on a line, in two namespaces. */
async function things() {
  const f = await fixture<Meta>();
  const records = Array.from({ length: 10 }, (_, id) => ({
    id,
    vector: vector(id),
    metadata: { n: id },
  }));
  await f.collection.upsert(records);
  await f.collection.upsert({
    id: 0,
    namespace: 'other',
    vector: vector(100),
    metadata: { n: 100 },
  });
  const others = await f.db.collection<Meta>('others', { dimension: 2, metric: 'dot' });
  return { ...f, things: f.collection, others };
}

const idsOf = async (scan: AsyncIterable<{ id: unknown }>): Promise<unknown[]> => {
  const ids = [];
  for await (const { id } of scan) ids.push(id);
  return ids;
};

describe('a transaction sees what it has written, and nobody else does', () => {
  test('reads by id', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      expect(
        await here.upsert([
          { id: 1, vector: vector(50) },
          { id: 'new', text: 'words' },
        ]),
      ).toEqual({
        inserted: 1,
        replaced: 1,
      });
      expect(await here.delete([2, 77, 2])).toBe(1);
      expect(await here.update(3, { metadata: { extra: true } })).toBe(true);
      expect(await here.update(2, { text: 'gone' })).toBe(false);
      expect(await here.get(1)).toEqual({
        id: 1,
        namespace: '',
        vector: Float32Array.of(50, 0, 0, 0),
      });
      expect(await here.get(3)).toMatchObject({
        metadata: { n: 3, extra: true },
        vector: Float32Array.of(3, 0, 0, 0),
      });
      expect(await here.getMany(['new', 2, 4])).toMatchObject([
        { text: 'words' },
        undefined,
        { id: 4 },
      ]);
      expect([await here.has('new'), await here.has(2), await here.has(4)]).toEqual([
        true,
        false,
        true,
      ]);
      expect(await here.count()).toBe(11);
      expect(await here.count({ namespace: '' })).toBe(10);
      expect(await f.things.get('new')).toBeUndefined();
      expect(await f.things.has(2)).toBe(true);
    });
    expect(await f.things.get(1)).toEqual({
      id: 1,
      namespace: '',
      vector: Float32Array.of(50, 0, 0, 0),
    });
    expect(await f.things.get(3)).toMatchObject({ metadata: { n: 3, extra: true } });
    expect(await f.things.has(2)).toBe(false);
    expect(await f.things.count()).toBe(11);
    expect((await f.db.check()).problems).toEqual([]);
  });

  test('scans', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      await here.upsert({ id: 'a', metadata: { n: -1 } });
      await here.upsert({ id: 4, metadata: { n: -4 } });
      await here.delete(5);
      expect(await idsOf(here.scan({ namespace: '' }))).toEqual([0, 1, 2, 3, 6, 7, 8, 9, 'a', 4]);
      expect(await idsOf(here.scan({ namespace: '', limit: 9 }))).toEqual([
        0,
        1,
        2,
        3,
        6,
        7,
        8,
        9,
        'a',
      ]);
      expect(await idsOf(here.scan({ namespace: '', after: 7 }))).toEqual([8, 9, 'a', 4]);
      expect(await idsOf(here.scan({ namespace: '', after: 'a' }))).toEqual([4]);
      await expect(here.scan({ after: 5 }).next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
      // What is written on the way does not come up again.
      for await (const { id, namespace, metadata } of here.scan({ include: ['metadata'] })) {
        await here.upsert({ id, namespace, metadata: { n: (metadata?.n ?? 0) + 1000 } });
      }
      expect((await here.get(4))?.metadata).toEqual({ n: 996 });
      expect(await here.delete({ namespace: '' })).toBe(10);
      expect(await idsOf(here.scan())).toEqual([0]);
    });
    expect(await f.things.count()).toBe(1);
    expect((await f.things.get(0, { namespace: 'other' }))?.metadata).toEqual({ n: 1100 });
  });

  test('searches', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      await here.upsert([
        { id: 'a', vector: vector(5.25), metadata: { n: 1 } },
        { id: 'text', text: 'no vector' },
      ]);
      await here.upsert({ id: 5, vector: vector(1000) });
      await here.delete([4, 6]);
      await here.update(3, { text: 'three' });
      const near = await here.search({ vector: vector(5), k: 3, include: ['metadata', 'text'] });
      expect(near).toEqual(
        [
          { id: 'a', namespace: '', distance: 0.25, score: 0.8, metadata: { n: 1 } },
          { id: 3, namespace: '', distance: 2, score: 1 / 3, metadata: { n: 3 }, text: 'three' },
          { id: 7, namespace: '', distance: 2, score: 1 / 3, metadata: { n: 7 } },
        ].sort((a, b) => a.distance - b.distance || Number(a.id === 3) - Number(b.id === 3)),
      );
      expect((await here.search({ vector: vector(5), k: 20 })).length).toBe(10);
      expect(await here.search({ id: 5, k: 1, namespace: '' })).toMatchObject([
        { id: 9, distance: 991 },
      ]);
      expect(await here.search({ id: 9, k: 2, maxDistance: 1 })).toMatchObject([{ id: 8 }]);
      expect(await here.search({ vector: vector(1000), k: 1 })).toMatchObject([
        { id: 5, distance: 0 },
      ]);
      await expect(here.search({ id: 4 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(here.search({ id: 'text' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      const other = await here.search({ vector: vector(5), namespace: 'other' });
      expect(other.map(({ id, namespace }) => [id, namespace])).toEqual([[0, 'other']]);
    });
  });

  test('named vectors and filters', async () => {
    const vectors = { title: { dimension: 2, metric: 'l2' } } as const;
    await using f = await fixture<Meta>({ vectors });
    const named = (x: number) => ({ title: [x, 0] });
    const records = [1, 2, 3].map((n) => {
      return { id: n, vector: vector(n), vectors: named(10 * n), metadata: { n } };
    });
    await f.collection.upsert(records);
    await f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      await here.update(1, { metadata: { n: 11 } });
      await here.update(2, { vectors: named(50) });
      await here.upsert({ id: 3, vectors: named(90), metadata: { n: 13 } });
      const title = { vectorName: 'title', vector: [50, 0], k: 1 };
      expect(await here.search(title)).toMatchObject([{ id: 2, distance: 0 }]);
      expect(await here.search({ vector: vector(3), k: 9 })).toHaveLength(2);
      expect((await here.search({ id: 2, vectorName: 'title' })).map(({ id }) => id)).toEqual([
        1, 3,
      ]);
      const filter = { n: { $gt: 10 } };
      expect(await idsOf(here.scan({ filter }))).toEqual([1, 3]);
      expect(await here.count({ filter })).toBe(2);
      const near = await here.search({ vector: vector(2), filter });
      expect(near.map(({ id }) => id)).toEqual([1]);
    });
    const vectorsOf = async (id: number): Promise<unknown> => {
      const { vector: main, vectors: others } = (await f.collection.get(id)) ?? {};
      return [main?.[0], others?.title?.[0]];
    };
    expect([await vectorsOf(1), await vectorsOf(2), await vectorsOf(3)]).toEqual([
      [1, 10],
      [2, 50],
      [undefined, 90],
    ]);
    const conflicting = f.db.transaction(async (tx) => {
      await tx.collection('things').get(1);
      await f.collection.update(1, { vectors: named(11) });
      await tx.collection('things').delete(2);
    });
    await expect(conflicting).rejects.toMatchObject(conflict);
    expect((await f.db.check()).problems).toEqual([]);
  });

  test('what others commit meanwhile does not show', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      await f.things.upsert({ id: 1, vector: vector(500) });
      await f.things.delete([2, 3]);
      await f.things.insert({ id: 'late', vector: vector(4) });
      expect((await here.search({ vector: vector(2), k: 3 })).map(({ id }) => id).sort()).toEqual([
        1, 2, 3,
      ]);
      expect(await here.count()).toBe(11);
      expect(await here.has('late')).toBe(false);
      expect((await idsOf(here.scan())).length).toBe(11);
    });
  });
});

describe('the end of a transaction', () => {
  test('what it wrote in several collections is one commit, and its result is given back', async () => {
    await using f = await things();
    const { commits } = (await f.db.stats()).writes;
    const result = await f.db.transaction(async (tx) => {
      await tx.collection('things').delete([0, 1]);
      await tx.collection('others').upsert({ id: 'x', vector: [1, 2] });
      return 'moved';
    });
    expect(result).toBe('moved');
    expect((await f.db.stats()).writes.commits).toBe(commits + 1);
    expect(await f.others.search({ vector: [1, 2] })).toMatchObject([{ id: 'x', score: 5 }]);
    expect(await f.things.count({ namespace: '' })).toBe(8);
  });

  test('an error leaves nothing behind', async () => {
    await using f = await things();
    const failing = f.db.transaction(async (tx) => {
      await tx.collection('things').delete([0, 1]);
      await tx.collection('others').upsert({ id: 'x', vector: [1, 2] });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await f.things.count()).toBe(11);
    expect(await f.others.count()).toBe(0);
    expect((await f.db.stats()).readers.transactions).toBe(0);
  });

  test('a refused call changes nothing, and the transaction may go on', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      const here = tx.collection('things');
      await expect(here.insert([{ id: 'a' }, { id: 1 }])).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await expect(here.insert([{ id: 'a' }, { id: 'a' }])).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
      });
      await expect(here.upsert([{ id: 'b' }, { id: 'c', vector: [1] }])).rejects.toMatchObject({
        code: 'DIMENSION_MISMATCH',
      });
      await here.insert({ id: 'd' });
      await expect(here.insert({ id: 'd' })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      expect(() => tx.collection('nowhere')).toThrow(/no collection 'nowhere'/);
    });
    expect(await f.things.getMany(['a', 'b', 'c', 'd'], { include: [] })).toMatchObject([
      undefined,
      undefined,
      undefined,
      { id: 'd' },
    ]);
  });

  test('afterwards its object is of no use; what was not awaited is in the commit', async () => {
    await using f = await things();
    let late: TransactionCollection | undefined;
    let scan: AsyncIterator<unknown> | undefined;
    await f.db.transaction(async (tx) => {
      late = tx.collection('things');
      scan = late.scan();
      await scan.next();
      void late.delete({ namespace: 'other' });
    });
    expect(await f.things.count()).toBe(10);
    await expect(late?.get(1)).rejects.toMatchObject(closed);
    await expect(late?.upsert({ id: 1 })).rejects.toMatchObject(closed);
    await expect(late?.count()).rejects.toMatchObject(closed);
    await expect(scan?.next()).rejects.toMatchObject(closed);
    await expect(late?.scan().next()).rejects.toThrow(/the transaction has ended/);
  });

  test('closing the database ends it without a commit, also from within', async () => {
    await using f = await things();
    const transaction = f.db.transaction(async (tx) => {
      const here = tx.collection('things');
      await here.delete(1);
      await f.db.close();
      await expect(here.get(2)).rejects.toMatchObject(closed);
    });
    await expect(transaction).rejects.toMatchObject(closed);
    await using again = await f.reopen();
    expect(await again.collection.count()).toBe(11);
  });
});

describe('conflicts', () => {
  type Step = (here: TransactionCollection<Meta>) => Promise<unknown>;
  type Write = (things: Collection<Meta>) => Promise<unknown>;

  const outcome = async (first: Step, meanwhile: Write, then?: Step): Promise<string> => {
    await using f = await things();
    const transaction = f.db.transaction(async (tx) => {
      const here = tx.collection<Meta>('things');
      await first(here);
      await meanwhile(f.things);
      await then?.(here);
      await tx.collection('others').upsert({ id: 'done' });
    });
    try {
      await transaction;
    } catch (error) {
      expect(error).toMatchObject(conflict);
      expect(await f.others.count()).toBe(0);
      return 'conflict';
    }
    expect(await f.others.count()).toBe(1);
    return 'commit';
  };
  const change: Write = (all) => all.upsert({ id: 1, vector: vector(1), metadata: { n: -1 } });

  test.each<[string, string, Step, Write]>([
    ['a record it read', 'conflict', (here) => here.get(1), change],
    ['one of many records it read', 'conflict', (here) => here.getMany([0, 1]), change],
    ['a record it asked for', 'conflict', (here) => here.has(1), change],
    [
      'a record it read and that was deleted',
      'conflict',
      (here) => here.get(1),
      (all) => all.delete(1),
    ],
    ['an id that was free', 'conflict', (here) => here.has('x'), (all) => all.insert({ id: 'x' })],
    ['a record it wrote blindly', 'conflict', (here) => here.upsert({ id: 1 }), change],
    ['a record it deleted', 'conflict', (here) => here.delete(1), change],
    [
      'the vector alone',
      'conflict',
      (here) => here.get(1),
      (all) => all.update(1, { vector: vector(7) }),
    ],
    [
      'an equal record, again',
      'commit',
      (here) => here.get(1),
      (all) => all.upsert({ id: 1, vector: vector(1), metadata: { n: 1 } }),
    ],
    ['another record', 'commit', (here) => here.get(2), change],
    ['what a search found', 'commit', (here) => here.search({ vector: vector(1) }), change],
    ['what it counted', 'commit', (here) => here.count(), (all) => all.insert({ id: 'x' })],
    ['what it scanned', 'commit', (here) => idsOf(here.scan()), change],
  ])('%s: %s', async (_name, expected, first, meanwhile) => {
    expect(await outcome(first, meanwhile)).toBe(expected);
  });

  test('what is read after the change of another is still a conflict', async () => {
    expect(
      await outcome(
        async () => {},
        change,
        (here) => here.get(1),
      ),
    ).toBe('conflict');
  });

  test('a transaction that only read is never refused', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      expect((await tx.collection<Meta>('things').get(1))?.metadata).toEqual({ n: 1 });
      await change(f.things);
      expect((await tx.collection<Meta>('things').get(1))?.metadata).toEqual({ n: 1 });
    });
  });

  test('a vector that was moved elsewhere has not changed', async () => {
    await using f = await fixture<Meta>();
    const records = Array.from({ length: 300 }, (_, id) => ({ id, vector: vector(id) }));
    await f.collection.upsert(records);
    await f.collection.delete(Array.from({ length: 250 }, (_, i) => i));
    let begin = (): void => {};
    const moving = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const compacting = f.db.compact({ onProgress: ({ phase }) => phase === 'move' && begin() });
    await moving;
    await f.db.transaction(async (tx) => {
      const here = tx.collection('things');
      for (let id = 250; id < 300; id++) await here.get(id);
      await here.upsert({ id: 1 });
      await f.collection.upsert({ id: 'another' });
      expect((await compacting).vectorsMoved).toBeGreaterThan(0);
    });
    expect(await f.collection.count()).toBe(52);
  });

  test('transactions and writes within a transaction wait for nothing', async () => {
    await using f = await things();
    await f.db.transaction(async (tx) => {
      await tx.collection('things').upsert({ id: 'outer' });
      await f.things.upsert({ id: 'plain' });
      await f.db.transaction(async (inner) => {
        expect(await inner.collection('things').has('outer')).toBe(false);
        await inner.collection('things').upsert({ id: 'inner' });
      });
      await f.db.flush();
      await f.db.compact();
    });
    expect(await f.things.getMany(['outer', 'plain', 'inner'], { include: [] })).not.toContain(
      undefined,
    );
  });

  test('counting up from many callers at once ends at the right number, with retry', async () => {
    await using f = await things();
    const up = (): Promise<void> =>
      retry(
        () =>
          f.db.transaction(async (tx) => {
            const here = tx.collection<Meta>('things');
            const n = (await here.get(1))?.metadata?.n ?? 0;
            await here.update(1, { metadata: { n: n + 1 } });
          }),
        { attempts: 1000 },
      );
    await Promise.all(Array.from({ length: 20 }, up));
    expect((await f.things.get(1))?.metadata).toEqual({ n: 21 });
  });
});
