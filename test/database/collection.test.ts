import { expect, test } from 'vitest';
import { fixture, randomVectors } from './fixtures.ts';

const [A, B, C] = randomVectors(3, 4, 1);

test('what is stored comes back whole, and again after a reopen', async () => {
  await using first = await fixture();
  const record = { id: 'a', vector: A, metadata: { n: 1, deep: [null, 'x'] }, text: 'words' };
  expect(await first.collection.upsert(record)).toEqual({ inserted: 1, replaced: 0 });
  const expected = { id: 'a', namespace: '', vector: A, metadata: record.metadata, text: 'words' };
  expect(await first.collection.get('a')).toEqual(expected);
  await using second = await first.reopen();
  expect(await second.collection.get('a')).toEqual(expected);
  expect(await second.db.check()).toMatchObject({ ok: true, counts: { records: 1, vectors: 1 } });
});

test('upsert replaces whole records and keeps one record an id', async () => {
  await using f = await fixture();
  await f.collection.upsert({ id: 1, vector: A, metadata: { old: true }, text: 'old' });
  expect(await f.collection.upsert({ id: 1n, vector: B })).toEqual({ inserted: 0, replaced: 1 });
  expect(await f.collection.get(1)).toEqual({ id: 1n, namespace: '', vector: B });
  expect(await f.collection.count()).toBe(1);
  expect((await f.collection.search({ vector: A, k: 5 })).map(({ id }) => id)).toEqual([1n]);
  expect((await f.db.check()).problems).toEqual([]);
});

test('the last of several records with one id wins', async () => {
  await using f = await fixture();
  const records = [
    { id: 'x', vector: A },
    { id: 'y', vector: B },
    { id: 'x', vector: C },
  ];
  expect(await f.collection.upsert(records)).toEqual({ inserted: 2, replaced: 0 });
  expect((await f.collection.get('x'))?.vector).toEqual(C);
});

test('insert refuses ids that are there or are repeated, and then stores nothing', async () => {
  await using f = await fixture();
  await f.collection.insert({ id: 'there', vector: A });
  const batch = [
    { id: 'new', vector: B },
    { id: 'there', vector: C },
  ];
  await expect(f.collection.insert(batch)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  const repeated = [batch[0], batch[0]];
  await expect(f.collection.insert(repeated)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(await f.collection.has('new')).toBe(false);
  expect(await f.collection.count()).toBe(1);
  expect((await f.collection.search({ vector: B, k: 5 })).length).toBe(1);
  expect((await f.db.check()).problems).toEqual([]);
});

test('update changes what is given and merges metadata', async () => {
  await using f = await fixture();
  await f.collection.upsert({ id: 'a', vector: A, metadata: { keep: 1, drop: 2 }, text: 't' });
  expect(await f.collection.update('a', { metadata: { drop: null, add: 3 } })).toBe(true);
  expect(await f.collection.get('a')).toMatchObject({
    vector: A,
    metadata: { keep: 1, add: 3 },
    text: 't',
  });
  expect(await f.collection.update('a', { vector: B, text: 'u' })).toBe(true);
  expect(await f.collection.get('a')).toMatchObject({
    vector: B,
    metadata: { keep: 1, add: 3 },
    text: 'u',
  });
  expect(await f.collection.update('nobody', { text: 'x' })).toBe(false);
  expect((await f.collection.search({ vector: B }))[0].distance).toBe(0);
});

test('an equal vector changes no graph', async () => {
  await using f = await fixture();
  await f.collection.upsert([
    { id: 'a', vector: A },
    { id: 'b', vector: B },
  ]);
  await f.collection.upsert({ id: 'a', vector: A.slice(), text: 'new' });
  await f.collection.update('a', { vector: A });
  const { graph } = await f.db.stats();
  expect(graph[0]).toMatchObject({ vectors: 2, ghosts: 0 });
});

test('deleted records are gone from every answer, and gone after a reopen', async () => {
  await using f = await fixture();
  await f.collection.upsert([A, B, C].map((vector, id) => ({ id, vector })));
  expect(await f.collection.delete([0, 0, 7])).toBe(1);
  expect(await f.collection.delete(1)).toBe(1);
  await using again = await f.reopen();
  expect(await again.collection.get(0)).toBeUndefined();
  expect(await again.collection.has(1)).toBe(false);
  expect(await again.collection.count()).toBe(1);
  expect((await again.collection.search({ vector: A, k: 10 })).map(({ id }) => id)).toEqual([2]);
  expect((await again.db.check()).problems).toEqual([]);
});

test('everything can be deleted, and the collection goes on', async () => {
  await using f = await fixture();
  const vectors = randomVectors(60, 4, 3);
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  expect(await f.collection.delete(vectors.map((_, id) => id))).toBe(60);
  expect(await f.collection.search({ vector: A })).toEqual([]);
  await f.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
  for (const [id, vector] of vectors.entries()) {
    expect((await f.collection.search({ vector, k: 1 }))[0].id).toBe(id);
  }
  expect((await f.db.check()).problems).toEqual([]);
});

test('a record needs no vector; it is then never a hit', async () => {
  await using f = await fixture();
  await f.collection.upsert([
    { id: 'text', text: 'only' },
    { id: 'vector', vector: A },
  ]);
  expect(await f.collection.get('text')).toEqual({ id: 'text', namespace: '', text: 'only' });
  expect((await f.collection.search({ vector: A })).map(({ id }) => id)).toEqual(['vector']);
  await f.collection.update('text', { vector: B });
  expect((await f.collection.search({ vector: A })).length).toBe(2);
  await f.collection.upsert({ id: 'vector' });
  expect((await f.collection.search({ vector: A })).map(({ id }) => id)).toEqual(['text']);
  expect((await f.db.check()).problems).toEqual([]);
});

test('getMany answers in order; get includes what is asked for', async () => {
  await using f = await fixture();
  await f.collection.upsert({ id: 'a', vector: A, metadata: { m: 1 }, text: 't' });
  const [first, second] = await f.collection.getMany(['nobody', 'a'], { include: ['text'] });
  expect(first).toBeUndefined();
  expect(second).toEqual({ id: 'a', namespace: '', text: 't' });
});

test('a scan gives records in the order of their first storing, and goes on behind one', async () => {
  await using f = await fixture();
  const vectors = randomVectors(30, 4, 5);
  await f.collection.upsert(vectors.map((vector, id) => ({ id: `r${id}`, vector })));
  await f.collection.delete('r3');
  await f.collection.upsert({ id: 'r1', vector: A });
  const ids: unknown[] = [];
  for await (const record of f.collection.scan({ after: 'r0', limit: 4, include: [] })) {
    expect(record.vector).toBeUndefined();
    ids.push(record.id);
  }
  expect(ids).toEqual(['r1', 'r2', 'r4', 'r5']);
  const lost = f.collection.scan({ after: 'r3' }).next();
  await expect(lost).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a scan sees the commit that was the last one when it began', async () => {
  await using f = await fixture();
  await f.collection.upsert([A, B, C].map((vector, id) => ({ id, vector })));
  const scan = f.collection.scan();
  const first = await scan.next();
  await f.collection.delete([1, 2]);
  await f.collection.upsert({ id: 3, vector: A });
  await f.db.flush();
  const rest: unknown[] = [];
  for await (const { id, vector } of scan) rest.push([id, vector]);
  expect(first.value?.id).toBe(0);
  expect(rest).toEqual([
    [1, B],
    [2, C],
  ]);
});

test('namespaces part ids, searches and counts', async () => {
  await using f = await fixture();
  await f.collection.upsert([
    { id: 1, vector: A },
    { id: 1, vector: B, namespace: 'x' },
    { id: 2, vector: A, namespace: 'x' },
    { id: 1, vector: C, namespace: 'y' },
  ]);
  expect((await f.collection.get(1, { namespace: 'x' }))?.vector).toEqual(B);
  expect(await f.collection.count()).toBe(4);
  expect(await f.collection.count({ namespace: 'x' })).toBe(2);
  expect(await f.collection.count({ namespace: '' })).toBe(1);
  const found = async (namespace?: string): Promise<string[]> => {
    const hits = await f.collection.search({
      vector: A,
      k: 9,
      ...(namespace !== undefined && { namespace }),
    });
    return hits.map((hit) => `${hit.namespace}/${hit.id}`).sort();
  };
  expect(await found()).toEqual(['/1', 'x/1', 'x/2', 'y/1']);
  expect(await found('x')).toEqual(['x/1', 'x/2']);
  expect(await found('')).toEqual(['/1']);
  expect(await found('z')).toEqual([]);
  expect(await f.collection.delete({ namespace: 'x' })).toBe(2);
  expect(await found('x')).toEqual([]);
  expect(await f.collection.delete(1, { namespace: 'y' })).toBe(1);
  expect(await found()).toEqual(['/1']);
  expect((await f.db.check()).problems).toEqual([]);
});

test('collections are apart and are listed', async () => {
  await using f = await fixture();
  const other = await f.db.collection('other', { dimension: 2, metric: 'dot' });
  await other.upsert({ id: 'a', vector: [1, 2] });
  await f.collection.upsert({ id: 'a', vector: A });
  expect(await f.db.collections()).toEqual(['other', 'things']);
  expect((await other.get('a'))?.vector).toEqual(Float32Array.of(1, 2));
  expect(other.info()).toMatchObject({ name: 'other', dimension: 2, metric: 'dot', records: 1 });
  await using again = await f.reopen();
  expect(await (await again.db.collection('other')).count()).toBe(1);
});
