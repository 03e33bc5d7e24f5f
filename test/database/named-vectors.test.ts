/** Named vector spaces: what is given, kept, changed and taken out by name, beside a default space or without one. */
import { expect, test } from 'vitest';
import { type Collection, type CollectionOptions, inspect, open, repair } from '../../src/index.ts';
import { FaultyFileSystem } from '../../src/storage/faulty-file-system.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { inflict } from '../damage.ts';
import { fixture, SMALL_MEMORY } from './fixtures.ts';
import { expectEqual, type Model, remove, type Stored, TWIN_OPTIONS, upsert } from './history.ts';

const spaces = { title: { dimension: 2 }, body: { dimension: 3, metric: 'dot' } } as const;
const f32 = (...values: number[]): Float32Array => Float32Array.from(values);

test('vectors come back by name, and only those that were given', async () => {
  await using f = await fixture({ vectors: spaces });
  const { collection } = f;
  await collection.upsert([
    { id: 1, vector: [1, 2, 3, 4], vectors: { title: [1, 2], body: [3, 4, 5] } },
    { id: 2, vectors: { body: [6, 7, 8], title: undefined } },
    { id: 3, vector: [4, 3, 2, 1] },
  ]);
  expect(await collection.get(1)).toEqual({
    id: 1,
    namespace: '',
    vector: f32(1, 2, 3, 4),
    vectors: { title: f32(1, 2), body: f32(3, 4, 5) },
  });
  expect(await collection.get(2)).toEqual({
    id: 2,
    namespace: '',
    vectors: { body: f32(6, 7, 8) },
  });
  expect(await collection.get(3)).not.toHaveProperty('vectors');
  expect(await collection.get(1, { include: ['metadata'] })).not.toHaveProperty('vectors');
  const [hit] = await collection.search({ vector: [1, 2, 3, 4], include: ['vector'] });
  expect(hit.vectors).toEqual({ title: f32(1, 2), body: f32(3, 4, 5) });
  const { records, vectors, namedVectors } = collection.info();
  expect({ records, vectors }).toEqual({ records: 3, vectors: 2 });
  // What is left out is as for the collection.
  expect(namedVectors.title).toMatchObject({ dimension: 2, metric: 'l2', vectors: 1, m: 16 });
  expect(namedVectors.body).toMatchObject({ dimension: 3, metric: 'dot', vectors: 2 });
});

test('an update changes vectors by name, null takes them out, and the rest stays', async () => {
  await using f = await fixture({ vectors: spaces });
  const { collection } = f;
  const metadata = { n: 1 };
  const vectors = { title: [1, 2], body: [3, 4, 5] };
  await collection.upsert({ id: 1, vector: [1, 2, 3, 4], vectors, metadata, text: 'a' });
  await collection.update(1, { vectors: { title: [2, 1] } });
  expect(await collection.get(1)).toMatchObject({
    vectors: { title: f32(2, 1), body: f32(3, 4, 5) },
    metadata,
  });
  await collection.update(1, { vectors: { title: null }, vector: null, text: null });
  expect(await collection.get(1)).toEqual({
    id: 1,
    namespace: '',
    vectors: { body: f32(3, 4, 5) },
    metadata,
  });
  await collection.update(1, { metadata: { n: 2 } });
  expect((await collection.get(1))?.vectors).toEqual({ body: f32(3, 4, 5) });
  // An upsert replaces the record whole.
  await collection.upsert({ id: 1, vectors: { title: [5, 5] } });
  expect(await collection.get(1)).toEqual({
    id: 1,
    namespace: '',
    vectors: { title: f32(5, 5) },
  });
  expect((await f.db.check()).problems).toEqual([]);
  expect(await collection.delete(1)).toBe(1);
  const { graph } = await f.db.stats();
  expect(graph.map(({ vectorName, vectors: living }) => [vectorName, living])).toEqual([
    [undefined, 0],
    ['title', 0],
    ['body', 0],
  ]);
});

test('an equal vector changes no graph of any space', async () => {
  await using f = await fixture({ vectors: spaces });
  const record = { id: 1, vector: [1, 2, 3, 4], vectors: { title: [1, 2], body: [3, 4, 5] } };
  await f.collection.upsert(record);
  await f.collection.upsert({ ...record, vectors: { ...record.vectors, title: [2, 2] } });
  const { graph } = await f.db.stats();
  expect(graph.map(({ ghosts }) => ghosts)).toEqual([0, 1, 0]);
});

test('a collection may have named spaces only, or no vectors at all', async () => {
  const fileSystem = new MemoryFileSystem();
  const options = { fileSystem, memoryBytes: SMALL_MEMORY };
  let db = await open('/db', options);
  const named = await db.collection('named', { vectors: spaces, exactBelow: 0, metric: 'l2' });
  const bare = await db.collection('bare', { vectors: {} });
  await named.ingest([
    { id: 1, vectors: { title: [1, 2] } },
    { id: 2, vectors: { title: [2, 2] } },
    { id: 3, metadata: { a: 1 } },
  ]);
  await bare.upsert({ id: 'x', metadata: { a: 1 }, text: 'words' });
  await db.close();
  db = await open('/db', options);
  const again = await db.collection('named');
  expect(again.info()).toMatchObject({ dimension: 0, records: 3, vectors: 0 });
  const hits = await again.search({ vector: [1, 2], vectorName: 'title' });
  expect(hits.map(({ id, distance }) => [id, distance])).toEqual([
    [1, 0],
    [2, 1],
  ]);
  const same = await db.collection('bare');
  expect(await same.get('x')).toMatchObject({ metadata: { a: 1 }, text: 'words' });
  expect(await same.count()).toBe(1);
  await expect(same.search({ vector: [1] })).rejects.toThrow(/no default vector space/);
  await expect(same.upsert({ id: 1, vector: [1] })).rejects.toThrow(/no vectors at all/);
  await expect(again.search({ vector: [1, 2] })).rejects.toThrow(/named spaces: title, body/);
  await expect(again.build({ vectors: f32(1, 2) })).rejects.toThrow(/no default vector space/);
  await expect(db.collection('named', { dimension: 3 })).rejects.toThrow(/created with none/);
  await expect(db.collection('new', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await db.check()).problems).toEqual([]);
  await db.close();
});

test.each<[string, object, RegExp]>([
  ['an unknown space', { id: 1, vectors: { titel: [1, 2] } }, /did you mean 'title'/],
  ['a wrong dimension', { id: 1, vectors: { title: [1] } }, /vectors.title: expected 2 dim/],
  ['no vector', { id: 1, vectors: { title: null } }, /vectors.title: expected a Float32Array/],
  ['an array', { id: 1, vectors: [[1, 2]] }, /vectors: expected an object/],
  ['a prototype', { id: 1, vectors: { constructor: [1, 2] } }, /no vector space 'constructor'/],
])('a record with %s is refused', async (_name, record, message) => {
  await using f = await fixture({ vectors: spaces });
  await expect(f.collection.upsert(record as { id: number })).rejects.toThrow(message);
});

test.each<[string, object, RegExp]>([
  ['an array', { vectors: [] }, /vectors: expected an object/],
  ['no dimension', { dimension: 2, vectors: { a: {} } }, /vectors.a.dimension: needed/],
  ['an empty name', { vectors: { '': { dimension: 1 } } }, /name of a vector space/],
  ['a wrong metric', { vectors: { a: { dimension: 1, metric: 'x' } } }, /vectors.a.metric/],
  ['an unknown option', { vectors: { a: { dimension: 1, metrc: 'l2' } } }, /did you mean 'metric'/],
])('spaces given as %s are refused', async (_name, options, message) => {
  await using f = await fixture();
  await expect(f.db.collection('new', options as CollectionOptions)).rejects.toThrow(message);
});

test('spaces are fixed: a reopening may name them, and not change them', async () => {
  await using f = await fixture({ vectors: spaces });
  await f.db.collection('things', { vectors: { title: { dimension: 2 } } });
  for (const vectors of [{ title: { dimension: 3 } }, { other: { dimension: 2 } }]) {
    const opening = f.db.collection('things', { vectors } as CollectionOptions);
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

type Things = Collection<Stored['metadata']>;
const steps = [upsert(0, 30, 1), 'flush', remove([3, 4, 17]), upsert(20, 20, 2)] as const;

async function filled(fileSystem: FileSystem): Promise<{ model: Model }> {
  const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  const things: Things = await db.collection('things', TWIN_OPTIONS);
  let model: Model = new Map();
  for (const step of steps) {
    if (step === 'flush') await db.flush();
    else {
      await step.run(things);
      model = step.apply(model);
    }
  }
  await db.backup('/backup');
  await db.close();
  return { model };
}

async function expectHolds(fileSystem: FileSystem, path: string, model: Model): Promise<void> {
  const db = await open(path, { fileSystem, memoryBytes: SMALL_MEMORY, createIfMissing: false });
  await expectEqual(db, await db.collection('things'), model);
  await db.close();
}

test('a backup has all spaces; a repair makes them anew; inspect shows them', async () => {
  const fileSystem = new MemoryFileSystem();
  const { model } = await filled(fileSystem);
  await expectHolds(fileSystem, '/backup', model);
  const first = fileSystem.list('/db/lsm').find((name) => name.endsWith('.table'));
  inflict(fileSystem, `/db/lsm/${first}`, { kind: 'delete', from: 0, length: 0 });
  const report = await repair('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
  expect(report).toMatchObject({ wasRebuilt: true });
  await expectHolds(fileSystem, '/db', model);
  let shown = '';
  for await (const line of inspect('/db', { fileSystem })) shown += `${line}\n`;
  expect(shown).toMatch(/vectors "twin", space 2, .*"dimension":5/);
  expect(shown).not.toContain('DAMAGED');
});

test('a crash at any call leaves a prefix of the commits in all spaces', async () => {
  const run = async (fileSystem: FileSystem): Promise<number> => {
    let acknowledged = 0;
    try {
      const db = await open('/db', { fileSystem, memoryBytes: SMALL_MEMORY });
      const things: Things = await db.collection('things', TWIN_OPTIONS);
      for (const step of steps) {
        if (step === 'flush') await db.flush();
        else {
          await step.run(things);
          acknowledged++;
        }
      }
      await db.close();
    } catch {
      // The crash.
    }
    return acknowledged;
  };
  const states: Model[] = [new Map()];
  for (const step of steps) if (step !== 'flush') states.push(step.apply(states.at(-1) as Model));
  const dry = new FaultyFileSystem(new MemoryFileSystem());
  await run(dry);
  for (let call = 1; call <= dry.calls; call += 5) {
    const disk = new MemoryFileSystem();
    const faulty = new FaultyFileSystem(disk);
    faulty.stopAt(call);
    const acknowledged = await run(faulty);
    const left = disk.crash(call, [0, 0.5, 1][call % 3]);
    const db = await open('/db', { fileSystem: left, memoryBytes: SMALL_MEMORY });
    const things: Things = await db.collection('things', TWIN_OPTIONS);
    const ns: string[] = [];
    for await (const { id, metadata } of things.scan()) ns.push(`${id}:${metadata?.n}`);
    const state = states.slice(acknowledged).find((model) => signature(model) === ns.sort().join());
    expect(state, `crash at call ${call}`).toBeDefined();
    await expectEqual(db, things, state as Model);
    await db.close();
  }
});

function signature(model: Model): string {
  const rows = [...model].map(([id, { metadata }]) => `${id}:${metadata.n}`);
  return rows.sort().join();
}
