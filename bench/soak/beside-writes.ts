/**
 * The writes of a round in which others read: what a caller can do to two collections, one after the other or a few at
 * once, and what it makes of the states of the model.
 */
import type { Random } from '../../src/base/random.ts';
import {
  type Collection,
  type CollectionOptions,
  type Database,
  isDatabaseError,
} from '../../src/index.ts';
import { type Item, type Items, keyOf, livingIn, Past, type State } from './beside-model.ts';
import { below, pick } from './engine-random.ts';

export const NAMES = ['left', 'right'] as const;
export const NAMESPACES = ['', 'x'] as const;

/** Few slots a page, so that few vectors are many pages. */
export const DIMENSION = 100;
export const TWIN_DIMENSION = 3;
/** In each namespace. */
export const IDS = 200;

/** Values of `n` are smaller. */
export const N_MAX = 20;

/** Writes under way at once. */
const TOGETHER = 3;

type Things = Collection<{ n: number }>;
type Change = (items: Map<string, Item>) => void;

export function randomVector(random: Random, dimension: number): Float32Array {
  return Float32Array.from({ length: dimension }, () => random() * 2 - 1);
}

export class Writes {
  readonly past: Past;
  /** Of each collection, that which was made last. */
  readonly things: Things[] = [];
  readonly counts: Map<string, number> = new Map();
  /** By it records expire. */
  clock = 1_000_000;
  readonly #random: Random;
  readonly #options: CollectionOptions;
  #database: Database;
  readonly #running = new Set<Promise<unknown>>();
  #failure: unknown;

  constructor(random: Random, database: Database, options: CollectionOptions) {
    this.#random = random;
    this.#database = database;
    this.#options = {
      ...options,
      dimension: DIMENSION,
      metric: 'l2',
      vectors: { twin: { dimension: TWIN_DIMENSION, metric: 'l2' } },
    };
    this.past = new Past({ collections: [new Map(), new Map()], clock: this.clock });
  }

  /** Makes both collections, with records. */
  async begin(): Promise<void> {
    for (const i of [0, 1]) this.things[i] = await this.#make(i);
    for (const i of [0, 1]) await this.#ingest(i);
  }

  /** One write, which may be under way when it resolves. */
  async step(): Promise<void> {
    const kinds = [
      ...Array<() => Promise<void>>(10).fill(() => this.#upsert()),
      ...Array<() => Promise<void>>(4).fill(() => this.#delete()),
      ...Array<() => Promise<void>>(3).fill(() => this.#update()),
      ...Array<() => Promise<void>>(2).fill(() => this.#deleteSelected()),
      ...Array<() => Promise<void>>(3).fill(() => this.#transaction()),
      () => this.#refused(),
      () => this.#ingest(this.#which()),
      () => this.#build(),
      () => this.#clear(),
      () => this.#drop(),
      () => this.#field(),
      () => this.#wait(),
    ];
    await pick(this.#random, kinds)();
    while (this.#running.size >= TOGETHER) await Promise.race(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for all writes that are under way. */
  async drain(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #which(): number {
    return below(this.#random, 2);
  }

  #make(i: number): Promise<Things> {
    return this.#database.collection<{ n: number }>(NAMES[i], this.#options);
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** The state behind the last one, with other contents of some collections. */
  #next(changes: readonly (readonly [collection: number, items: Items])[]): State {
    const collections = [...this.past.last.collections];
    for (const [i, items] of changes) collections[i] = items;
    return { collections, clock: this.clock };
  }

  #changed(i: number, change: Change): Items {
    const living = livingIn(this.past.last, i).map(
      (item) => [keyOf(item.namespace, item.id), item] as const,
    );
    const items = new Map(living);
    change(items);
    return items;
  }

  /** A write of one commit, which goes on beside the next ones. */
  #start(what: string, next: State, run: () => Promise<unknown>): void {
    this.#count(what);
    const state = this.past.begin(next);
    const running = run().then(
      () => this.past.end(state),
      (error) => {
        this.#failure ??= error;
      },
    );
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  /** The same by itself. */
  async #alone(what: string, next: () => State, run: () => Promise<unknown>): Promise<void> {
    await this.drain();
    this.#start(what, next(), run);
    await this.drain();
  }

  #items(most: number): Item[] {
    const random = this.#random;
    const items = new Map<string, Item>();
    const count = 1 + below(random, most);
    for (let i = 0; i < count; i++) {
      const namespace = pick(random, NAMESPACES);
      const id = below(random, IDS);
      const vector = random() < 0.95 ? randomVector(random, DIMENSION) : undefined;
      const twin = random() < 0.5 ? randomVector(random, TWIN_DIMENSION) : undefined;
      const expiresAt = random() < 0.2 ? this.clock + 1000 * (1 + below(random, 5)) : undefined;
      items.set(keyOf(namespace, id), {
        namespace,
        id,
        vector,
        twin,
        n: below(random, N_MAX),
        expiresAt,
      });
    }
    return [...items.values()];
  }

  #record({ namespace, id, vector, twin, n, expiresAt }: Item) {
    const ttlSeconds = expiresAt === undefined ? undefined : (expiresAt - this.clock) / 1000;
    return { namespace, id, vector, vectors: { twin }, metadata: { n }, ttlSeconds };
  }

  #put(items: readonly Item[]): Change {
    return (all) => {
      for (const item of items) all.set(keyOf(item.namespace, item.id), item);
    };
  }

  async #upsert(): Promise<void> {
    const i = this.#which();
    const items = this.#items(40);
    const records = items.map((item) => this.#record(item));
    const next = this.#next([[i, this.#changed(i, this.#put(items))]]);
    this.#start('upsert', next, () => this.things[i].upsert(records));
  }

  async #delete(): Promise<void> {
    const i = this.#which();
    const namespace = pick(this.#random, NAMESPACES);
    const ids = Array.from({ length: 1 + below(this.#random, 15) }, () => below(this.#random, IDS));
    const next = this.#next([
      [i, this.#changed(i, (all) => ids.forEach((id) => void all.delete(keyOf(namespace, id))))],
    ]);
    this.#start('delete', next, () => this.things[i].delete(ids, { namespace }));
  }

  async #deleteSelected(): Promise<void> {
    const i = this.#which();
    const namespace = this.#random() < 0.5 ? pick(this.#random, NAMESPACES) : undefined;
    const least = below(this.#random, 4);
    const change: Change = (all) => {
      for (const [key, item] of all) {
        if (item.n < least && (namespace ?? item.namespace) === item.namespace) all.delete(key);
      }
    };
    const filter = { n: { $lt: least } };
    const target = namespace === undefined ? { filter } : { filter, namespace };
    const next = this.#next([[i, this.#changed(i, change)]]);
    this.#start('delete by filter', next, () => this.things[i].delete(target));
  }

  async #update(): Promise<void> {
    const i = this.#which();
    const [{ namespace, id, vector, twin, n }] = this.#items(1);
    const key = keyOf(namespace, id);
    const isBare = this.#random() < 0.3;
    const change: Change = (all) => {
      const item = all.get(key);
      if (item === undefined) return;
      all.set(key, {
        ...item,
        n,
        twin: isBare ? undefined : (twin ?? item.twin),
        vector: isBare ? item.vector : (vector ?? item.vector),
      });
    };
    const changes = isBare ? { vectors: { twin: null } } : { vector, vectors: { twin } };
    const next = this.#next([[i, this.#changed(i, change)]]);
    this.#start('update', next, () =>
      this.things[i].update(id, { metadata: { n }, ...changes }, { namespace }),
    );
  }

  /** An insertion that fails at its end. */
  async #refused(): Promise<void> {
    await this.drain();
    const i = this.#which();
    const there = livingIn(this.past.last, i)[0];
    if (there === undefined) return;
    this.#count('refused');
    const fresh = this.#items(30).map((item) => ({ ...this.#record(item), id: item.id + 1e6 }));
    const { namespace, id } = there;
    const error = await this.things[i]
      .insert([...fresh, { namespace, id }])
      .catch((reason) => reason);
    if (!isDatabaseError(error) || error.code !== 'ALREADY_EXISTS') throw error;
  }

  /** Of both collections. */
  async #transaction(): Promise<void> {
    await this.drain();
    const items = this.#items(10);
    const gone = this.#items(10).filter(
      ({ namespace, id }) => !items.some((item) => item.namespace === namespace && item.id === id),
    );
    const isUndone = this.#random() < 0.3;
    const change: Change = (all) => {
      this.#put(items)(all);
      for (const { namespace, id } of gone) all.delete(keyOf(namespace, id));
    };
    const both = [0, 1].map((i) => [i, this.#changed(i, change)] as const);
    const state = isUndone ? undefined : this.past.begin(this.#next(both));
    const undo = new Error('undone');
    const run = this.#database.transaction(async (tx) => {
      for (const name of NAMES) {
        const things = tx.collection(name);
        await things.upsert(items.map((item) => this.#record(item)));
        for (const { namespace, id } of gone) await things.delete(id, { namespace });
      }
      if (isUndone) throw undo;
    });
    await run.catch((error) => {
      if (error !== undo) throw error;
    });
    this.#count(isUndone ? 'transaction undone' : 'transaction');
    if (state !== undefined) this.past.end(state);
  }

  /** At once when the collection is empty, otherwise a batch: one commit, if vectors are in the default space only. */
  async #ingest(i: number): Promise<void> {
    const items = this.#items(250).map((item) => ({ ...item, twin: undefined }));
    const records = items.map((item) => this.#record(item));
    await this.#alone(
      'ingest',
      () => this.#next([[i, this.#changed(i, this.#put(items))]]),
      () => this.things[i].ingest(records),
    );
  }

  async #build(): Promise<void> {
    const i = this.#which();
    const items = Array.from({ length: 1 + below(this.#random, 200) }, (_, id): Item => {
      const vector = randomVector(this.#random, DIMENSION);
      return { namespace: '', id, vector, twin: undefined, n: id % N_MAX, expiresAt: undefined };
    });
    const vectors = Float32Array.from(items.flatMap(({ vector }) => [...(vector ?? [])]));
    const metadata = items.map(({ n }) => ({ n }));
    await this.#alone(
      'build',
      () => this.#next([[i, this.#changed(i, this.#put(items))]]),
      () => this.things[i].build({ vectors, metadata }),
    );
  }

  async #clear(): Promise<void> {
    const i = this.#which();
    await this.#alone(
      'clear',
      () => this.#next([[i, new Map()]]),
      () => this.things[i].clear(),
    );
    if (this.#random() < 0.7) await this.#ingest(i);
  }

  async #drop(): Promise<void> {
    const i = this.#which();
    await this.#alone(
      'drop',
      () => this.#next([[i, undefined]]),
      () => this.#database.dropCollection(NAMES[i]),
    );
    const make = async (): Promise<void> => {
      this.things[i] = await this.#make(i);
    };
    await this.#alone('make', () => this.#next([[i, new Map()]]), make);
    await this.#ingest(i);
  }

  /** Filters are answered by an index, or not. */
  async #field(): Promise<void> {
    await this.drain();
    const things = this.things[this.#which()];
    this.#count('field');
    if ('n' in things.info().fields) await things.dropField('n');
    else await things.addField('n', 'number');
  }

  /** Some records expire. */
  async #wait(): Promise<void> {
    await this.drain();
    this.#count('wait');
    const clock = this.clock + 1 + below(this.#random, 2500);
    const state = this.past.begin({ collections: this.past.last.collections, clock });
    this.clock = clock;
    this.past.end(state);
  }
}
