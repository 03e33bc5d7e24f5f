/** Indexed fields as options and as calls; `check` compares their entries with the records. */
import { expect, test } from 'vitest';
import { type Collection, open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { SMALL_MEMORY } from './fixtures.ts';

const OPTIONS = { memoryBytes: SMALL_MEMORY, durability: 'os' } as const;
const VECTORS = { dimension: 2, metric: 'l2' } as const;

interface Meta {
  year?: number | string | null;
  tags?: unknown;
  author?: { name: string };
  'author.name'?: string;
}

async function fill(things: Collection<Meta>, from: number, to: number): Promise<void> {
  const records = Array.from({ length: to - from }, (_, i) => {
    const id = from + i;
    const tags = id % 3 === 0 ? [`t${id % 5}`, 't9', 't9'] : `t${id % 5}`;
    const metadata: Meta = { year: id % 7 === 0 ? null : 1990 + (id % 40), tags };
    if (id % 2 === 0) metadata.author = { name: `a${id % 11}` };
    return { id, vector: [id, -id], metadata };
  });
  await things.upsert(records);
}

test('fields are given at creation, kept, and refused when they differ', async () => {
  const fileSystem = new MemoryFileSystem();
  let db = await open('/db', { ...OPTIONS, fileSystem });
  const fields = { year: 'number', 'author.name': 'keyword' } as const;
  const things = await db.collection('things', { ...VECTORS, fields });
  expect(things.info().fields).toEqual(fields);
  await db.close();
  db = await open('/db', { ...OPTIONS, fileSystem });
  expect((await db.collection('things')).info().fields).toEqual(fields);
  await db.collection('things', { fields: { year: 'number' } });
  await expect(db.collection('things', { fields: { year: 'keyword' } })).rejects.toThrow(/year/);
  await expect(db.collection('things', { fields: { age: 'number' } })).rejects.toThrow(/addField/);
  for (const wrong of [{ year: 'text' }, { '': 'number' }, { $year: 'number' }, [], 'year']) {
    const given = wrong as unknown as Record<string, 'number'>;
    await expect(db.collection('x', { ...VECTORS, fields: given })).rejects.toThrow(/fields/);
  }
  await db.close();
});

test('entries follow inserts, updates and deletions', async () => {
  const db = await open('/db', { ...OPTIONS, fileSystem: new MemoryFileSystem() });
  const fields = { year: 'number', tags: 'keyword', 'author.name': 'keyword' } as const;
  const things = await db.collection<Meta>('things', { ...VECTORS, fields });
  await fill(things, 0, 120);
  await things.delete([3, 5, 7]);
  await things.update(8, { metadata: { year: 'long ago', tags: null, 'author.name': 'b' } });
  await things.update(9, { vector: [0, 0] });
  await things.upsert({ id: 10, vector: [1, 1] });
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await db.close();
});

test('a bulk build fills the indexes', async () => {
  const db = await open('/db', { ...OPTIONS, fileSystem: new MemoryFileSystem() });
  const things = await db.collection('things', { ...VECTORS, fields: { year: 'number' } });
  const metadata = Array.from({ length: 50 }, (_, i) => ({ year: i % 4 }));
  await things.build({ vectors: Float32Array.from({ length: 100 }, (_, i) => i), metadata });
  await things.update(7, { metadata: { year: 8 } });
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await db.close();
});

test('a field is added beside writes, and dropped', async () => {
  const fileSystem = new MemoryFileSystem();
  const db = await open('/db', { ...OPTIONS, fileSystem });
  const things = await db.collection<Meta>('things', VECTORS);
  await fill(things, 0, 1300);
  const added = things.addField('year', 'number');
  await things.delete([1, 1200]);
  expect(things.info().fieldsBuilding).toEqual(['year']);
  await things.update(2, { metadata: { year: 7 } });
  await things.update(1250, { metadata: { year: 7 } });
  await added;
  expect(things.info()).toMatchObject({ fields: { year: 'number' }, fieldsBuilding: [] });
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await things.addField('year', 'number');
  await expect(things.addField('year', 'date')).rejects.toThrow(/dropField/);
  await things.addField('tags', 'keyword');
  expect(await things.dropField('year')).toBe(true);
  expect(await things.dropField('year')).toBe(false);
  expect(things.info().fields).toEqual({ tags: 'keyword' });
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await things.addField('year', 'date');
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await db.close();
});

test('what was begun before the database was closed is finished at the next opening', async () => {
  const fileSystem = new MemoryFileSystem();
  let db = await open('/db', { ...OPTIONS, fileSystem });
  const things = await db.collection<Meta>('things', VECTORS);
  await fill(things, 0, 1300);
  await things.addField('tags', 'keyword');
  const added = things.addField('year', 'number');
  const dropped = things.dropField('tags');
  const ends = Promise.allSettled([added, dropped]);
  while (things.info().fields.year === undefined) await new Promise(setImmediate);
  await db.close();
  const [end] = await ends;
  expect(end).toMatchObject({ reason: { code: 'DATABASE_CLOSED' } });
  db = await open('/db', { ...OPTIONS, fileSystem });
  const again = await db.collection<Meta>('things');
  while (again.info().fieldsBuilding.length > 0) await new Promise(setImmediate);
  expect(again.info().fields.year).toBe('number');
  expect(await db.check()).toMatchObject({ ok: true, problems: [] });
  await db.close();
});
