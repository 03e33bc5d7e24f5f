/** What `export` writes as JSON lines, `import` stores again: every kind of record, as it was. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CollectionOptions,
  type Json,
  open,
  type RecordInput,
  type StoredRecord,
} from '../../src/index.ts';
import { tempDir } from '../temp-dir.ts';
import { stratavecHere } from './stratavec.ts';

/** JSON knows one zero only. */
const number = fc
  .float({ min: -100, max: 100, noNaN: true })
  .map((value) => (value === 0 ? 1 : value));

function vector(dimension: number): fc.Arbitrary<number[]> {
  return fc.array(number, { minLength: dimension, maxLength: dimension });
}

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const id = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

/** Of a collection with a default space or without, and the named spaces `a` and `b`. */
function records(dimension: number): fc.Arbitrary<RecordInput<Json>[]> {
  const own = dimension === 0 ? fc.constant(undefined) : vector(dimension);
  const record = fc.record(
    {
      id,
      vector: own,
      vectors: fc.record({ a: vector(2), b: vector(3) }, { requiredKeys: [] }),
      metadata: fc.jsonValue({ maxDepth: 2 }).map((json): Json => JSON.parse(JSON.stringify(json))),
      text,
      namespace: text,
      ttlSeconds: fc.integer({ min: 1000, max: 100_000 }),
    },
    { requiredKeys: ['id'] },
  );
  return fc.array(record, { minLength: 1, maxLength: 8 });
}

async function stored(directory: string): Promise<StoredRecord<Json>[]> {
  const database = await open(directory, { readOnly: true });
  try {
    const collection = await database.collection<Json>('notes');
    const all: StoredRecord<Json>[] = [];
    for await (const record of collection.scan()) all.push(record);
    return all;
  } finally {
    await database.close();
  }
}

async function create(
  directory: string,
  options: CollectionOptions,
  given: readonly RecordInput<Json>[],
): Promise<void> {
  const database = await open(directory, { durability: 'none' });
  const collection = await database.collection<Json>('notes', options);
  for (const record of given) await collection.upsert(record);
  await database.close();
}

/** A time to live is counted anew from the import: the end is the same but for the clock's steps in between. */
function withoutEnd({ expiresAt, ...rest }: StoredRecord<Json>): object {
  return { ...rest, expires: expiresAt !== undefined };
}

test('every kind of record comes back as it was', async () => {
  const given = fc
    .constantFrom(0, 3)
    .chain((dimension) =>
      fc.record({ dimension: fc.constant(dimension), list: records(dimension) }),
    );
  await using temp = await tempDir();
  const [source, target] = [join(temp.path, 'source'), join(temp.path, 'target')];
  const file = join(temp.path, 'records.jsonl');
  await fc.assert(
    fc.asyncProperty(given, async ({ dimension, list }) => {
      for (const path of [source, target, file]) await rm(path, { recursive: true, force: true });
      const vectors = { a: { dimension: 2 }, b: { dimension: 3, metric: 'dot' } } as const;
      const own = dimension === 0 ? {} : { dimension };
      const options: CollectionOptions = { ...own, metric: 'l2', vectors };
      await create(source, options, list);
      await create(target, options, []);
      expect(await stratavecHere('export', source, file)).toMatchObject({ code: 0, err: '' });
      expect(await stratavecHere('import', target, file, '--no-embed')).toMatchObject({ err: '' });
      const [before, after] = [await stored(source), await stored(target)];
      expect(after.map(withoutEnd)).toEqual(before.map(withoutEnd));
      for (const [i, { expiresAt = 0 }] of after.entries()) {
        expect(Math.abs(expiresAt - (before[i].expiresAt ?? 0))).toBeLessThan(5000);
      }
    }),
    { numRuns: 15 },
  );
});

test('a new collection gets its dimension from the first vector, though others come before', async () => {
  await using temp = await tempDir();
  const [source, target] = [join(temp.path, 'source'), join(temp.path, 'target')];
  const file = join(temp.path, 'records.jsonl');
  const list: RecordInput<Json>[] = [
    { id: 1, metadata: { only: 'metadata' } },
    { id: 2 },
    { id: 3, text: 'only text' },
    { id: 4, vector: [1, 2, 3] },
  ];
  await create(source, { dimension: 3 }, list);
  expect(await stratavecHere('export', source, file)).toMatchObject({ code: 0, err: '' });
  const options = ['--no-embed', '-c', 'notes'];
  expect(await stratavecHere('import', target, file, ...options)).toMatchObject({ err: '' });
  expect(await stored(target)).toEqual(await stored(source));
});
