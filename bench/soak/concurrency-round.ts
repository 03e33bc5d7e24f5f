/**
 * Many callers at once on one database in memory: upserts, deletes, transactions over two collections, reads and
 * searches. Every answer must be that of one commit; at the end the stored state must be that of all commits one after
 * the other, also after a reopening, and each transaction must have read what the commits before its own had written.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';
import { type Collection, type Database, retry } from '../../src/index.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import { openOrdered } from './concurrency-order.ts';
import { below, pick } from './engine-random.ts';
import type { Trial } from './trial.ts';

const CALLERS = 64;
const CALLS = 12;
const IDS = 150;
const DIMENSION = 12;
const NAMES = ['left', 'right'] as const;
const MEMORY_BYTES = 8 << 20;

type Name = (typeof NAMES)[number];
/** By collection and id: which write wrote it. */
type State = Map<string, number>;

/** What one commit read and wrote; undefined: there was none, or it was deleted. */
interface Work {
  readonly reads: Map<string, number | undefined>;
  readonly writes: Map<string, number | undefined>;
}

export interface ConcurrencyTally {
  commits: number;
  conflicts: number;
  searches: number;
  longestSliceMs: number;
}

function vectorOf(write: number): Float32Array {
  const random = seededRandom(write);
  return Float32Array.from({ length: DIMENSION }, () => random() * 2 - 1);
}

function recordOf(id: number, write: number) {
  return { id, vector: vectorOf(write), metadata: { write } };
}

class Round {
  readonly #random: Random;
  readonly #tally: ConcurrencyTally;
  readonly #collections = new Map<Name, Collection>();
  #database: Database | undefined;
  #as: ((work: Work, run: () => Promise<unknown>) => Promise<unknown>) | undefined;
  #writes = 0;

  constructor(random: Random, tally: ConcurrencyTally) {
    this.#random = random;
    this.#tally = tally;
  }

  async run(): Promise<number> {
    const fileSystem = new MemoryFileSystem();
    const durability = pick(this.#random, ['sync', 'os', 'none'] as const);
    const options = { memoryBytes: MEMORY_BYTES, durability };
    const opened = await openOrdered<Work>('/db', fileSystem, options);
    this.#as = (work, run) => opened.as(work, run);
    await this.#use(opened.database);
    await Promise.all(Array.from({ length: CALLERS }, () => this.#caller()));
    const { writes } = await opened.database.stats();
    this.#tally.longestSliceMs = Math.max(this.#tally.longestSliceMs, writes.longestSliceMs);
    const state = replay(opened.order);
    await this.#expect(state);
    await opened.database.close();
    const again = await openOrdered<Work>('/db', fileSystem, options);
    await this.#use(again.database);
    await this.#expect(state);
    await again.database.close();
    this.#tally.commits += opened.order.length;
    return CALLERS * CALLS;
  }

  async #use(database: Database): Promise<void> {
    this.#database = database;
    const options = { dimension: DIMENSION, metric: 'l2', exactBelow: 0, m: 6 } as const;
    for (const name of NAMES) this.#collections.set(name, await database.collection(name, options));
  }

  async #caller(): Promise<void> {
    for (let call = 0; call < CALLS; call++) {
      const kind = this.#random();
      if (kind < 0.3) await this.#upsert();
      else if (kind < 0.4) await this.#delete();
      else if (kind < 0.65) await this.#transfer();
      else if (kind < 0.66) await this.#database?.flush();
      else if (kind < 0.8) await this.#read();
      else await this.#search();
      if (this.#random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #upsert(): Promise<void> {
    const [name, collection] = this.#collection();
    const ids = this.#ids(1 + below(this.#random, 4));
    const records = ids.map((id) => recordOf(id, ++this.#writes));
    const work = newWork();
    for (const { id, metadata } of records) work.writes.set(keyOf(name, id), metadata.write);
    await this.#as?.(work, () => collection.upsert(records));
  }

  async #delete(): Promise<void> {
    const [name, collection] = this.#collection();
    const ids = this.#ids(1 + below(this.#random, 3));
    const work = newWork();
    for (const id of ids) work.writes.set(keyOf(name, id), undefined);
    await this.#as?.(work, () => collection.delete(ids));
  }

  /** Reads some records of both collections, writes some of them, and moves one to the other side. */
  async #transfer(): Promise<void> {
    const ids = this.#ids(3);
    const attempt = async (): Promise<void> => {
      const work = newWork();
      await this.#as?.(work, async () => {
        await this.#database?.transaction(async (tx) => {
          const [left, right] = NAMES.map((name) => tx.collection<{ write: number }>(name));
          for (const id of ids) {
            work.reads.set(keyOf('left', id), (await left.get(id))?.metadata?.write);
            if (this.#random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
          }
          const [moved, written] = ids;
          const write = ++this.#writes;
          await right.upsert(recordOf(moved, write));
          await left.delete(moved);
          await left.upsert(recordOf(written, -write));
          work.writes.set(keyOf('right', moved), write);
          work.writes.set(keyOf('left', moved), undefined);
          work.writes.set(keyOf('left', written), -write);
        });
      });
    };
    const counted = (error: unknown): never => {
      this.#tally.conflicts++;
      throw error;
    };
    await retry(() => attempt().catch(counted), { attempts: 1000, random: this.#random });
  }

  async #read(): Promise<void> {
    const [, collection] = this.#collection();
    const [id] = this.#ids(1);
    const record = await collection.get(id);
    if (record !== undefined) requireWhole(record);
  }

  async #search(): Promise<void> {
    this.#tally.searches++;
    const [, collection] = this.#collection();
    const include = ['vector', 'metadata'] as const;
    const vector = vectorOf(1 + below(this.#random, 1 + this.#writes));
    const hits = await collection.search({ vector, k: 5, include });
    for (const hit of hits) requireWhole(hit);
    const distances = hits.map(({ distance }) => distance);
    if (distances.some((distance, i) => i > 0 && distance < distances[i - 1])) {
      throw new Error(`hits are out of order: ${distances.join(', ')}`);
    }
    if (new Set(hits.map(({ id }) => id)).size < hits.length) throw new Error('a hit comes twice');
  }

  #collection(): [Name, Collection] {
    const name = pick(this.#random, NAMES);
    return [name, this.#collections.get(name) as Collection];
  }

  #ids(count: number): number[] {
    const ids = new Set<number>();
    while (ids.size < count) ids.add(below(this.#random, IDS));
    return [...ids];
  }

  async #expect(state: State): Promise<void> {
    const stored = new Map<string, number>();
    for (const [name, collection] of this.#collections) {
      let count = 0;
      for await (const record of collection.scan()) {
        count++;
        stored.set(keyOf(name, record.id as number), requireWhole(record));
      }
      const counted = await collection.count();
      if (counted !== count) throw new Error(`${name} counts ${counted} records and has ${count}`);
    }
    for (const [key, write] of state) {
      const found = stored.get(key);
      if (found !== write) throw new Error(`${key} has write ${found} instead of ${write}`);
    }
    if (stored.size !== state.size) throw new Error('records came back that were deleted');
    const { problems } = (await this.#database?.check()) ?? { problems: [] };
    if (problems.length > 0) throw new Error(JSON.stringify(problems.slice(0, 5)));
  }
}

/** All commits, one after the other; what a transaction had read must be what is there before it. */
function replay(order: readonly Work[]): State {
  const state: State = new Map();
  for (const { reads, writes } of order) {
    for (const [key, write] of reads) {
      const there = state.get(key);
      if (there !== write) throw new Error(`a commit had read ${key} as ${write}, not as ${there}`);
    }
    for (const [key, write] of writes) {
      if (write === undefined) state.delete(key);
      else state.set(key, write);
    }
  }
  return state;
}

/** The write of a record, whose vector must be of the same write. */
function requireWhole(record: {
  readonly metadata?: unknown;
  readonly vector?: Float32Array;
}): number {
  const { write } = record.metadata as { write: number };
  if (!isDeepStrictEqual(record.vector, vectorOf(write))) {
    throw new Error(`the vector and the metadata of write ${write} do not belong together`);
  }
  return write;
}

function newWork(): Work {
  return { reads: new Map(), writes: new Map() };
}

function keyOf(name: Name, id: number): string {
  return `${name} ${id}`;
}

export async function concurrencyRound(trial: Trial, tally: ConcurrencyTally): Promise<void> {
  trial.operations += await new Round(trial.random, tally).run();
}
