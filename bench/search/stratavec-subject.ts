/** stratavec through its public API, as a user has it: by beam width, or by the recall that is wanted. */
import { join } from 'node:path';
import { type Collection, type Database, open, type SearchOptions } from '../../src/index.ts';
import { CountingFileSystem } from '../../src/storage/counting-file-system.ts';
import { NodeFileSystem } from '../../src/storage/node-file-system.ts';
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
  WARM_ROWS,
  WARM_SEARCHES,
} from './subject.ts';

const batchRecords = 100;
const durability = 'sync';

type DatabaseStats = Awaited<ReturnType<Database['stats']>>;

interface Opened {
  readonly database: Database;
  readonly collection: Collection;
  /** When reads are counted. */
  readonly reads: CountingFileSystem | undefined;
}

/** How wide a search is, by a number of the bench's grid. */
type Width = (ef: number) => Pick<SearchOptions, 'ef' | 'recall'>;

export const byWidth: Width = (ef) => ({ ef });

/** The grid from 10 up asks for 0.9 and more, in steps that are about even in what is missing. */
export const byRecall: Width = (ef) => ({ recall: Math.min(1 - 1 / ef, 0.999) });

export class StratavecSubject implements Subject {
  readonly #options: Pick<
    IndexOptions,
    'dimension' | 'metric' | 'm' | 'efConstruction' | 'seed' | 'codes'
  >;
  readonly #load: Load;
  readonly #buildMemoryBytes: number | undefined;
  readonly #countsReads: boolean;
  readonly #warmK: number;
  readonly #vectors: readonly Float32Array[];
  readonly #width: Width;

  constructor(options: IndexOptions, queries: Vectors, width: Width = byWidth) {
    const {
      load = 'upsert',
      buildMemoryBytes,
      countsReads = false,
      warmK = 10,
      ...index
    } = options;
    this.#options = index;
    this.#width = width;
    this.#load = load;
    this.#buildMemoryBytes = buildMemoryBytes;
    this.#countsReads = countsReads;
    this.#warmK = warmK;
    this.#vectors = Array.from({ length: queries.rows }, (_, row) => vectorAt(queries, row));
  }

  async openEmpty(
    directory: string,
    memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Readonly<Record<string, string | number | boolean>>> {
    await this.#warmUp(join(directory, 'warm'), memoryBytes);
    const { database, collection } = await this.#open(directory, memoryBytes);
    measure();
    const { name, records, vectors, namedVectors, ...described } = collection.info();
    const { fields, fieldsBuilding, ...options } = described;
    const { memory } = await database.stats();
    await database.close();
    return { ...options, memoryBytes: memory.budgetBytes, durability };
  }

  async build(directory: string, base: Vectors): Promise<Build> {
    const { database, collection } = await this.#open(directory, this.#buildMemoryBytes);
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
    return new StratavecSearcher(
      await this.#open(directory, memoryBytes),
      this.#vectors,
      this.#width,
    );
  }

  async #warmUp(directory: string, memoryBytes: number | undefined): Promise<void> {
    const opened = await this.#open(directory, memoryBytes);
    const vectors = this.#vectors.slice(0, WARM_ROWS);
    await opened.collection.upsert(vectors.map((vector, id) => ({ id, vector })));
    const searcher = new StratavecSearcher(opened, this.#vectors, this.#width);
    for (let done = 0; done < WARM_SEARCHES; done += this.#vectors.length) {
      await searcher.searchAll(this.#warmK, 2 * this.#warmK);
    }
    await searcher.close();
  }

  async #open(directory: string, memoryBytes: number | undefined): Promise<Opened> {
    const reads = this.#countsReads ? new CountingFileSystem(new NodeFileSystem()) : undefined;
    const database = await open(directory, { durability, memoryBytes, fileSystem: reads });
    // The graph is what is measured: never the exact scan of a small collection.
    const collection = await database.collection('bench', { ...this.#options, exactBelow: 0 });
    return { database, collection, reads };
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
  readonly #width: Width;

  constructor(opened: Opened, vectors: readonly Float32Array[], width: Width) {
    this.#opened = opened;
    this.#vectors = vectors;
    this.#width = width;
  }

  codes(): string {
    return this.#opened.collection.info().codes;
  }

  async searchAll(k: number, ef: number): Promise<Round> {
    const { collection } = this.#opened;
    const vectors = this.#vectors;
    const { ids, distances } = emptyRound(vectors.length, k);
    const width = this.#width(ef);
    const latenciesMs = new Float64Array(vectors.length);
    const start = performance.now();
    for (let query = 0; query < vectors.length; query++) {
      const before = performance.now();
      const hits = await collection.search({ vector: vectors[query], k, ...width });
      latenciesMs[query] = performance.now() - before;
      // At once: hits that are kept are garbage that the collector takes for memory in use.
      for (const [i, { id, distance }] of hits.entries()) {
        ids[query * k + i] = Number(id);
        distances[query * k + i] = distance;
      }
    }
    return { ids, distances, latenciesMs, seconds: (performance.now() - start) / 1000 };
  }

  async countAll(k: number, ef: number): Promise<Readonly<Record<string, number>>> {
    const sums: Record<string, number> = {};
    const width = this.#width(ef);
    for (const vector of this.#vectors) {
      const { stats } = await this.#opened.collection.searchWithStats({ vector, k, ...width });
      for (const [name, value] of Object.entries(stats)) {
        if (typeof value === 'number') sums[name] = (sums[name] ?? 0) + value;
      }
    }
    return sums;
  }

  async statistics(): Promise<Readonly<Record<string, number>>> {
    const { database, reads } = this.#opened;
    const figures = figuresOf(await database.stats());
    if (reads === undefined) return figures;
    const { calls, bytes } = reads.total('read');
    return { ...figures, fileReads: calls, fileBytesRead: bytes };
  }

  close(): Promise<void> {
    return this.#opened.database.close();
  }
}

/** `queries × k`, without a hit. */
function emptyRound(queries: number, k: number): Pick<Round, 'ids' | 'distances'> {
  return {
    ids: new Uint32Array(queries * k).fill(NO_HIT),
    distances: new Float64Array(queries * k).fill(Number.POSITIVE_INFINITY),
  };
}
