import type { FieldType } from '../filter/index-code.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { Logger } from './logger.ts';

export type { FieldType, FileSystem };

/** Distance of a vector space. l2: Euclidean; cosine: 1 - cos; dot: minus the inner product. */
export type Metric = 'l2' | 'cosine' | 'dot';

/**
 * How much of a commit is on the disk when its promise resolves: all of it ('sync'), what the operating system will
 * write ('os'), or nothing for certain ('none').
 */
export type Durability = 'sync' | 'os' | 'none';

/** Options of `open`. */
export interface DatabaseOptions {
  /**
   * Bound, in bytes, on everything that grows: memtables, caches, pages, codes, search scratch.
   * Default: 268,435,456 (256 MiB).
   */
  readonly memoryBytes?: number | undefined;
  /**
   * When a write resolves: 'sync' after the device has it, 'os' after the operating system has it
   * (survives a killed process), 'none' at once. Default: 'sync'.
   */
  readonly durability?: Durability | undefined;
  /**
   * Worker threads that share the walks of searches with the calling one, 0 to 64; they help to build as well.
   * Each takes some 10 MB beside `memoryBytes`. Default: 0.
   */
  readonly threads?: number | undefined;
  /**
   * Open without writing or deleting anything, a lock included: any number of readers may, `DATABASE_LOCKED` while
   * somebody has it open for writing. Who opens it for writing later takes pages away from under its readers: they get
   * `CORRUPTION`, never a wrong answer, and have to open it again. Default: false.
   */
  readonly readOnly?: boolean | undefined;
  /** How long to wait, in ms, for another opener to let go of the directory. Default: 0. */
  readonly lockTimeoutMs?: number | undefined;
  /** Make the database when the directory has none. Default: true. */
  readonly createIfMissing?: boolean | undefined;
  /** Refuse to open an existing database. Default: false. */
  readonly errorIfExists?: boolean | undefined;
  /** Codec of metadata and text on disk. Default: 'lz4'. */
  readonly compression?: 'lz4' | 'none' | undefined;
  /**
   * Flush and merge in a thread of their own, so that they take no time from searches and writes where there
   * is a core for it. It costs about 30 MB of memory beside `memoryBytes`, and begins with the first flush.
   * Without effect on a `fileSystem` that threads cannot share. Default: false.
   */
  readonly backgroundThread?: boolean | undefined;
  /** Where files live. Default: the file system of the machine. */
  readonly fileSystem?: FileSystem | undefined;
  /** Receives warnings (a failed background task, a lost lock). Default: they are dropped. */
  readonly onWarning?: ((warning: Error) => void) | undefined;
  /** Told of openings, checkpoints, compactions and warnings. The library prints nothing itself. Default: none. */
  readonly logger?: Logger | undefined;
  /** The clock that records expire by, in ms since the epoch. Default: Date.now. */
  readonly now?: (() => number) | undefined;
}

/** Options of `Database.collection`. The first group is fixed when the collection is created. */
export interface CollectionOptions {
  /**
   * Numbers in a vector, 1 to 16,384. To create a collection it is needed, or `vectors`; a different value at
   * reopen is an error.
   */
  readonly dimension?: number | undefined;
  /** Default: 'cosine'. */
  readonly metric?: Metric | undefined;
  /** Edges that a new node gets; twice as many are its cap on the bottom layer. Default: 16. */
  readonly m?: number | undefined;
  /** Beam width of the search for a new node's neighbours. Default: 100. */
  readonly efConstruction?: number | undefined;
  /**
   * Codes that a search walks on: one byte a number ('sq8') or one bit ('bit'), which take an eighth of the
   * memory and ask for a larger `ef`. 'none': they walk on the vectors themselves, and insertions and builds judge by
   * them; for clusters that are tighter than a step of 8-bit codes (a 255th of the range of a vector's values), in which
   * codes lose neighbours, at four times the memory of 'sq8' for what is walked on. Default: 'auto', bytes or bits,
   * whichever finds the same sooner, with an `ef` that means the same on both: `build` and `ingest` decide by dimension, number
   * of vectors and `memoryBytes`, and by whether 1-bit codes are fine enough for them; other writes take bits above 256 dimensions.
   */
  readonly codes?: 'auto' | 'sq8' | 'bit' | 'none' | undefined;
  /** Keep the vectors as given; false keeps the codes only, and there must be some. Default: true. */
  readonly originals?: boolean | undefined;
  /** How edges are written to the tree. Default: 'hybrid'. */
  readonly layout?: 'vertex' | 'delta' | 'hybrid' | undefined;
  /** How a new vector's page is chosen. Default: 'affinity'. */
  readonly placement?: 'affinity' | 'section' | 'append' | 'random' | undefined;
  /** Seed of the layers' random numbers. Default: 1. */
  readonly seed?: number | undefined;
  /** Collections of at most this many living vectors are searched exactly. May change at each open. Default: 2000. */
  readonly exactBelow?: number | undefined;
  /**
   * Named vector spaces beside the default one, or, without `dimension`, instead of it; `{}` without `dimension`
   * makes a collection without vectors. At most 255. Default: none.
   */
  readonly vectors?: Readonly<Record<string, VectorSpaceOptions>> | undefined;
  /**
   * Indexed fields of the metadata: the type of their values by path, as `{ 'author.name': 'keyword', year: 'number' }`.
   * Filters on them read an index instead of every record. Arrays are indexed by element. Values of another type than the
   * field's are stored all the same, and found by looking at their records. `Collection.addField` adds some later.
   * Default: none.
   */
  readonly fields?: Readonly<Record<string, FieldType>> | undefined;
  /** Not supported yet. */
  readonly text?: undefined;
}

/** Options of a named vector space: as those of the collection, whose values are the defaults. */
export type VectorSpaceOptions = Pick<
  CollectionOptions,
  'metric' | 'm' | 'efConstruction' | 'codes' | 'originals' | 'layout' | 'placement' | 'seed'
> & {
  /** Numbers in a vector, 1 to 16,384. Needed to create. */
  readonly dimension?: number | undefined;
};

/** The options of a vector space as they are in effect: see `CollectionOptions`. */
export interface EffectiveSpaceOptions {
  readonly dimension: number;
  readonly metric: Metric;
  readonly m: number;
  readonly efConstruction: number;
  /** 'auto' is stored as 'sq8' where it can come to nothing else. */
  readonly codes: 'auto' | 'sq8' | 'bit' | 'none';
  readonly originals: boolean;
  readonly layout: 'vertex' | 'delta' | 'hybrid';
  readonly placement: 'affinity' | 'section' | 'append' | 'random';
  readonly seed: number;
}

/** The options of a collection as they are in effect. `dimension` is 0 without a default vector space. */
export interface EffectiveCollectionOptions extends EffectiveSpaceOptions {
  /** Of the named vector spaces, in the order in which they were given. */
  readonly vectors: Readonly<Record<string, EffectiveSpaceOptions>>;
  /** As it was given last. */
  readonly exactBelow: number;
}
