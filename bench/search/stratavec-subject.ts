/** stratavec through its public API, as a user has it. */
import { type Collection, type Database, type Hit, open } from '../../src/index.ts';
import { flattenNumbers } from '../harness/report.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import {
  type Build,
  type IndexOptions,
  type Load,
  NO_HIT,
  type Round,
  type Searcher,
  type Subject,
} from './subject.ts';

const batchRecords = 100;
const durability = 'sync';

type DatabaseStats = Awaited<ReturnType<Database['stats']>>;

interface Opened {
  readonly database: Database;
  readonly collection: Collection;
}

export class StratavecSubject implements Subject {
  readonly #options: Omit<IndexOptions, 'load'>;
  readonly #load: Load;
  readonly #vectors: readonly Float32Array[];

  constructor({ load = 'upsert', ...options }: IndexOptions, queries: Vectors) {
    this.#options = options;
    this.#load = load;
    this.#vectors = Array.from({ length: queries.rows }, (_, row) => vectorAt(queries, row));
  }

  async openEmpty(
    directory: string,
    memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Readonly<Record<string, string | number | boolean>>> {
    const { database, collection } = await this.#open(directory, memoryBytes);
    measure();
    const { name, records, vectors, namedVectors, ...described } = collection.info();
    const { fields, fieldsBuilding, ...options } = described;
    const { memory } = await database.stats();
    await database.close();
    return { ...options, memoryBytes: memory.budgetBytes, durability };
  }

  async build(directory: string, base: Vectors): Promise<Build> {
    const { database, collection } = await this.#open(directory, undefined);
    const isBulk = this.#load === 'build';
    const insertMs = isBulk
      ? await buildAtOnce(collection, base)
      : await upsertAll(collection, base);
    const statistics = figuresOf(await database.stats());
    const start = performance.now();
    await database.close();
    return {
      insertSeconds: insertMs / 1000,
      closeSeconds: (performance.now() - start) / 1000,
      config: { durability, batchRecords: isBulk ? base.rows : batchRecords, callers: 1 },
      statistics,
    };
  }

  async open(directory: string, memoryBytes: number | undefined): Promise<Searcher> {
    return new StratavecSearcher(await this.#open(directory, memoryBytes), this.#vectors);
  }

  async #open(directory: string, memoryBytes: number | undefined): Promise<Opened> {
    const database = await open(directory, { durability, memoryBytes });
    // The graph is what is measured: never the exact scan of a small collection.
    const collection = await database.collection('bench', { ...this.#options, exactBelow: 0 });
    return { database, collection };
  }
}

async function upsertAll(collection: Collection, base: Vectors): Promise<number> {
  let insertMs = 0;
  for (let first = 0; first < base.rows; first += batchRecords) {
    const batch = recordsFrom(base, first, Math.min(first + batchRecords, base.rows));
    const start = performance.now();
    await collection.upsert(batch);
    insertMs += performance.now() - start;
  }
  return insertMs;
}

async function buildAtOnce(collection: Collection, base: Vectors): Promise<number> {
  const vectors = Float32Array.from(base.values);
  const start = performance.now();
  await collection.build({ vectors });
  return performance.now() - start;
}

function recordsFrom(
  base: Vectors,
  first: number,
  end: number,
): { id: number; vector: Float32Array }[] {
  const records: { id: number; vector: Float32Array }[] = [];
  for (let row = first; row < end; row++) records.push({ id: row, vector: vectorAt(base, row) });
  return records;
}

/** Every figure by its path; trees by their names, all levels together. */
function figuresOf({ trees, ...rest }: DatabaseStats): Record<string, number> {
  const treeBytes = trees.map(({ name, levels }) => [
    name,
    levels.reduce((sum, { bytes }) => sum + bytes, 0),
  ]);
  return flattenNumbers({ ...rest, treeBytes: Object.fromEntries(treeBytes) });
}

class StratavecSearcher implements Searcher {
  readonly #opened: Opened;
  readonly #vectors: readonly Float32Array[];

  constructor(opened: Opened, vectors: readonly Float32Array[]) {
    this.#opened = opened;
    this.#vectors = vectors;
  }

  async searchAll(k: number, ef: number): Promise<Round> {
    const { collection } = this.#opened;
    const vectors = this.#vectors;
    const answers: Hit[][] = new Array(vectors.length);
    const latenciesMs = new Float64Array(vectors.length);
    const start = performance.now();
    for (let query = 0; query < vectors.length; query++) {
      const before = performance.now();
      answers[query] = await collection.search({ vector: vectors[query], k, ef });
      latenciesMs[query] = performance.now() - before;
    }
    const seconds = (performance.now() - start) / 1000;
    return { ...layOut(answers, k), latenciesMs, seconds };
  }

  async countAll(k: number, ef: number): Promise<Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {};
    for (const vector of this.#vectors) {
      const { stats } = await this.#opened.collection.searchWithStats({ vector, k, ef });
      for (const [name, value] of Object.entries(stats)) {
        if (typeof value === 'number') sums[name] = (sums[name] ?? 0) + value;
      }
    }
    return sums;
  }

  async statistics(): Promise<Readonly<Record<string, number>>> {
    return figuresOf(await this.#opened.database.stats());
  }

  close(): Promise<void> {
    return this.#opened.database.close();
  }
}

function layOut(answers: readonly Hit[][], k: number): Pick<Round, 'ids' | 'distances'> {
  const ids = new Uint32Array(answers.length * k).fill(NO_HIT);
  const distances = new Float64Array(answers.length * k).fill(Number.POSITIVE_INFINITY);
  for (const [query, hits] of answers.entries()) {
    for (const [i, { id, distance }] of hits.entries()) {
      ids[query * k + i] = Number(id);
      distances[query * k + i] = distance;
    }
  }
  return { ids, distances };
}
