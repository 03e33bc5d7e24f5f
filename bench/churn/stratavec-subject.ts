/** stratavec through its public API: `upsert` and `delete` in batches, durability sync, one caller. */
import { type Collection, type Database, open } from '../../src/index.ts';
import { LoopDelayMonitor } from '../harness/event-loop.ts';
import { flattenNumbers } from '../harness/report.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import { diskBytes, processWrittenBytes } from '../lsm/system-account.ts';
import {
  type Answers,
  BATCH,
  batchesOf,
  type ChurnSubject,
  type EpochFigures,
  type IndexOptions,
  type LoadFigures,
  NO_HIT,
} from './subject.ts';
import type { Epoch, Workload } from './workload.ts';

const durability = 'sync';

interface Record {
  readonly id: number;
  readonly vector: Float32Array;
}

export class StratavecSubject implements ChurnSubject {
  readonly #directory: string;
  readonly #options: IndexOptions;
  readonly #memoryBytes: number | undefined;
  readonly #workload: Workload;
  readonly #queries: readonly Float32Array[];
  #database: Database | undefined;
  #collection: Collection | undefined;
  readonly #loopDelay = new LoopDelayMonitor();
  #nextQuery = 0;
  #vectorBytesWritten = 0;
  #writtenBefore = 0;

  constructor(
    directory: string,
    options: IndexOptions,
    memoryBytes: number | undefined,
    workload: Workload,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#memoryBytes = memoryBytes;
    this.#workload = workload;
    const { queries } = workload;
    this.#queries = Array.from({ length: queries.rows }, (_, row) => vectorAt(queries, row));
  }

  async load({ base, vectors }: Workload, build: boolean): Promise<LoadFigures> {
    const database = await open(this.#directory, {
      durability,
      memoryBytes: this.#memoryBytes,
      backgroundThread: true,
    });
    this.#database = database;
    // The graph is what is measured: never the exact scan of a small collection.
    const collection = await database.collection('bench', { ...this.#options, exactBelow: 0 });
    this.#collection = collection;
    this.#writtenBefore = processWrittenBytes();
    this.#loopDelay.start();
    const ms = build ? await this.#build(base) : await this.#upsert(base);
    this.#vectorBytesWritten += 4 * vectors.dimension * base.ids.length;
    const { memory } = await database.stats();
    const { name, records, vectors: spaces, namedVectors, ...described } = collection.info();
    const { fields, fieldsBuilding, ...effective } = described;
    const config = { ...effective, memoryBytes: memory.budgetBytes, durability };
    return {
      seconds: ms / 1000,
      config: { ...config, load: build ? 'build' : 'upsert', backgroundThread: true },
    };
  }

  async run(epoch: Epoch, searches: number, ef: number): Promise<EpochFigures> {
    const collection = this.#collection!;
    let writeMs = 0;
    const writeLatencies: number[] = [];
    const searchLatencies: number[] = [];
    for (const { ids, rows, deleted } of batchesOf(epoch)) {
      const batch = this.#records(ids, rows);
      const gone = [...deleted];
      const start = performance.now();
      if (gone.length > 0) await collection.delete(gone);
      if (batch.length > 0) await collection.upsert(batch);
      const took = performance.now() - start;
      writeMs += took;
      writeLatencies.push(took);
      this.#vectorBytesWritten += 4 * this.#options.dimension * batch.length;
      searchLatencies.push(...(await this.searchSome(searches, ef)));
    }
    return {
      writeSeconds: writeMs / 1000,
      writeLatenciesMs: Float64Array.from(writeLatencies),
      searchLatenciesMs: Float64Array.from(searchLatencies),
    };
  }

  async settle(): Promise<number> {
    const start = performance.now();
    for (;;) {
      const { compaction } = await this.#database!.stats();
      if (!compaction.isPending && !compaction.isSweeping)
        return (performance.now() - start) / 1000;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async searchAll(k: number, ef: number): Promise<Answers> {
    const queries = this.#queries;
    const ids = new Uint32Array(queries.length * k).fill(NO_HIT);
    const latenciesMs = new Float64Array(queries.length);
    for (let query = 0; query < queries.length; query++) {
      const start = performance.now();
      const hits = await this.#collection!.search({ vector: queries[query], k, ef });
      latenciesMs[query] = performance.now() - start;
      for (const [i, { id }] of hits.entries()) ids[query * k + i] = Number(id);
    }
    return { ids, latenciesMs };
  }

  async searchSome(count: number, ef: number): Promise<number[]> {
    const latenciesMs: number[] = [];
    for (let i = 0; i < count; i++) {
      const vector = this.#queries[this.#nextQuery++ % this.#queries.length];
      const start = performance.now();
      await this.#collection!.search({ vector, k: 10, ef });
      latenciesMs.push(performance.now() - start);
    }
    return latenciesMs;
  }

  async storage(): Promise<{ [name: string]: number }> {
    const stats = await this.#database!.stats();
    const { counts, ok } = await this.#database!.check();
    if (!ok) throw new Error('the database does not pass its check');
    const { writes, compaction, disk, memory, graph } = stats;
    const { longestSliceMs } = writes;
    const live = graph.reduce((sum, { vectors }) => sum + vectors, 0);
    return {
      writeAmplification: (processWrittenBytes() - this.#writtenBefore) / this.#vectorBytesWritten,
      spaceAmplification: diskBytes(this.#directory) / (live * 4 * this.#options.dimension),
      diskBytes: diskBytes(this.#directory),
      longestSliceMs,
      accountedBytes: memory.totalBytes,
      ...this.#loopDelay.stop(),
      withoutInEdge: counts.withoutInEdge,
      unreachable: counts.unreachable,
      ...flattenNumbers({ disk, compaction, graph: graph[0] ?? {} }),
    };
  }

  async close(): Promise<void> {
    await this.#database?.close();
  }

  /** The ms that it took. */
  async #build({ ids, rows }: Workload['base']): Promise<number> {
    const vectors = valuesOf(this.#workload.vectors, rows);
    const start = performance.now();
    await this.#collection!.build({ vectors, ids: [...ids] });
    return performance.now() - start;
  }

  /** The ms inside the calls. */
  async #upsert(base: Workload['base']): Promise<number> {
    let ms = 0;
    for (let first = 0; first < base.ids.length; first += BATCH) {
      const batch = this.#records(
        base.ids.subarray(first, first + BATCH),
        base.rows.subarray(first, first + BATCH),
      );
      const start = performance.now();
      await this.#collection!.upsert(batch);
      ms += performance.now() - start;
    }
    return ms;
  }

  #records(ids: Uint32Array, rows: Uint32Array): Record[] {
    const { vectors } = this.#workload;
    return Array.from(ids, (id, i) => ({ id, vector: vectorAt(vectors, rows[i]) }));
  }
}

/** Row-major: an array of its own. */
function valuesOf(vectors: Vectors, rows: Uint32Array): Float32Array {
  const { dimension } = vectors;
  const values = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) {
    const start = row * dimension;
    values.set(vectors.values.subarray(start, start + dimension), i * dimension);
  }
  return values;
}
