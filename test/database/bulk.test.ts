/** A collection that was filled at once is what insertions would have made of it, and goes on from there. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BulkState,
  type Collection,
  isDatabaseError,
  type Metric,
  open,
  type RecordInput,
} from '../../src/index.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { fixture, randomVectors, SMALL_MEMORY } from './fixtures.ts';

/** More than the smallest budget has arrays for. */
const COUNT = 43_000;

interface Meta {
  readonly n: number;
}

function flat(vectors: readonly Float32Array[]): Float32Array {
  const dimension = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * dimension);
  for (let i = 0; i < vectors.length; i++) all.set(vectors[i], i * dimension);
  return all;
}

/** Share of the true ten nearest that searches find. */
async function recall(collection: Collection, queries: readonly Float32Array[], ef: number) {
  let found = 0;
  let wanted = 0;
  for (const vector of queries) {
    const exact = await collection.search({ vector, k: 10, exact: true });
    const hits = await collection.search({ vector, k: 10, ef });
    const farthest = exact[exact.length - 1].distance;
    found += hits.filter(({ distance }) => distance <= farthest).length;
    wanted += exact.length;
  }
  return found / wanted;
}

async function* streamed<T>(records: Iterable<T>): AsyncGenerator<T> {
  yield* records;
}

test.each<[number, number, Metric]>([
  [0, 4, 'l2'],
  [1, 4, 'l2'],
  [2, 3, 'cosine'],
  [33, 5, 'dot'],
  [257, 17, 'l2'],
  [900, 16, 'cosine'],
  [700, 31, 'dot'],
  [60, 1, 'l2'],
])(
  'build of %i vectors of %i dimensions, %s, is found whole, reopened and written to',
  async (count, dimension, metric) => {
    const vectors = randomVectors(count, dimension, 7);
    let own = await fixture<Meta>({ dimension, metric });
    const metadata = vectors.map((_, n) => (n % 3 === 0 ? undefined : { n }));
    const result = await own.collection.build({ vectors: flat(vectors), metadata });
    expect(result).toEqual({ inserted: count, replaced: 0 });
    for (let round = 0; round < 2; round++) {
      const { collection, db } = own;
      expect(await collection.count()).toBe(count);
      const records = await collection.getMany(
        vectors.map((_, i) => i),
        { include: ['metadata', 'vector'] },
      );
      records.forEach((record, i) => {
        expect(record?.vector).toEqual(vectors[i]);
        expect(record?.metadata).toEqual(metadata[i]);
      });
      for (const vector of vectors.slice(0, 5)) {
        const exact = await collection.search({ vector, k: 3, exact: true });
        const hits = await collection.search({ vector, k: 3, ef: 200 });
        expect(hits.map(({ id }) => id)).toEqual(exact.map(({ id }) => id));
      }
      expect(await db.check()).toMatchObject({ ok: true, problems: [] });
      if (round === 0) own = await own.reopen();
    }
    const added = randomVectors(40, dimension, 8);
    await own.collection.upsert(added.map((vector, i) => ({ id: `new ${i}`, vector })));
    if (count > 4) expect(await own.collection.delete([0, 3])).toBe(2);
    expect(await own.collection.count()).toBe(count + 40 - (count > 4 ? 2 : 0));
    await own.db.flush();
    expect(await own.db.check()).toMatchObject({ ok: true });
    await own.db.close();
  },
);

test('recall is at least that of insertions', async () => {
  const vectors = randomVectors(3000, 24, 3);
  const queries = randomVectors(40, 24, 4);
  await using built = await fixture({ dimension: 24 }, { memoryBytes: 32 << 20 });
  await using inserted = await fixture({ dimension: 24 }, { memoryBytes: 32 << 20 });
  await built.collection.build({ vectors: flat(vectors) });
  for (let i = 0; i < vectors.length; i += 500) {
    const batch = vectors.slice(i, i + 500).map((vector, j) => ({ id: i + j, vector }));
    await inserted.collection.upsert(batch);
  }
  const of = await Promise.all([
    recall(built.collection, queries, 20),
    recall(inserted.collection, queries, 20),
  ]);
  expect(of[0]).toBeGreaterThan(0.8);
  expect(of[0]).toBeGreaterThanOrEqual(of[1] - 0.01);
});

test('500 equal vectors can all be reached', async () => {
  const vectors = [...randomVectors(20, 8, 1), ...Array(500).fill(new Float32Array(8).fill(1))];
  await using own = await fixture({ dimension: 8 });
  await own.collection.build({ vectors: flat(vectors) });
  expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
  const hits = await own.collection.search({
    vector: new Float32Array(8).fill(1),
    k: 500,
    ef: 600,
  });
  expect(hits.filter(({ distance }) => distance === 0)).toHaveLength(500);
});

test('lists of two edges a layer are repaired too', async () => {
  await using own = await fixture({ dimension: 2, m: 2 });
  await own.collection.build({ vectors: flat(randomVectors(600, 2, 5)) });
  expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
});

test('ingest stores any stream as upserts of its records would', async () => {
  const record = fc.record({
    id: fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.nat(30)),
    namespace: fc.constantFrom('', 'x', 'y'),
    vector: fc.option(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 4, maxLength: 4 })),
    text: fc.option(fc.string({ maxLength: 5 }).filter((text) => text.isWellFormed())),
    n: fc.option(fc.nat(9)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(record, { maxLength: 60 }), async (given) => {
      const records: RecordInput<Meta>[] = given.map(({ id, namespace, vector, text, n }) => ({
        id,
        namespace,
        ...(vector === null ? {} : { vector }),
        ...(text === null ? {} : { text }),
        ...(n === null ? {} : { metadata: { n } }),
      }));
      await using own = await fixture<Meta>();
      await using other = await fixture<Meta>();
      await own.collection.ingest(streamed(records));
      await other.collection.upsert(records);
      const all = async (collection: Collection<Meta>) => {
        const found = [];
        for await (const one of collection.scan({ include: ['metadata', 'text', 'vector'] })) {
          found.push(one);
        }
        return found;
      };
      expect(await all(own.collection)).toEqual(await all(other.collection));
      expect(await own.collection.count({ namespace: 'x' })).toBe(
        await other.collection.count({ namespace: 'x' }),
      );
      expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
    }),
    { numRuns: 40 },
  );
});

test('a collection that is not empty takes batches, with progress', async () => {
  await using own = await fixture();
  await own.collection.upsert({ id: 1, vector: [1, 2, 3, 4] });
  const states: BulkState[] = [];
  const vectors = flat(randomVectors(700, 4, 2));
  const onProgress = (state: BulkState): void => void states.push(state);
  expect(await own.collection.build({ vectors }, { onProgress })).toEqual({
    inserted: 699,
    replaced: 1,
  });
  expect(states.at(-1)).toMatchObject({ phase: 'insert', done: 700, total: 700 });
  const more = randomVectors(5, 4, 3).map((vector, i) => ({ id: `s${i}`, vector }));
  expect(await own.collection.ingest(streamed(more), { batchSize: 2 })).toEqual({
    inserted: 5,
    replaced: 0,
  });
  expect(await own.collection.count()).toBe(705);
});

test('what is more than memory holds lists and arrays of is inserted behind the rest', async () => {
  await using own = await fixture({ dimension: 1, m: 2, efConstruction: 8 });
  const vectors = randomVectors(COUNT, 1, 2);
  const controller = new AbortController();
  const { signal } = controller;
  const phases = new Set<string>();
  const onProgress = ({ phase }: BulkState): void => {
    phases.add(phase);
    if (phase === 'insert') controller.abort();
  };
  await expect(
    own.collection.build({ vectors: flat(vectors) }, { signal, onProgress }),
  ).rejects.toMatchObject({ code: 'ABORTED' });
  expect(phases).toContain('graph');
  const count = await own.collection.count();
  expect(count).toBeGreaterThan(10_000);
  expect(count).toBeLessThan(COUNT);
  expect((await own.collection.get(count - 1, { include: ['vector'] }))?.vector).toEqual(
    vectors[count - 1],
  );
  expect(await own.collection.has(count)).toBe(false);
  expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
});

test('the same vectors and seed give the same files', async () => {
  const images: string[] = [];
  for (let round = 0; round < 2; round++) {
    const own = await fixture({ dimension: 12 });
    await own.collection.build({ vectors: flat(randomVectors(800, 12, 9)) });
    await own.db.close();
    const names = own.fileSystem.list('/db/lsm').filter((name) => name.endsWith('.table'));
    const hash = ['/db/data.pages', ...names.map((name) => `/db/lsm/${name}`)].map((path) => {
      const file = own.fileSystem.open(path, 'read');
      const bytes = Buffer.alloc(file.size());
      file.readInto(bytes, 0);
      file.close();
      return `${path} ${bytes.toString('base64')}`;
    });
    images.push(hash.join('\n'));
  }
  expect(images[0] === images[1]).toBe(true);
});

test('an abort in any phase leaves an empty collection that can be used', async () => {
  const vectors = flat(randomVectors(2500, 16, 6));
  const metadata = Array.from({ length: 2500 }, (_, n) => ({ n }));
  for (const wanted of ['read', 'order', 'graph', 'repair', 'pages', 'tables']) {
    const own = await fixture({ dimension: 16 });
    const controller = new AbortController();
    const onProgress = ({ phase }: BulkState): void => {
      if (phase === wanted) controller.abort();
    };
    const { signal } = controller;
    const error = await own.collection.build({ vectors, metadata }, { signal, onProgress }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    // The last report of a phase may come when nothing looks at the signal any more.
    if (error !== undefined) {
      expect(isDatabaseError(error) && error.code, wanted).toBe('ABORTED');
      expect(await own.collection.count()).toBe(0);
      expect((await own.db.stats()).disk.pageBytes).toBe(0);
      await own.collection.build({ vectors: vectors.subarray(0, 1600) });
      expect(await own.collection.count()).toBe(100);
    } else {
      expect(['tables', 'pages', 'repair']).toContain(wanted);
    }
    expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
    await own.db.close();
  }
});

test('an error of the stream leaves nothing, files included', async () => {
  await using own = await fixture();
  const broken = (async function* (): AsyncGenerator<RecordInput> {
    yield { id: 1, vector: [1, 2, 3, 4] };
    throw new Error('the stream broke');
  })();
  await expect(own.collection.ingest(broken)).rejects.toThrow('the stream broke');
  const wrong = [
    { id: 1, vector: [1, 2, 3, 4] },
    { id: 2, vector: [1] },
  ];
  await expect(own.collection.ingest(wrong)).rejects.toThrow('records[1]');
  expect(own.fileSystem.list('/db').filter((name) => name.includes('ingest'))).toEqual([]);
  expect(await own.collection.count()).toBe(0);
});

test('arguments are refused before anything is done', async () => {
  await using own = await fixture();
  const { collection } = own;
  const vectors = new Float32Array(8);
  await expect(collection.build({ vectors: new Float32Array(7) })).rejects.toThrow('multiple of 4');
  await expect(collection.build({ vectors, ids: [1] })).rejects.toThrow('ids: expected 2');
  await expect(collection.build({ vectors, ids: [1, 1.5] })).rejects.toThrow('ids[1]');
  const bad = new Float32Array(8).fill(Number.NaN, 4);
  await expect(collection.build({ vectors: bad })).rejects.toThrow('vectors[1][0]');
  expect(await collection.count()).toBe(0);
});

test('beside another collection, whose records stay', async () => {
  await using own = await fixture();
  await own.collection.upsert(randomVectors(50, 4, 1).map((vector, id) => ({ id, vector })));
  const second = await own.db.collection('second', { dimension: 4, metric: 'l2', exactBelow: 0 });
  await second.build({ vectors: flat(randomVectors(300, 4, 2)) });
  await own.collection.upsert({ id: 'more', vector: [1, 1, 1, 1] });
  await own.db.compact();
  expect(await own.collection.count()).toBe(51);
  expect(await second.count()).toBe(300);
  expect(await second.get(299)).toBeDefined();
  expect(await own.db.check()).toMatchObject({ ok: true, problems: [] });
});

test('opening reads no more for many records', async () => {
  const inner = new MemoryFileSystem();
  const db = await open('/db', { fileSystem: inner, memoryBytes: SMALL_MEMORY });
  const collection = await db.collection('things', { dimension: 8 });
  await collection.build({ vectors: flat(randomVectors(4000, 8, 2)) });
  await db.close();
  const fileSystem = new CountingFileSystem(inner);
  const again = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  expect((await again.collection('things')).info().vectors).toBe(4000);
  await again.close();
});

test.each([8, 100, 1_000])(
  'records that cross the window of their file are whole (ids of %i)',
  async (length) => {
    await using world = await fixture<{ i: number }>({ dimension: 1 });
    const { collection, db } = world;
    const records = Array.from({ length: 5_000 }, (_, i) => ({
      id: `${i}`.padEnd(length, '-'),
      vector: [i],
      ...(i % 3 === 0 ? { metadata: { i } } : {}),
    }));
    await collection.ingest(records);
    const found = await collection.getMany(records.map(({ id }) => id));
    const wrong = records.filter(({ id, metadata }, i) => {
      return found[i]?.id !== id || found[i]?.metadata?.i !== metadata?.i;
    });
    expect(wrong).toEqual([]);
    expect(await db.check()).toMatchObject({ ok: true });
  },
);

test('searches find their way from one to the other of many small clusters', async () => {
  const [count, clusters, dimension] = [6000, 200, 24];
  const centres = randomVectors(clusters, dimension, 11);
  const near = (seed: number) =>
    randomVectors(count, dimension, seed).map((offset, i) =>
      offset.map((x, d) => centres[(i * 7919) % clusters][d] + 0.02 * x),
    );
  await using own = await fixture({ dimension, metric: 'l2', exactBelow: 0 });
  await own.collection.build({ vectors: flat(near(12)) });
  expect(await recall(own.collection, near(13).slice(0, 200), 40)).toBeGreaterThan(0.97);
});
