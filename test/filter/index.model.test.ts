/**
 * Indexes against the filters themselves: whatever the metadata, the fields and the filter, those that are sure to
 * pass do, and those that pass are possible. Records come, change and go, entries are folded and compacted.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Hasher, loadHasher } from '../../src/base/hasher.ts';
import type { Json } from '../../src/base/json.ts';
import { compileCondition } from '../../src/filter/compile-filter.ts';
import { FieldChanges } from '../../src/filter/index-changes.ts';
import {
  compareCodes,
  dateCode,
  FIELD_TYPES,
  type FieldType,
  numberCode,
} from '../../src/filter/index-code.ts';
import { evaluateQuery, type IndexAnswer } from '../../src/filter/index-evaluate.ts';
import { changeFields, type IndexedField } from '../../src/filter/index-fields.ts';
import { queryIndexes } from '../../src/filter/index-query.ts';
import { parseFilter } from '../../src/filter/parse-filter.ts';
import { countRecords, hasRecord, recordsOf } from '../../src/filter/record-set.ts';
import { LsmEngine } from '../../src/lsm/engine.ts';
import { WriteBatch } from '../../src/lsm/write-batch.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { arbitraryFilter, arbitraryMetadata } from './arbitrary-filter.ts';

const TREE = 1;
const COLLECTION = 3;
const trees = [{ id: TREE, name: 'fields', mergeOperator: 'pairs' }] as const;
const hasher: Hasher = await loadHasher();

/** Records of an index, numbered with gaps over two chunks. */
class IndexedRecords {
  readonly records = new Map<number, Json | undefined>();
  readonly #engine: LsmEngine;
  readonly #fields: readonly IndexedField[];

  constructor(engine: LsmEngine, fields: readonly IndexedField[]) {
    this.#engine = engine;
    this.#fields = fields;
  }

  /** One commit; undefined: the record goes. */
  write(changes: readonly (readonly [record: number, metadata: Json | undefined])[]): void {
    const gathered = new FieldChanges(COLLECTION);
    for (const [record, after] of new Map(changes)) {
      const before = this.records.get(record);
      changeFields(this.#fields, { record, before, after }, { changes: gathered, hasher });
      this.records.set(record, after);
    }
    const batch = new WriteBatch();
    for (const { hi, lo, value } of gathered.entries()) batch.merge(TREE, hi, lo, value);
    if (batch.entryCount > 0) this.#engine.write(batch);
  }

  async ask(filter: unknown): Promise<IndexAnswer> {
    const query = queryIndexes(parseFilter(filter), { fields: this.#fields, hasher });
    return await evaluateQuery(query, {
      engine: this.#engine,
      tree: TREE,
      collection: COLLECTION,
      sequence: this.#engine.appliedSequence,
      records: 140_000,
      pause: () => undefined,
    });
  }
}

async function withIndex(
  types: readonly (readonly [path: string, type: FieldType])[],
  run: (index: IndexedRecords, engine: LsmEngine) => Promise<void>,
): Promise<void> {
  const options = { trees, hasher, durability: 'none', memtableBytes: 65_536 } as const;
  const engine = await LsmEngine.open(new MemoryFileSystem(), '/db', {
    ...options,
    blockCacheBytes: 1 << 20,
  });
  const fields = types.map(([path, type], i) => {
    return { number: 2 * i + 2, path, type, state: 'ready' as const };
  });
  try {
    await run(new IndexedRecords(engine, fields), engine);
  } finally {
    await engine.close();
  }
}

const number = fc.oneof(fc.nat(6), fc.integer({ min: 65_530, max: 65_540 }), fc.constant(131_071));
const commit = fc.array(fc.tuple(number, arbitraryMetadata), { minLength: 1, maxLength: 8 });
const field = fc.tuple(fc.constantFrom('a', 'b', 'a.b', 'c'), fc.constantFrom(...FIELD_TYPES));

test('an answer lies between what is sure and what is possible', async () => {
  let exact = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(field, { selector: ([path]) => path, minLength: 1 }),
      fc.array(commit, { minLength: 1, maxLength: 6 }),
      fc.array(arbitraryFilter, { minLength: 8, maxLength: 8 }),
      async (types, commits, filters) => {
        await withIndex(types, async (index, engine) => {
          for (const [i, changes] of commits.entries()) {
            index.write(changes);
            if (i === 2) await engine.checkpoint();
          }
          for (const filter of filters) {
            const passes = compileCondition(parseFilter(filter));
            const { sure, possible } = await index.ask(filter);
            if (sure === possible) exact++;
            for (const [record, metadata] of index.records) {
              if (metadata === undefined) continue;
              const isMatch = passes(metadata);
              const found = [hasRecord(sure, record), hasRecord(possible, record)];
              const expected = [isMatch && found[0], isMatch || found[1]];
              expect([JSON.stringify(filter), metadata, ...found]).toEqual([
                JSON.stringify(filter),
                metadata,
                ...expected,
              ]);
            }
          }
        });
      },
    ),
    { numRuns: 150 },
  );
  expect(exact).toBeGreaterThan(100);
});

test('what an index knows whole is known exactly', async () => {
  const types = [
    ['year', 'number'],
    ['tags', 'keyword'],
    ['open', 'boolean'],
    ['at', 'date'],
  ] as const;
  await withIndex(types, async (index) => {
    const metadata = (i: number): Json => ({
      year: 1990 + (i % 30) / 2 - 7,
      tags: i % 3 === 0 ? [`t${i % 4}`, 't4'] : `t${i % 4}`,
      open: i % 5 === 0,
      at: i % 2 === 0 ? 1e12 + i : `2026-11-${String(1 + (i % 28)).padStart(2, '0')}`,
    });
    index.write(Array.from({ length: 2000 }, (_, i) => [i, metadata(i)] as const));
    index.write(Array.from({ length: 50 }, (_, i) => [i * 3, undefined] as const));
    const filters = [
      { year: 1990 },
      { year: { $gt: 1985.5, $lte: 1991 } },
      { year: { $gte: 1985.5, $lt: 1985.5 } },
      { tags: { $in: ['t1', 't2'] } },
      { tags: { $any: ['t1', 't4'] } },
      { tags: { $all: ['t0', 't4'] } },
      { tags: { $all: [] } },
      { open: true, year: { $exists: true } },
      { $or: [{ open: true }, { tags: 't3' }] },
      { tags: { $type: 'string' }, at: { $type: ['number', 'null'] } },
    ];
    for (const filter of filters) {
      const passes = compileCondition(parseFilter(filter));
      const { sure, possible } = await index.ask(filter);
      expect([filter, sure === possible]).toEqual([filter, true]);
      const living = [...index.records].filter(([, one]) => one !== undefined);
      const expected = living.filter(([, one]) => passes(one)).map(([record]) => record);
      expect([...recordsOf(sure)]).toEqual(expected.sort((a, b) => a - b));
      expect(countRecords(sure)).toBe(expected.length);
    }
    const dates = await index.ask({ at: { $gt: '2026-11-10' } });
    expect(countRecords(dates.possible) - countRecords(dates.sure)).toBeLessThan(80);
  });
});

test('the order of codes is that of numbers, and of strings that are dates or nearly so', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
      const order = Math.sign(compareCodes(numberCode(a), numberCode(b)));
      expect(order).toBe(a === b ? 0 : Math.sign(a > b ? 1 : -1));
    }),
  );
  const part = fc.constantFrom(
    '2026',
    '-',
    '1',
    '09',
    'T',
    ':',
    '.',
    'Z',
    ' ',
    '31',
    'x',
    '+02:00',
  );
  const text = fc.oneof(
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.date({ noInvalidDate: true, min: new Date(0) }).map((date) => date.toISOString()),
    fc.constantFrom('2026-11-21', '2026-11-21T08:00:00', '2026-11-21T08:00:00.5'),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      const order = compareCodes(dateCode(a), dateCode(b));
      if (a < b) expect(order).toBeLessThanOrEqual(0);
      if (a > b) expect(order).toBeGreaterThanOrEqual(0);
      if (a === b) expect(order).toBe(0);
    }),
    { numRuns: 2000 },
  );
  expect(dateCode('2026-11-21T08:00:00.001')).not.toEqual(dateCode('2026-11-21T08:00:00.002'));
});
