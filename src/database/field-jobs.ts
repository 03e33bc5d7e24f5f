/**
 * Makes and removes indexes of fields of a collection that has records: in commits of a few hundred records
 * each, beside other writes. What is under way is written in the catalog, so that the next opening goes on
 * with it.
 *
 * While a field is 'building', every write keeps its entries as if it were there, and the job adds those of
 * all records: entries are a set, so that it does not matter which came first, or whether they come twice.
 */

import { DatabaseError, isDatabaseError } from '../errors.ts';
import type { FieldType } from '../filter/index-code.ts';
import { elementsOf, type IndexedField } from '../filter/index-fields.ts';
import { decodeBody } from './body.ts';
import { writeCatalogEntry } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { findField, withField } from './field-options.ts';
import { RecordFields } from './record-fields.ts';
import type { SessionHost } from './session-host.ts';
import { BODIES_TREE, FIELDS_TREE } from './trees.ts';
import { invalid } from './validate.ts';
import type { WritePlan } from './write-plan.ts';

/** Records of one commit of a build; keys of one commit that drops. A few ms each. */
const RECORDS_PER_COMMIT = 500;
const KEYS_PER_COMMIT = 1000;

type Fields = readonly IndexedField[];

export class FieldJobs {
  readonly #session: SessionHost;
  #isStopped = false;
  /** Jobs, one after the other; never rejects. */
  #tail: Promise<void> = Promise.resolve();

  constructor(session: SessionHost) {
    this.#session = session;
  }

  /** Within `modify`. Resolves when the index is in use. */
  async add(store: CollectionStore, path: string, type: FieldType): Promise<void> {
    await this.#change(store, (fields) => {
      const field = findField(fields, path);
      if (field === undefined) return withField(fields, { path, type, state: 'building' });
      if (field.type === type) return fields;
      throw invalid(`addField: '${path}' is there as ${field.type}; dropField removes it`);
    });
    await this.#enqueue(store);
  }

  /** Within `modify`. False when there is none. Resolves when no entry is left of it. */
  async drop(store: CollectionStore, path: string): Promise<boolean> {
    let isThere = false;
    await this.#change(store, (fields) => {
      const dropped = findField(fields, path);
      isThere = dropped !== undefined;
      return fields.map((field) => (field === dropped ? { ...field, state: 'dropping' } : field));
    });
    await this.#enqueue(store);
    return isThere;
  }

  /** Goes on in the background with what an earlier opening of the database began. */
  resume(stores: Iterable<CollectionStore>): void {
    for (const store of stores) {
      if (store.entry.fields.every(({ state }) => state === 'ready')) continue;
      this.#enqueue(store).catch((error: unknown) => {
        if (this.#isStopped) return;
        const isKnown = isDatabaseError(error);
        this.#session.options.onWarning(isKnown ? error : new Error(String(error)));
      });
    }
  }

  /** Ends the job under way after its commit; none begins any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#tail;
  }

  #enqueue(store: CollectionStore): Promise<void> {
    const job = this.#tail.then(() => this.#work(store));
    this.#tail = job.catch(() => {});
    return job;
  }

  /** Until every field is ready. */
  async #work(store: CollectionStore): Promise<void> {
    for (;;) {
      const { fields } = store.entry;
      const building = fields.filter(({ state }) => state === 'building');
      const dropping = fields.find(({ state }) => state === 'dropping');
      if (dropping !== undefined) await this.#dropEntries(store, dropping);
      else if (building.length > 0) await this.#build(store, building);
      else return;
    }
  }

  async #build(store: CollectionStore, building: Fields): Promise<void> {
    for (let next: number | undefined = 0; next !== undefined; ) {
      const from: number = next;
      next = await this.#commit(store, async (plan) =>
        this.#indexSome(store, { building, from }, plan),
      );
    }
    const numbers = new Set(building.map(({ number }) => number));
    await this.#change(store, (fields) =>
      fields.map((field) =>
        numbers.has(field.number) && field.state === 'building'
          ? {
              ...field,
              state: 'ready',
              readySince: this.#session.stores.engine.appliedSequence + 1,
            }
          : field,
      ),
    );
  }

  /** Adds the entries of some records; returns where to go on, undefined at the end. */
  #indexSome(
    store: CollectionStore,
    { building, from }: { readonly building: Fields; readonly from: number },
    plan: WritePlan,
  ): number | undefined {
    const { engine, hasher } = this.#session.stores;
    const { collection } = store.entry;
    const changes = new RecordFields(collection, building, hasher);
    const range = { fromHi: collection, toHi: collection, fromLo: from, toLo: 0xffffffff };
    const scan = engine.scan(BODIES_TREE, { ...range, sequence: plan.sequence });
    let next: number | undefined;
    try {
      for (let count = 0; next === undefined && scan.next(); count++) {
        const { metadata: after } = decodeBody(scan.value);
        changes.change(scan.lo, { before: undefined, after });
        if (count === RECORDS_PER_COMMIT && scan.lo < 0xffffffff) next = scan.lo + 1;
      }
    } finally {
      scan.close();
    }
    changes.writeTo(plan.batch);
    return next;
  }

  async #dropEntries(store: CollectionStore, field: IndexedField): Promise<void> {
    const { engine } = this.#session.stores;
    const numbers = { first: field.number, last: elementsOf(field) };
    for (let isDone = false; !isDone; ) {
      isDone = await this.#commit(store, async (plan) => {
        const scan = engine.scan(FIELDS_TREE, {
          ...keysOf(store, numbers),
          sequence: plan.sequence,
        });
        try {
          for (let count = 0; count < KEYS_PER_COMMIT; count++) {
            if (!scan.next()) return true;
            plan.batch.delete(FIELDS_TREE, scan.hi, scan.lo);
          }
          return false;
        } finally {
          scan.close();
        }
      });
    }
    await this.#change(store, (fields) => fields.filter(({ number }) => number !== field.number));
  }

  /** A commit that writes the catalog, when `next` gives other fields. */
  async #change(store: CollectionStore, next: (fields: Fields) => Fields): Promise<void> {
    await this.#commit(store, async (plan) => {
      const fields = next(store.entry.fields);
      if (isSame(fields, store.entry.fields)) return;
      writeCatalogEntry(plan.batch, { ...store.entry, fields });
      plan.afterCommit(() => {
        store.entry.fields = fields;
      });
    });
  }

  async #commit<T>(store: CollectionStore, work: (plan: WritePlan) => Promise<T>): Promise<T> {
    if (this.#isStopped) {
      const message = 'the database was closed; the change of its fields goes on when it is opened';
      throw new DatabaseError('DATABASE_CLOSED', message);
    }
    return await this.#session.write(store, work);
  }
}

function isSame(a: Fields, b: Fields): boolean {
  return a.length === b.length && a.every((field, i) => field === b[i]);
}

function keysOf(
  { entry: { collection } }: CollectionStore,
  { first, last }: { readonly first: number; readonly last: number },
): { fromHi: number; toHi: number; fromLo: number; toLo: number } {
  const hi = (number: number): number => ((collection << 8) | number) >>> 0;
  return { fromHi: hi(first), toHi: hi(last), fromLo: 0, toLo: 0xffffffff };
}
