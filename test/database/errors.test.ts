/** What a stranger gets wrong: each mistake has its error, and nothing is lost by it. */
import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { tempDir } from '../temp-dir.ts';
import { fixture, SMALL_MEMORY } from './fixtures.ts';

const V = [1, 2, 3, 4];

describe('wrong arguments', () => {
  const wrong: [what: string, code: string, message: RegExp, record: unknown][] = [
    [
      'a wrong dimension',
      'DIMENSION_MISMATCH',
      /expected 4 dimensions, got 3/,
      { id: 1, vector: [1, 2, 3] },
    ],
    [
      'NaN',
      'INVALID_ARGUMENT',
      /vector\[2\]: expected a finite float32, got NaN/,
      { id: 1, vector: [1, 2, Number.NaN, 4] },
    ],
    [
      'infinity',
      'INVALID_ARGUMENT',
      /finite/,
      { id: 1, vector: [1, 2, 3, Number.POSITIVE_INFINITY] },
    ],
    ['a number beyond float32', 'INVALID_ARGUMENT', /finite/, { id: 1, vector: [1e39, 2, 3, 4] }],
    ['a norm beyond float32', 'INVALID_ARGUMENT', /too large/, { id: 1, vector: [3e38, 2, 3, 4] }],
    ['a string in a vector', 'INVALID_ARGUMENT', /vector\[0\]/, { id: 1, vector: ['1', 2, 3, 4] }],
    [
      'a hole in a vector',
      'INVALID_ARGUMENT',
      /vector\[1\]/,
      { id: 1, vector: [1, undefined, 3, 4] },
    ],
    ['no id', 'INVALID_ARGUMENT', /id/, { vector: V }],
    [
      'an unknown key',
      'INVALID_ARGUMENT',
      /did you mean 'metadata'/,
      { id: 1, vector: V, metdata: {} },
    ],
    [
      'what is not supported yet',
      'INVALID_ARGUMENT',
      /'sparse' is not supported yet/,
      { id: 1, vector: V, sparse: {} },
    ],
    [
      'metadata that is not JSON',
      'INVALID_ARGUMENT',
      /metadata/,
      { id: 1, vector: V, metadata: { f: () => 1 } },
    ],
    [
      'NaN in metadata',
      'INVALID_ARGUMENT',
      /'a' is NaN/,
      { id: 1, vector: V, metadata: { a: Number.NaN } },
    ],
    [
      'a bigint in metadata',
      'INVALID_ARGUMENT',
      /metadata/,
      { id: 1, vector: V, metadata: { a: 1n } },
    ],
    [
      'too much metadata',
      'INVALID_ARGUMENT',
      /65536/,
      { id: 1, vector: V, metadata: 'x'.repeat(65_536) },
    ],
    ['text that is not text', 'INVALID_ARGUMENT', /text/, { id: 1, vector: V, text: 5 }],
    ['null', 'INVALID_ARGUMENT', /expected an object, got null/, null],
  ];

  test.each(wrong)('%s: %s', async (_what, code, message, record) => {
    await using f = await fixture();
    await f.collection.upsert({ id: 'before', vector: V });
    const batch = [{ id: 'good', vector: V }, record as { id: number }];
    const error = await f.collection.upsert(batch).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'DatabaseError', code });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/records\[1\]/);
    expect(await f.collection.count()).toBe(1);
    expect(await f.collection.has('good')).toBe(false);
  });

  test('a mistake behind a long write is refused in its turn, and the order of calls is kept', async () => {
    await using f = await fixture();
    const many = Array.from({ length: 2000 }, (_, id) => ({ id, vector: [id, 1, 2, 3] }));
    const first = f.collection.upsert(many);
    const mistake = f.collection.upsert({ id: 1, vector: [Number.NaN, 0, 0, 0] });
    const last = f.collection.delete([0, 1, 2]);
    await expect(mistake).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await first).toEqual({ inserted: 2000, replaced: 0 });
    expect(await last).toBe(3);
  });

  test('a zero vector has no direction under cosine, as record and as query', async () => {
    await using f = await fixture({ metric: 'cosine' });
    const zero = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(/zero vector/) };
    const stored = f.collection.upsert({ id: 1, vector: [0, 0, 0, 0] });
    await expect(stored).rejects.toMatchObject(zero);
    await expect(f.collection.search({ vector: [0, 0, 0, 0] })).rejects.toMatchObject(zero);
  });

  test.each([
    [{ vector: V, K: 3 }, /unknown option 'K'; did you mean 'k'/],
    [{ vector: V, k: 0 }, /k: expected an integer from 1/],
    [{ vector: V, k: 1.5 }, /k:/],
    [{ vector: V, ef: -1 }, /ef:/],
    [{}, /exactly one of vector, id and vectors/],
    [{ vector: V, id: 1 }, /exactly one of vector, id and vectors/],
    [{ vector: V, filter: { $near: 1 } as never }, /filter/],
    [{ vector: V, include: ['everything'] }, /include/],
    [{ vector: V, signal: 5 }, /signal/],
  ])('search %j is refused', async (options, message) => {
    await using f = await fixture();
    const error = await f.collection.search(options as object).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toMatch(message);
  });

  test.each([
    [{ memoryByte: 1 }, /did you mean 'memoryBytes'/],
    [{ memoryBytes: 1000 }, /8388608 would do/],
    [{ durability: 'fast' }, /expected one of sync, os, none/],
    [{ threads: -1 }, /from 0 to 64/],
    [{ threads: 1.5 }, /from 0 to 64/],
    [5, /expected an object/],
  ])('open with %j is refused', async (options, message) => {
    const error = await open('/db', options as object).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toMatch(message);
  });

  test.each([
    [{ dimension: 0 }, /dimension/],
    [{ dimension: 16_385 }, /16384/],
    [{ dimension: 4, metric: 'euclid' }, /l2, cosine, dot/],
    [{ dimension: 4, fields: { a: 'real' as 'number' } }, /fields\['a'\]: expected/],
    [{ dimensions: 4 }, /did you mean 'dimension'/],
  ])('a collection with %j is refused', async (options, message) => {
    await using f = await fixture();
    const made = f.db.collection('new', options as object);
    const error = await made.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toMatch(message);
    expect(await f.db.collections()).toEqual(['things']);
  });

  test('what a collection was created with cannot be given differently', async () => {
    await using f = await fixture();
    const other = f.db.collection('things', { dimension: 5 });
    await expect(other).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/created with 4, got 5/),
    });
    await expect(f.db.collection('missing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('opening', () => {
  test('a missing database: createIfMissing and readOnly say so', async () => {
    const fileSystem = new MemoryFileSystem();
    for (const options of [{ createIfMissing: false }, { readOnly: true }]) {
      const opened = open('/none', { fileSystem, ...options });
      await expect(opened).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(fileSystem.exists('/none')).toBe(false);
  });

  test('an existing database: errorIfExists says so', async () => {
    await using f = await fixture();
    await f.db.close();
    const again = open('/db', { fileSystem: f.fileSystem, errorIfExists: true });
    await expect(again).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('a second opener in this process is locked out until the first closes', async () => {
    await using dir = await tempDir();
    const first = await open(dir.path, { memoryBytes: SMALL_MEMORY });
    await expect(open(dir.path)).rejects.toMatchObject({ code: 'DATABASE_LOCKED' });
    await first.close();
    const second = await open(dir.path, { memoryBytes: SMALL_MEMORY });
    await second.close();
  });

  test('a reader beside a writer is refused, and may read when the writer is gone', async () => {
    await using dir = await tempDir();
    const writer = await open(dir.path, { memoryBytes: SMALL_MEMORY });
    const beside = open(dir.path, { readOnly: true });
    await expect(beside).rejects.toMatchObject({ code: 'DATABASE_LOCKED' });
    await writer.close();
    const reader = await open(dir.path, { readOnly: true, memoryBytes: SMALL_MEMORY });
    const second = await open(dir.path, { readOnly: true, memoryBytes: SMALL_MEMORY });
    await Promise.all([reader.close(), second.close()]);
  });

  test('a directory that cannot be written gives an IO error', async ({ skip }) => {
    skip(process.getuid?.() === 0, 'root may write everywhere');
    await using dir = await tempDir();
    chmodSync(dir.path, 0o500);
    await expect(open(`${dir.path}/db`)).rejects.toMatchObject({ code: 'IO' });
  });

  test('a path that is a file gives an IO error', async () => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.open('/file', 'create').close();
    await expect(open('/file', { fileSystem })).rejects.toMatchObject({ code: 'IO' });
  });

  test('read-only reads everything and writes nothing', async () => {
    await using f = await fixture();
    await f.collection.upsert({ id: 1, vector: V, text: 't' });
    await f.db.close();
    const before = contents(f.fileSystem as MemoryFileSystem);
    const { fileSystem } = f;
    const db = await open('/db', { fileSystem, readOnly: true, memoryBytes: SMALL_MEMORY });
    const things = await db.collection('things');
    expect((await things.search({ vector: V }))[0].id).toBe(1);
    expect((await things.get(1))?.text).toBe('t');
    await expect(things.upsert({ id: 2, vector: V })).rejects.toMatchObject({ code: 'READ_ONLY' });
    await expect(db.collection('new', { dimension: 2 })).rejects.toMatchObject({
      code: 'READ_ONLY',
    });
    await expect(db.flush()).rejects.toMatchObject({ code: 'READ_ONLY' });
    await db.close();
    expect(contents(f.fileSystem as MemoryFileSystem)).toEqual(before);
  });
});

test('every method of a closed database rejects with DATABASE_CLOSED', async () => {
  await using f = await fixture();
  const { db, collection } = f;
  await db.close();
  await db.close();
  const calls: (() => Promise<unknown>)[] = [
    () => db.collection('things'),
    () => db.collections(),
    () => db.flush(),
    () => db.stats(),
    () => db.check(),
    () => collection.upsert({ id: 1, vector: V }),
    () => collection.insert({ id: 1, vector: V }),
    () => collection.update(1, { text: 'x' }),
    () => collection.delete(1),
    () => collection.get(1),
    () => collection.getMany([1]),
    () => collection.has(1),
    () => collection.count(),
    () => collection.search({ vector: V }),
    () => collection.searchWithStats({ vector: V }),
    () => collection.scan().next(),
  ];
  for (const call of calls) {
    await expect(call(), call.toString()).rejects.toMatchObject({ code: 'DATABASE_CLOSED' });
  }
});

test('close waits for what runs', async () => {
  await using f = await fixture();
  const written = f.collection.upsert({ id: 1, vector: V });
  await f.db.close();
  await expect(written).resolves.toEqual({ inserted: 1, replaced: 0 });
  await using again = await f.reopen();
  expect(await again.collection.has(1)).toBe(true);
});

/** Every file with its bytes. */
function contents(fileSystem: MemoryFileSystem, directory = '/db'): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const name of fileSystem.list(directory)) {
    const path = `${directory}/${name}`;
    try {
      const file = fileSystem.open(path, 'read');
      const bytes = new Uint8Array(file.size());
      file.readInto(bytes, 0);
      file.close();
      files[path] = bytes;
    } catch {
      Object.assign(files, contents(fileSystem, path));
    }
  }
  return files;
}
