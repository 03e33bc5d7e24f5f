/**
 * hnswlib through hnswlib-node: in memory, no durability. A deletion is a mark; an insertion takes a marked
 * place over, as the library offers.
 */
import { requirePeer } from '../harness/peers.ts';
import { vectorAt } from '../harness/vector-file.ts';
import {
  type Answers,
  batchesOf,
  type ChurnSubject,
  type EpochFigures,
  type IndexOptions,
  type LoadFigures,
  NO_HIT,
} from './subject.ts';
import type { Epoch, Workload } from './workload.ts';

/** The part of hnswlib-node that is used here; the package is not a dependency. */
interface Index {
  initIndex(options: {
    maxElements: number;
    m: number;
    efConstruction: number;
    randomSeed: number;
    allowReplaceDeleted: boolean;
  }): void;
  addPoint(point: number[], label: number, replaceDeleted?: boolean): void;
  markDelete(label: number): void;
  setEf(ef: number): void;
  searchKnn(query: number[], k: number): { distances: number[]; neighbors: number[] };
}

interface Hnswlib {
  readonly HierarchicalNSW: new (space: 'l2' | 'ip' | 'cosine', dimension: number) => Index;
}

export class HnswlibSubject implements ChurnSubject {
  readonly #options: IndexOptions;
  readonly #workload: Workload;
  readonly #queries: readonly number[][];
  readonly #index: Index;
  #nextQuery = 0;
  #marked = 0;

  constructor(options: IndexOptions, workload: Workload) {
    this.#options = options;
    this.#workload = workload;
    const { queries, vectors } = workload;
    this.#queries = Array.from({ length: queries.rows }, (_, row) =>
      Array.from(vectorAt(queries, row)),
    );
    const { metric, dimension, m, efConstruction, seed } = options;
    const { HierarchicalNSW } = requirePeer<Hnswlib>('hnswlib-node');
    this.#index = new HierarchicalNSW(metric === 'dot' ? 'ip' : metric, dimension);
    this.#index.initIndex({
      maxElements: vectors.rows,
      m,
      efConstruction,
      randomSeed: seed,
      allowReplaceDeleted: true,
    });
  }

  load({ base }: Workload): Promise<LoadFigures> {
    let ms = 0;
    for (const [i, id] of base.ids.entries()) ms += this.#add(id, base.rows[i]);
    const { m, efConstruction } = this.#options;
    const config = { m, efConstruction, durability: 'none (in memory)', load: 'addPoint' };
    return Promise.resolve({ seconds: ms / 1000, config });
  }

  run(epoch: Epoch, searches: number, ef: number): Promise<EpochFigures> {
    const writeLatencies: number[] = [];
    const searchLatencies: number[] = [];
    this.#index.setEf(ef);
    for (const { ids, rows, deleted } of batchesOf(epoch)) {
      const start = performance.now();
      for (const id of deleted) this.#index.markDelete(id);
      let took = performance.now() - start;
      this.#marked += deleted.length;
      for (const [i, id] of ids.entries()) took += this.#add(id, rows[i]);
      writeLatencies.push(took);
      searchLatencies.push(...this.#search(searches));
    }
    return Promise.resolve({
      writeSeconds: writeLatencies.reduce((sum, ms) => sum + ms, 0) / 1000,
      writeLatenciesMs: Float64Array.from(writeLatencies),
      searchLatenciesMs: Float64Array.from(searchLatencies),
    });
  }

  settle(): Promise<number> {
    return Promise.resolve(0);
  }

  searchAll(k: number, ef: number): Promise<Answers> {
    const queries = this.#queries;
    const ids = new Uint32Array(queries.length * k).fill(NO_HIT);
    const latenciesMs = new Float64Array(queries.length);
    this.#index.setEf(ef);
    for (let query = 0; query < queries.length; query++) {
      const start = performance.now();
      const { neighbors } = this.#index.searchKnn(queries[query], k);
      latenciesMs[query] = performance.now() - start;
      ids.set(neighbors, query * k);
    }
    return Promise.resolve({ ids, latenciesMs });
  }

  searchSome(count: number, ef: number): Promise<number[]> {
    this.#index.setEf(ef);
    return Promise.resolve(this.#search(count));
  }

  storage(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({});
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #search(count: number): number[] {
    const latenciesMs: number[] = [];
    for (let i = 0; i < count; i++) {
      const query = this.#queries[this.#nextQuery++ % this.#queries.length];
      const start = performance.now();
      this.#index.searchKnn(query, 10);
      latenciesMs.push(performance.now() - start);
    }
    return latenciesMs;
  }

  /** Returns the ms that the call took: the array is made outside the clock. */
  #add(id: number, row: number): number {
    const point = Array.from(vectorAt(this.#workload.vectors, row));
    const start = performance.now();
    this.#index.addPoint(point, id, this.#marked > 0);
    if (this.#marked > 0) this.#marked--;
    return performance.now() - start;
  }
}
