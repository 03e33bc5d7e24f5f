/**
 * Short histories of one collection against the simplest model that could be right: a Map from id to
 * what was stored. Shared by the model, crash and fault tests.
 */
import { expect } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Collection, CollectionOptions, Database, RecordInput } from '../../src/index.ts';

export interface Stored {
  readonly vector: Float32Array;
  readonly metadata: { readonly n: number };
}

export type Model = ReadonlyMap<number, Stored>;

/** A write: how it changes the collection, and how the model. */
export interface Write {
  readonly name: string;
  run(collection: Collection<Stored['metadata']>): Promise<unknown>;
  apply(model: Model): Model;
}

export const DIMENSION = 8;

/** A graph of few edges, walked by every search; on 1-bit codes from 16 vectors on. Its field is indexed. */
export const HISTORY_OPTIONS: CollectionOptions = {
  dimension: DIMENSION,
  metric: 'l2',
  exactBelow: 0,
  m: 4,
  codes: 'bit',
  fields: { n: 'number' },
};

/** The same with a named vector space without codes, in which two thirds of the records have a vector. */
export const TWIN_OPTIONS: CollectionOptions = {
  ...HISTORY_OPTIONS,
  vectors: { twin: { dimension: 5, metric: 'cosine', codes: 'none' } },
};

/** What a record with that metadata has in the space `twin`. */
export function twinOf(n: number): Float32Array | undefined {
  return n % 3 === 0 ? undefined : vectorOf(n + 0.5).slice(0, 5);
}

function hasTwin(collection: Collection<Stored['metadata']>): boolean {
  return 'twin' in collection.info().namedVectors;
}

export function vectorOf(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: DIMENSION }, () => random() * 2 - 1);
}

/** Stores records with ids from `from` on, all different by `seed`. */
export function upsert(from: number, count: number, seed: number): Write {
  const records = recordsOf(from, count, seed);
  return {
    name: `upsert ${from}..${from + count - 1} (seed ${seed})`,
    run: (collection) => collection.upsert(hasTwin(collection) ? withTwins(records) : records),
    apply: (model) => withAll(model, records),
  };
}

/** The same by `build`: at once, if nothing was ever stored. */
export function build(from: number, count: number, seed: number): Write {
  const records = recordsOf(from, count, seed);
  const vectors = new Float32Array(count * DIMENSION);
  for (const [i, { vector }] of records.entries()) vectors.set(vector, i * DIMENSION);
  const ids = records.map(({ id }) => id);
  const metadata = records.map((record) => record.metadata);
  return {
    name: `build ${from}..${from + count - 1} (seed ${seed})`,
    run: (collection) =>
      hasTwin(collection)
        ? collection.ingest(withTwins(records))
        : collection.build({ vectors, ids, metadata }),
    apply: (model) => withAll(model, records),
  };
}

function withTwins(records: readonly ({ id: number } & Stored)[]): RecordInput<{ n: number }>[] {
  return records.map((record) => ({ ...record, vectors: { twin: twinOf(record.metadata.n) } }));
}

function recordsOf(from: number, count: number, seed: number): ({ id: number } & Stored)[] {
  return Array.from({ length: count }, (_, i) => {
    const n = seed * 1000 + from + i;
    return { id: from + i, vector: vectorOf(n), metadata: { n } };
  });
}

function withAll(model: Model, records: readonly ({ id: number } & Stored)[]): Model {
  const next = new Map(model);
  for (const { id, vector, metadata } of records) next.set(id, { vector, metadata });
  return next;
}

export function remove(ids: readonly number[]): Write {
  return {
    name: `delete ${ids.join(', ')}`,
    run: (collection) => collection.delete(ids),
    apply: (model) => new Map([...model].filter(([id]) => !ids.includes(id))),
  };
}

/** Everything that can be asked of the database agrees with the model. */
export async function expectEqual(
  db: Database,
  collection: Collection<Stored['metadata']>,
  model: Model,
): Promise<void> {
  const report = await db.check();
  expect(report.problems).toEqual([]);
  const stored = new Map<number, Stored>();
  for await (const { id, vector, metadata } of collection.scan()) {
    stored.set(id as number, {
      vector: vector as Float32Array,
      metadata: metadata as { n: number },
    });
  }
  expect(new Map([...stored].sort(byId))).toEqual(new Map([...model].sort(byId)));
  expect(await collection.count()).toBe(model.size);
  for (const [id, { vector }] of model) {
    const [nearest] = await collection.search({ vector, k: 1, exact: true });
    expect(nearest).toMatchObject({ id, distance: 0 });
  }
  const [first] = model.values();
  const all = await collection.search({ vector: first?.vector ?? vectorOf(1), k: 1000 });
  expect(all.map(({ id }) => id as number).sort((a, b) => a - b)).toEqual(
    [...model.keys()].sort((a, b) => a - b),
  );
  if (hasTwin(collection)) await expectTwins(collection, model);
}

/** Every record is found by its vector in the named space, and only those that have one. */
async function expectTwins(
  collection: Collection<Stored['metadata']>,
  model: Model,
): Promise<void> {
  const ids: number[] = [];
  const vectorName = 'twin';
  for (const [id, { metadata }] of model) {
    const twin = twinOf(metadata.n);
    const stored = await collection.get(id, { include: ['vector'] });
    expect(stored?.vectors).toEqual(twin && { twin });
    if (twin === undefined) continue;
    ids.push(id);
    const [nearest] = await collection.search({ vector: twin, vectorName, k: 1, exact: true });
    expect(nearest.id).toBe(id);
    expect(nearest.distance).toBeCloseTo(0, 5);
  }
  expect(collection.info().namedVectors.twin.vectors).toBe(ids.length);
  const all = await collection.search({ vector: [1, 1, 1, 1, 1], vectorName, k: 1000 });
  expect(all.map((hit) => hit.id as number).sort((a, b) => a - b)).toEqual(
    ids.sort((a, b) => a - b),
  );
}

function byId(a: readonly [number, unknown], b: readonly [number, unknown]): number {
  return a[0] - b[0];
}
