/**
 * What the search bench asks of a subject. Each one runs in child processes of its own: one that builds,
 * later ones that open what was built and search.
 */
import type { Metric } from '../harness/ground-truth.ts';
import type { Value } from '../harness/report.ts';
import type { Vectors } from '../harness/vector-file.ts';

/** Equal for all subjects of a run. */
export interface IndexOptions {
  readonly dimension: number;
  readonly metric: Metric;
  readonly m: number;
  readonly efConstruction: number;
  readonly seed: number;
  /** How stratavec is filled: by upserts of 100 records, or at once by its bulk build. */
  readonly load?: Load;
  /** Of stratavec while it is built. Default: its own. */
  readonly buildMemoryBytes?: number;
  /** `statistics` of stratavec says, too, what its searches read of files; counting costs them a little. */
  readonly countsReads?: boolean;
  /** What stratavec's searches walk on. Default: its own choice. */
  readonly codes?: Codes | undefined;
  /** How many results the searches ask for that a process warms up with. Default: 10. */
  readonly warmK?: number;
}

export type Load = 'upsert' | 'build';

export const CODES = ['auto', 'sq8', 'bit', 'none'] as const;
export type Codes = (typeof CODES)[number];

export interface Build {
  /** Time inside the subject's insert calls: arrays are made outside the clock. */
  readonly insertSeconds: number;
  /** What had to be waited for afterwards until everything was on disk and closed. */
  readonly closeSeconds: number;
  /** How it was inserted: durability, batch size, callers. */
  readonly config: Readonly<Record<string, Value>>;
  /** The subject's own view of itself just before it was closed; empty when it has none. */
  readonly statistics: Readonly<Record<string, number>>;
  /** Growth while building, of a subject that works in a process of its own. */
  readonly peakResidentBytes?: number;
}

/** Resident memory against that of the same process with an empty open index. */
export interface Growth {
  readonly residentBytes: number;
  readonly anonymousBytes: number | undefined;
  readonly peakResidentBytes: number;
}

/** The answers to all queries, in their order. */
export interface Round {
  /** `queries × k` row numbers; `NO_HIT` where there was no further hit. */
  readonly ids: Uint32Array;
  /** Of the same shape, as the subject reported them. */
  readonly distances: Float64Array;
  readonly latenciesMs: Float64Array;
  readonly seconds: number;
}

export interface Searcher {
  /** One caller that awaits each search. */
  searchAll(k: number, ef: number): Promise<Round>;
  /** Sums over all queries of what a search reads and computes; empty when the subject cannot tell. */
  countAll(k: number, ef: number): Promise<Readonly<Record<string, number>>>;
  statistics(): Promise<Readonly<Record<string, number>>>;
  /** What searches walk on, of a subject that can tell. */
  codes?(): string;
  /** Of a subject that works in a process of its own; of the others it is measured from outside. */
  growth?(): Growth;
  close(): Promise<void>;
}

/** Made with the queries in hand, so that their arrays are ready before any clock or scale starts. */
export interface Subject {
  /**
   * Opens an empty index and closes it; `measure` is called in between, when a subject that leaves garbage has
   * searched a few rows as it will search the others: what code and garbage take is no memory of the index.
   * Returns the effective options.
   */
  openEmpty(
    directory: string,
    memoryBytes: number | undefined,
    measure: () => void,
  ): Promise<Readonly<Record<string, Value>>>;
  /** Inserts all rows in order; the id of a row is its number. */
  build(directory: string, base: Vectors): Promise<Build>;
  open(directory: string, memoryBytes: number | undefined): Promise<Searcher>;
}

/** So many rows, and searches of them, bring a process into the state that `openEmpty` measures. */
export const WARM_ROWS = 200;
export const WARM_SEARCHES = 4_000;

/** Stands in `Round.ids` where a search gave fewer than k hits. */
export const NO_HIT = 0xffffffff;
