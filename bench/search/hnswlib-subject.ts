/** hnswlib through hnswlib-node, as npm installs it: in memory, no durability, plain arrays in and out. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { requirePeer } from '../harness/peers.ts';
import { type Vectors, vectorAt } from '../harness/vector-file.ts';
import {
  type Build,
  type IndexOptions,
  NO_HIT,
  type Round,
  type Searcher,
  type Subject,
  WARM_ROWS,
  WARM_SEARCHES,
} from './subject.ts';

/** The part of hnswlib-node that is used here; the package is not a dependency. */
interface Index {
  initIndex(options: {
    maxElements: number;
    m: number;
    efConstruction: number;
    randomSeed: number;
  }): void;
  addPoint(point: number[], label: number): void;
  writeIndexSync(path: string): void;
  readIndexSync(path: string): void;
  setEf(ef: number): void;
  searchKnn(query: number[], k: number): { distances: number[]; neighbors: number[] };
}

interface Hnswlib {
  readonly HierarchicalNSW: new (space: 'l2' | 'ip' | 'cosine', dimension: number) => Index;
}

export class HnswlibSubject implements Subject {
  readonly #options: IndexOptions;
  readonly #vectors: readonly number[][];

  constructor(options: IndexOptions, queries: Vectors) {
    this.#options = options;
    this.#vectors = Array.from({ length: queries.rows }, (_, row) =>
      Array.from(vectorAt(queries, row)),
    );
  }

  async openEmpty(
    directory: string,
    _memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Record<string, number>> {
    await this.#warmUp();
    const index = this.#create(1);
    measure();
    index.writeIndexSync(join(directory, 'empty.index'));
    const { m, efConstruction } = this.#options;
    return { m, efConstruction };
  }

  build(directory: string, base: Vectors): Promise<Build> {
    const index = this.#create(base.rows);
    let insertMs = 0;
    for (let row = 0; row < base.rows; row++) {
      const point = Array.from(vectorAt(base, row));
      const start = performance.now();
      index.addPoint(point, row);
      insertMs += performance.now() - start;
    }
    const start = performance.now();
    index.writeIndexSync(join(directory, 'bench.index'));
    return Promise.resolve({
      insertSeconds: insertMs / 1000,
      closeSeconds: (performance.now() - start) / 1000,
      config: { durability: 'none (in memory)', batchRecords: 1, callers: 1 },
      statistics: {},
    });
  }

  open(directory: string): Promise<Searcher> {
    const index = this.#construct();
    const path = join(directory, 'bench.index');
    index.readIndexSync(path);
    return Promise.resolve(new HnswlibSearcher(index, this.#vectors, statSync(path).size));
  }

  async #warmUp(): Promise<void> {
    const rows = Math.min(WARM_ROWS, this.#vectors.length);
    const index = this.#create(rows);
    for (let row = 0; row < rows; row++) index.addPoint(this.#vectors[row], row);
    const searcher = new HnswlibSearcher(index, this.#vectors, 0);
    const k = Math.min(this.#options.warmK ?? 10, rows);
    for (let done = 0; done < WARM_SEARCHES; done += this.#vectors.length) {
      await searcher.searchAll(k, 2 * k);
    }
  }

  #construct(): Index {
    const { metric, dimension } = this.#options;
    const { HierarchicalNSW } = requirePeer<Hnswlib>('hnswlib-node');
    return new HierarchicalNSW(metric === 'dot' ? 'ip' : metric, dimension);
  }

  #create(maxElements: number): Index {
    const { m, efConstruction, seed } = this.#options;
    const index = this.#construct();
    index.initIndex({ maxElements, m, efConstruction, randomSeed: seed });
    return index;
  }
}

class HnswlibSearcher implements Searcher {
  readonly #index: Index;
  readonly #vectors: readonly number[][];
  readonly #indexBytes: number;

  constructor(index: Index, vectors: readonly number[][], indexBytes: number) {
    this.#index = index;
    this.#vectors = vectors;
    this.#indexBytes = indexBytes;
  }

  searchAll(k: number, ef: number): Promise<Round> {
    const index = this.#index;
    const vectors = this.#vectors;
    const ids = new Uint32Array(vectors.length * k).fill(NO_HIT);
    const distances = new Float64Array(vectors.length * k).fill(Number.POSITIVE_INFINITY);
    const latenciesMs = new Float64Array(vectors.length);
    index.setEf(ef);
    const start = performance.now();
    for (let query = 0; query < vectors.length; query++) {
      const before = performance.now();
      const answer = index.searchKnn(vectors[query], k);
      latenciesMs[query] = performance.now() - before;
      ids.set(answer.neighbors, query * k);
      distances.set(answer.distances, query * k);
    }
    const seconds = (performance.now() - start) / 1000;
    return Promise.resolve({ ids, distances, latenciesMs, seconds });
  }

  countAll(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({});
  }

  statistics(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({ indexBytes: this.#indexBytes });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
