/** A build that is cut into shards is what a build in one piece is: whole, found, in one commit, within memory. */
import { expect, test } from 'vitest';
import { type BulkState, type Collection, type Metric, open } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { randomVectors, SMALL_MEMORY } from './fixtures.ts';
import { openSharded } from './sharded.ts';

function flat(vectors: readonly Float32Array[]): Float32Array {
  const dimension = vectors[0]?.length ?? 0;
  const all = new Float32Array(vectors.length * dimension);
  for (let i = 0; i < vectors.length; i++) all.set(vectors[i], i * dimension);
  return all;
}

/** Share of the true ten nearest that narrow searches find. */
async function recall(collection: Collection, queries: readonly Float32Array[]): Promise<number> {
  let found = 0;
  for (const vector of queries) {
    const exact = await collection.search({ vector, k: 10, exact: true });
    const hits = await collection.search({ vector, k: 10, ef: 20 });
    found += hits.filter(({ distance }) => distance <= exact[9].distance).length;
  }
  return found / (10 * queries.length);
}

function imageOf(fileSystem: MemoryFileSystem): string {
  const names = fileSystem.list('/db/lsm').filter((name) => name.endsWith('.table'));
  const paths = ['/db/data.pages', ...names.map((name) => `/db/lsm/${name}`)];
  return paths
    .map((path) => {
      const file = fileSystem.open(path, 'read');
      const bytes = Buffer.alloc(file.size());
      file.readInto(bytes, 0);
      file.close();
      return `${path} ${bytes.toString('base64')}`;
    })
    .join('\n');
}

const spools = (fileSystem: MemoryFileSystem): string[] =>
  fileSystem.list('/db').filter((name) => name.startsWith('ingest'));

test.each<[number, number, Metric, number]>([
  [2, 3, 'l2', 1],
  [33, 5, 'dot', 7],
  [257, 17, 'l2', 100],
  [900, 16, 'cosine', 130],
  [700, 31, 'dot', 699],
])(
  '%i vectors of %i dimensions, %s, in shards of %i are found whole, reopened and written to',
  async (count, dimension, metric, most) => {
    const vectors = randomVectors(count, dimension, 7);
    const fileSystem = new MemoryFileSystem();
    let { db } = await openSharded(fileSystem, most);
    const options = { dimension, metric, exactBelow: 0 } as const;
    let collection = await db.collection('things', options);
    const result = await collection.build({ vectors: flat(vectors) });
    expect(result).toEqual({ inserted: count, replaced: 0 });
    expect(spools(fileSystem)).toEqual([]);
    for (let round = 0; round < 2; round++) {
      const ids = vectors.map((_, i) => i);
      const records = await collection.getMany(ids, { include: ['vector'] });
      records.forEach((record, i) => {
        expect(record?.vector).toEqual(vectors[i]);
      });
      for (const vector of vectors.slice(0, 5)) {
        const exact = await collection.search({ vector, k: 2, exact: true });
        const hits = await collection.search({ vector, k: 2, ef: 200 });
        expect(hits.map(({ id }) => id)).toEqual(exact.map(({ id }) => id));
      }
      expect(await db.check()).toMatchObject({ ok: true, problems: [] });
      if (round === 1) break;
      await db.close();
      db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
      collection = await db.collection('things');
    }
    const added = randomVectors(40, dimension, 8);
    await collection.upsert(added.map((vector, i) => ({ id: `new ${i}`, vector })));
    expect(await collection.delete([0, 1])).toBe(2);
    expect(await collection.count()).toBe(count + 38);
    await db.flush();
    expect(await db.check()).toMatchObject({ ok: true });
    await db.close();
  },
);

test('recall is close to that of a build in one piece, even of vectors without clusters', async () => {
  const vectors = flat(randomVectors(3000, 24, 3));
  const queries = randomVectors(40, 24, 4);
  const recalls: number[] = [];
  for (const most of [3000, 1800]) {
    const { db } = await openSharded(new MemoryFileSystem(), most, 32 << 20);
    const collection = await db.collection('things', { dimension: 24, exactBelow: 0 });
    await collection.build({ vectors });
    recalls.push(await recall(collection, queries));
    await db.close();
  }
  // Leaders say least about such: of vectors with clusters nothing is lost.
  expect(recalls[1]).toBeGreaterThan(recalls[0] - 0.06);
});

test('records of clusters far apart are found, in one piece and in shards', async () => {
  const COUNT = 2400;
  const centres = randomVectors(20, 16, 5).map((vector) => vector.map((value) => 2 * value));
  const vectors = randomVectors(COUNT, 16, 6).map((vector, i) =>
    vector.map((value, j) => centres[(i * 7) % 20][j] + value / 2),
  );
  for (const most of [COUNT, 1300]) {
    const { db } = await openSharded(new MemoryFileSystem(), most, 32 << 20);
    const collection = await db.collection('things', { dimension: 16, exactBelow: 0 });
    await collection.build({ vectors: flat(vectors) });
    let found = 0;
    for (const [id, vector] of vectors.entries()) {
      const [hit] = await collection.search({ vector, k: 1 });
      if (hit.id === id) found++;
    }
    expect(found).toBeGreaterThan(0.98 * COUNT);
    await db.close();
  }
});

test('equal vectors, which no leader can tell apart, are reached', async () => {
  const vectors = [...randomVectors(20, 8, 1), ...Array(500).fill(new Float32Array(8).fill(1))];
  const { db } = await openSharded(new MemoryFileSystem(), 150);
  const collection = await db.collection('things', { dimension: 8, exactBelow: 0 });
  await collection.build({ vectors: flat(vectors) });
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  const vector = new Float32Array(8).fill(1);
  const hits = await collection.search({ vector, k: 500, ef: 600 });
  const equal = hits.filter(({ distance }) => distance === 0);
  expect(equal.length).toBeGreaterThanOrEqual(490);
  await db.close();
});

test('the same vectors and seed give the same files', async () => {
  const images: string[] = [];
  for (let round = 0; round < 2; round++) {
    const fileSystem = new MemoryFileSystem();
    const { db } = await openSharded(fileSystem, 200);
    const collection = await db.collection('things', { dimension: 13, exactBelow: 0 });
    // Memory that was used before is not clean.
    const other = await db.collection('other', { dimension: 4 });
    if (round === 1) await other.search({ vector: [1, 2, 3, 4] });
    await collection.build({ vectors: flat(randomVectors(800, 13, 9)) });
    await db.close();
    images.push(imageOf(fileSystem));
  }
  expect(images[0] === images[1]).toBe(true);
});

test('more than memory holds is one commit, and memory stays within its budget', async () => {
  const COUNT = 1800;
  const fileSystem = new MemoryFileSystem();
  const { db, memory } = await openSharded(fileSystem, Number.POSITIVE_INFINITY);
  const options = { dimension: 1536, exactBelow: 0 } as const;
  const collection = await db.collection('things', options);
  const phases = new Set<string>();
  let peakBytes = 0;
  let bulkBytes = 0;
  let hasSpooled = false;
  const onProgress = ({ phase }: BulkState): void => {
    phases.add(phase);
    const stats = memory();
    peakBytes = Math.max(peakBytes, stats.totalBytes);
    bulkBytes = Math.max(bulkBytes, stats.bulkBytes);
    hasSpooled ||= spools(fileSystem).length > 0;
  };
  const vectors = flat(randomVectors(COUNT, 1536, 2));
  await collection.build({ vectors }, { onProgress });
  expect(hasSpooled).toBe(true);
  expect([...phases]).toEqual(['read', 'order', 'graph', 'layers', 'repair', 'pages', 'tables']);
  expect(bulkBytes).toBeGreaterThan(20 * COUNT);
  expect(peakBytes).toBeLessThanOrEqual(SMALL_MEMORY);
  expect(memory().bulkBytes).toBe(0);
  expect(await collection.count()).toBe(COUNT);
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await db.close();
});

test('an abort in any phase leaves an empty collection, without files or counted memory', async () => {
  const vectors = flat(randomVectors(1500, 8, 6));
  const metadata = Array.from({ length: 1500 }, (_, n) => ({ n }));
  const ended: string[] = [];
  for (const wanted of ['order', 'graph', 'layers', 'repair', 'pages', 'tables']) {
    const fileSystem = new MemoryFileSystem();
    const { db, memory } = await openSharded(fileSystem, 500);
    const collection = await db.collection('things', { dimension: 8, exactBelow: 0 });
    const controller = new AbortController();
    const onProgress = ({ phase }: BulkState): void => {
      if (phase === wanted) controller.abort();
    };
    const { signal } = controller;
    const error = await collection.build({ vectors, metadata }, { signal, onProgress }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(memory().bulkBytes).toBe(0);
    expect(spools(fileSystem)).toEqual([]);
    if (error !== undefined) {
      expect(error).toMatchObject({ code: 'ABORTED' });
      ended.push(wanted);
      expect(await collection.count()).toBe(0);
      expect((await db.stats()).disk.pageBytes).toBe(0);
      await collection.build({ vectors: vectors.subarray(0, 800) });
      expect(await collection.count()).toBe(100);
    }
    expect(await db.check()).toMatchObject({ ok: true, problems: [] });
    await db.close();
  }
  // The last report of a phase may come when nothing looks at the signal any more.
  expect(ended).toEqual(expect.arrayContaining(['order', 'graph']));
});

test('an error of the spool leaves nothing', async () => {
  const disk = new MemoryFileSystem();
  const faulty = new FaultyFileSystem(disk);
  const { db } = await openSharded(faulty, 100);
  const collection = await db.collection('things', { dimension: 8, exactBelow: 0 });
  const before = faulty.calls;
  // The first call of a build after its checkpoint creates the spool.
  const trace = faulty.trace.length;
  faulty.failCall(before + 1, 'ENOSPC');
  const vectors = flat(randomVectors(300, 8, 2));
  await expect(collection.build({ vectors })).rejects.toThrow();
  expect(faulty.trace.length).toBeGreaterThan(trace);
  expect(spools(disk)).toEqual([]);
  await db.close().catch(() => {});
});
