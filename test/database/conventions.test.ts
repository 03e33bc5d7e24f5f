/** Conventions that hold for every call, as far as no test of one call shows them. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { type Collection, type Database, isDatabaseError } from '../../src/index.ts';
import { fixture } from './fixtures.ts';

const vector = [1, 2, 3, 4];

/** Every method that may touch the disk. */
function calls(db: Database, collection: Collection): Record<string, () => Promise<unknown>> {
  return {
    collection: () => db.collection('things'),
    collections: () => db.collections(),
    dropCollection: () => db.dropCollection('things'),
    renameCollection: () => db.renameCollection('things', 'others'),
    snapshot: () => db.snapshot(),
    transaction: () => db.transaction(async () => {}),
    flush: () => db.flush(),
    compact: () => db.compact(),
    stats: () => db.stats(),
    check: () => db.check(),
    backup: () => db.backup('/elsewhere'),
    upsert: () => collection.upsert({ id: 1, vector }),
    insert: () => collection.insert({ id: 1, vector }),
    update: () => collection.update(1, { text: 'x' }),
    delete: () => collection.delete(1),
    clear: () => collection.clear(),
    build: () => collection.build({ vectors: Float32Array.from(vector) }),
    ingest: () => collection.ingest([{ id: 1, vector }]),
    get: () => collection.get(1),
    getMany: () => collection.getMany([1]),
    has: () => collection.has(1),
    count: () => collection.count(),
    search: () => collection.search({ vector }),
    searchWithStats: () => collection.searchWithStats({ vector }),
    searchMany: () => collection.searchMany([{ vector }]),
    distance: () => collection.distance(1, 1),
    scan: () => collection.scan().next(),
    addField: () => collection.addField('year', 'number'),
    dropField: () => collection.dropField('year'),
  };
}

test('every method of a closed database rejects with DATABASE_CLOSED, and none throws at once', async () => {
  const f = await fixture();
  const all = calls(f.db, f.collection);
  await f.db.close();
  for (const [name, call] of Object.entries(all)) {
    await expect(call(), name).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  }
});

test('a wrong argument is a rejection too, of a DatabaseError', async () => {
  await using f = await fixture();
  const { db, collection } = f;
  const wrong = undefined as never;
  const bad: (() => Promise<unknown>)[] = [
    () => db.collection(wrong),
    () => db.dropCollection(wrong),
    () => db.renameCollection('things', wrong),
    () => db.backup(wrong),
    () => db.transaction(wrong),
    () => collection.upsert(wrong),
    () => collection.insert(wrong),
    () => collection.update(1, wrong),
    () => collection.delete(wrong),
    () => collection.build(wrong),
    () => collection.ingest(wrong),
    () => collection.get(wrong),
    () => collection.getMany(wrong),
    () => collection.search(wrong),
    () => collection.searchMany(wrong),
    () => collection.distance(1, wrong),
    () => collection.scan({ limit: -1 }).next(),
  ];
  for (const call of bad) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(isDatabaseError(error), `${call}: ${String(error)}`).toBe(true);
    expect(error, call.toString()).toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
});

test('1 and 1n are one record, "1" is another; an id comes back as it was last written', async () => {
  await using f = await fixture();
  const { collection } = f;
  await collection.upsert({ id: 1, vector });
  expect(await collection.upsert({ id: 1n, vector })).toEqual({ inserted: 0, replaced: 1 });
  expect((await collection.get(1))?.id).toBe(1n);
  await collection.update(1, { text: 'x' });
  expect((await collection.get(1))?.id).toBe(1n);
  expect(await collection.upsert({ id: '1', vector })).toEqual({ inserted: 1, replaced: 0 });
  const [first, second] = await collection.search({ vector });
  expect([first.id, second.id]).toEqual([1n, '1']);
  expect(await collection.getMany(['1', 2, 1])).toMatchObject([{ id: '1' }, undefined, { id: 1n }]);
  await expect(collection.insert({ id: 1, vector })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  expect(await collection.delete([1n, 1, 3])).toBe(1);
});

test('vectors come out as fresh arrays, and what is given may be changed after the call', async () => {
  await using f = await fixture();
  const given = Float32Array.from(vector);
  const metadata = { list: [1] };
  const written = f.collection.upsert({ id: 1, vector: given, metadata });
  given.fill(9);
  metadata.list.push(2);
  await written;
  const record = await f.collection.get(1);
  expect(record).toMatchObject({ vector: Float32Array.from(vector), metadata: { list: [1] } });
  record?.vector?.fill(0);
  const query = Float32Array.from(vector);
  const found = f.collection.search({ vector: query, include: ['vector'] });
  query.fill(100);
  const [hit] = await found;
  expect(hit.distance).toBe(0);
  expect(hit.vector).toEqual(Float32Array.from(vector));
});

test('what an update makes too large is refused, and the record stays', async () => {
  await using f = await fixture();
  const metadata = { a: 'x'.repeat(40_000), b: { c: 1, d: 2 } };
  await f.collection.upsert({ id: 1, vector, metadata });
  const large = f.collection.update(1, { metadata: { e: 'x'.repeat(40_000) } });
  await expect(large).rejects.toThrow(/at most 65536 bytes/);
  await f.collection.update(1, { metadata: { a: null, b: { c: null, e: 3 } } });
  expect((await f.collection.get(1))?.metadata).toEqual({ b: { d: 2, e: 3 } });
});

test('not found is undefined, false or a smaller count; no match is no hit', async () => {
  await using f = await fixture();
  const { collection } = f;
  expect(await collection.get(1)).toBeUndefined();
  expect(await collection.getMany([1, 2])).toEqual([undefined, undefined]);
  expect(await collection.has(1)).toBe(false);
  expect(await collection.update(1, { text: 'x' })).toBe(false);
  expect(await collection.delete([1, 2])).toBe(0);
  expect(await collection.clear()).toBe(0);
  expect(await collection.search({ vector })).toEqual([]);
  expect(await f.db.dropCollection('none')).toBe(false);
});

test('the package is an ES module that can be required', () => {
  const library = createRequire(import.meta.url)('stratavec') as Record<string, unknown>;
  expect(Object.keys(library)).toEqual(
    expect.arrayContaining(['open', 'repair', 'restore', 'retry', 'isDatabaseError']),
  );
});
