/**
 * usearch as npm installs it (prebuilt, with the instructions of the processor): in memory, one thread.
 * As `i8` it keeps a byte a dimension, and brings each vector to length 1 before (`cast_to_i8_gt`), given as bytes
 * or not: it compares directions. Where lengths differ, and for l2, a recall is then as high as that allows.
 */
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
} from './subject.ts';

export type UsearchScalar = 'f32' | 'i8';

interface Matches {
  readonly keys: BigUint64Array;
  readonly distances: Float32Array;
}

/** The part of usearch that is used here; the package is not a dependency. */
interface Index {
  add(key: bigint, vector: Float32Array, threads: number): void;
  search(vector: Float32Array, k: number, threads: number): Matches;
  save(path: string): void;
  load(path: string): void;
}

interface Usearch {
  readonly Index: new (options: Readonly<Record<string, string | number | boolean>>) => Index;
}

const metrics = { l2: 'l2sq', cosine: 'cos', dot: 'ip' } as const;

export class UsearchSubject implements Subject {
  readonly #options: IndexOptions;
  readonly #scalar: UsearchScalar;
  readonly #queries: Vectors;

  constructor(options: IndexOptions, queries: Vectors, scalar: UsearchScalar) {
    this.#options = options;
    this.#scalar = scalar;
    this.#queries = queries;
  }

  openEmpty(
    directory: string,
    _memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Record<string, number | string>> {
    const index = this.#create(64);
    measure();
    index.save(join(directory, 'empty.index'));
    const { m, efConstruction } = this.#options;
    return Promise.resolve({ m, efConstruction, scalar: this.#scalar });
  }

  build(directory: string, base: Vectors): Promise<Build> {
    const index = this.#create(64);
    let insertMs = 0;
    for (let row = 0; row < base.rows; row++) {
      const vector = vectorAt(base, row);
      const key = BigInt(row);
      const start = performance.now();
      index.add(key, vector, 1);
      insertMs += performance.now() - start;
    }
    const start = performance.now();
    index.save(join(directory, 'bench.index'));
    return Promise.resolve({
      insertSeconds: insertMs / 1000,
      closeSeconds: (performance.now() - start) / 1000,
      config: { durability: 'none (in memory)', batchRecords: 1, callers: 1 },
      statistics: {},
    });
  }

  open(directory: string): Promise<Searcher> {
    const path = join(directory, 'bench.index');
    const vectors = Array.from({ length: this.#queries.rows }, (_, row) =>
      vectorAt(this.#queries, row),
    );
    const load = (ef: number): Index => {
      const index = this.#create(ef);
      index.load(path);
      return index;
    };
    return Promise.resolve(
      new UsearchSearcher({
        load,
        vectors,
        hasRoots: this.#options.metric === 'l2',
        indexBytes: statSync(path).size,
      }),
    );
  }

  #create(expansionSearch: number): Index {
    const { metric, dimension, m, efConstruction } = this.#options;
    const { Index } = requirePeer<Usearch>('usearch');
    return new Index({
      dimensions: dimension,
      metric: metrics[metric],
      quantization: this.#scalar,
      connectivity: m,
      expansion_add: efConstruction,
      expansion_search: expansionSearch,
      multi: false,
    });
  }
}

interface Opened {
  /** The index with a beam: it can be set only when an index is made. */
  readonly load: (ef: number) => Index;
  readonly vectors: readonly Float32Array[];
  readonly hasRoots: boolean;
  readonly indexBytes: number;
}

class UsearchSearcher implements Searcher {
  readonly #opened: Opened;
  #index: { readonly ef: number; readonly index: Index } | undefined;

  constructor(opened: Opened) {
    this.#opened = opened;
  }

  searchAll(k: number, ef: number): Promise<Round> {
    const { vectors } = this.#opened;
    const index = this.#at(ef);
    const answers: Matches[] = new Array(vectors.length);
    const latenciesMs = new Float64Array(vectors.length);
    const start = performance.now();
    for (let query = 0; query < vectors.length; query++) {
      const before = performance.now();
      answers[query] = index.search(vectors[query], k, 1);
      latenciesMs[query] = performance.now() - before;
    }
    const seconds = (performance.now() - start) / 1000;
    return Promise.resolve({ ...this.#layOut(answers, k), latenciesMs, seconds });
  }

  countAll(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({});
  }

  statistics(): Promise<Readonly<Record<string, number>>> {
    return Promise.resolve({ indexBytes: this.#opened.indexBytes });
  }

  close(): Promise<void> {
    this.#index = undefined;
    return Promise.resolve();
  }

  #at(ef: number): Index {
    if (this.#index?.ef !== ef) {
      this.#index = undefined;
      globalThis.gc?.(); // The index before is freed with its wrapper.
      this.#index = { ef, index: this.#opened.load(ef) };
    }
    return this.#index.index;
  }

  #layOut(answers: readonly Matches[], k: number): Pick<Round, 'ids' | 'distances'> {
    const { hasRoots } = this.#opened;
    const ids = new Uint32Array(answers.length * k).fill(NO_HIT);
    const distances = new Float64Array(answers.length * k).fill(Number.POSITIVE_INFINITY);
    for (const [query, { keys, distances: found }] of answers.entries()) {
      for (let i = 0; i < Math.min(k, keys.length); i++) {
        ids[query * k + i] = Number(keys[i]);
        distances[query * k + i] = hasRoots ? Math.sqrt(found[i]) : found[i];
      }
    }
    return { ids, distances };
  }
}
