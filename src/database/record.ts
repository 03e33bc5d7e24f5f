import type { Json } from '../base/json.ts';
import type { Filter } from '../filter/filter-types.ts';

/** What names a record within its namespace. A number and a bigint of equal value are the same id. */
export type RecordId = string | number | bigint;

/** Vectors go in as either; a library that keeps one copies it. */
export type VectorInput = Float32Array | readonly number[];

export type { Filter, Json };

/** A record to store. */
export interface RecordInput<Meta = unknown> {
  /** 1 to 1,024 bytes of UTF-8, a safe integer, or a bigint of 64 bits signed. */
  readonly id: RecordId;
  /** As many finite numbers as the collection has dimensions. A record without one is never a hit. */
  readonly vector?: VectorInput | undefined;
  /** In named vector spaces of the collection, by name. */
  readonly vectors?: Readonly<Record<string, VectorInput | undefined>> | undefined;
  /** JSON, at most 64 KiB. */
  readonly metadata?: Meta | undefined;
  /** Kept with the record and given back; well-formed Unicode. It is not searched. */
  readonly text?: string | undefined;
  /** Groups records: an id is unique within one; at most 1,024 bytes of UTF-8. Default: '' (the default namespace). */
  readonly namespace?: string | undefined;
  /**
   * The record is gone so many seconds after its commit, fractions included; at most 50 years. Whoever stores it
   * again says anew whether it expires; `update` leaves its end where it is. Default: it stays.
   */
  readonly ttlSeconds?: number | undefined;
}

/** A stored record. Only what was stored, and asked for by `include`, is there. */
export interface StoredRecord<Meta = unknown> {
  /** In the form in which it was last written: a number, a bigint or a string. */
  readonly id: RecordId;
  /** '' is the default one. */
  readonly namespace: string;
  /** A fresh copy of dimension values. */
  readonly vector?: Float32Array;
  /** In named vector spaces, by name; with `vector` in `include`. Fresh copies. */
  readonly vectors?: Readonly<Record<string, Float32Array>>;
  /** Parsed anew for each record that is read. */
  readonly metadata?: Meta;
  readonly text?: string;
  /** When it expires, in ms since 1970; only of a record that does. */
  readonly expiresAt?: number;
}

/** Parts of a record to return. */
export type IncludePart = 'metadata' | 'text' | 'vector';

/** A record found by a search. `vector`, `vectors`, `metadata` and `text` are there if `include` asks, and stored. */
export interface Hit<Meta = unknown> {
  /** In the form in which it was last written. */
  readonly id: RecordId;
  /** '' is the default one. */
  readonly namespace: string;
  /** Smaller is nearer. l2: Euclidean distance; cosine: 1 - cos; dot: -q·x. */
  readonly distance: number;
  /** Larger is better. l2: 1 / (1 + distance); cosine: cos; dot: q·x. */
  readonly score: number;
  /** With `groupBy`: the value that the hits of its group have. */
  readonly group?: Json;
  /** A fresh copy. */
  readonly vector?: Float32Array;
  /** In named vector spaces, by name; with `vector` in `include`. */
  readonly vectors?: Readonly<Record<string, Float32Array>>;
  readonly metadata?: Meta;
  readonly text?: string;
}

/** What a write did. */
export interface UpsertResult {
  /** Records that were new. */
  readonly inserted: number;
  /** Records that took the place of another. */
  readonly replaced: number;
}

/** What `update` changes; what is left out stays. */
export interface UpdateInput {
  /** null: the record loses its vector. */
  readonly vector?: VectorInput | null | undefined;
  /** By name; what is not named stays, null: the record loses that vector. */
  readonly vectors?: Readonly<Record<string, VectorInput | null | undefined>> | undefined;
  /** An RFC 7396 merge patch: given keys replace, `null` deletes. */
  readonly metadata?: Json | undefined;
  /** null: the record loses its text. */
  readonly text?: string | null | undefined;
  /** Seconds from now on; null: the record expires no more. Left out, it expires when it would have. */
  readonly ttlSeconds?: number | null | undefined;
}

/**
 * A query, and how it is answered: exactly one of `vector`, `id` and `vectors` is given, but for `vectors` with
 * `vector` beside them.
 */
export interface SearchOptions<Meta = unknown> {
  /** The query. */
  readonly vector?: VectorInput | undefined;
  /** Search by the vector of a stored record, which is left out of the hits. */
  readonly id?: RecordId | undefined;
  /** The vector space of `vector` or `id`. Default: the default one. */
  readonly vectorName?: string | undefined;
  /**
   * Queries in several named spaces at once, and in the default one with `vector`. A record counts if it has a vector
   * in each; its distance is the mean of its distances there, weighted by `weights`. Of each space the `ef` nearest
   * are candidates, and their distances in the others are measured.
   */
  readonly vectors?: Readonly<Record<string, VectorInput | undefined>> | undefined;
  /** By name of the space, '' for the default one: above 0; only their ratios count. Default: 1 each. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
  /** How many hits; of a search with `groupBy`, how many groups. Default: 10. */
  readonly k?: number | undefined;
  /** Beam width; larger finds more and takes longer. Default: 64, at least k. */
  readonly ef?: number | undefined;
  /**
   * Share of the true k nearest to be found on average, up to 0.999: how widely to look is chosen by what was measured
   * on the collection itself. The first search that asks for it, for such a k, waits for the measurement. Without effect
   * beside `ef`.
   */
  readonly recall?: number | undefined;
  /** Compare with every vector. Default: false. */
  readonly exact?: boolean | undefined;
  /** Only records whose metadata passes: k hits whenever k records do. Default: all. See docs/filters.md. */
  readonly filter?: Filter<Meta> | undefined;
  /** Only records of this namespace ('' is the default one). Default: all namespaces. */
  readonly namespace?: string | undefined;
  /** Leave out hits that are farther. */
  readonly maxDistance?: number | undefined;
  /** Leave out hits that score less. */
  readonly minScore?: number | undefined;
  /**
   * Gives the hits of the k nearest groups: records with an equal value at `field`, a path into the metadata, are
   * one group, as near as its nearest record; of each the `size` nearest are given (default 1), groups one after the
   * other. Records without the field are left out. A search that is not exact fills groups from the candidates among
   * which it found k groups.
   */
  readonly groupBy?: GroupOptions | undefined;
  /**
   * The hits behind those of the last page: `next` of `searchWithStats` with the same query. Pages do not repeat
   * a record while the collection stays as it is, as in a snapshot.
   */
  readonly after?: string | undefined;
  /** Default: none; metadata and text are read only for hits that ask. */
  readonly include?: readonly IncludePart[] | undefined;
  /** Ends the search with `ABORTED`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** See `SearchOptions.groupBy`. */
export interface GroupOptions {
  /** A path into the metadata, as 'author.name'. */
  readonly field: string;
  /** Hits of each group at most. Default: 1. */
  readonly size?: number | undefined;
}

/** How a search was done. */
export interface SearchStats {
  /**
   * 'exact': every vector that can match was compared; 'walk': the graph was walked; 'expand': it was walked through what does
   * not pass the filter, two hops at a time.
   */
  readonly plan: 'exact' | 'walk' | 'expand';
  /** At most so many vectors match. */
  readonly matching: number;
  /**
   * Where the filter's matches came from: 'index', 'scan' (the metadata of all records were read), 'kept' from
   * an earlier search, 'updated' with what has changed since; 'none' without a filter.
   */
  readonly filter: 'none' | 'kept' | 'updated' | 'index' | 'scan';
  /** Records whose metadata had to be read for it. */
  readonly looked: number;
  /** What the filter took, all of it. */
  readonly filterMs: number;
  /** Whether the answer is the true one. */
  readonly exact: boolean;
  /** The beam width of the last walk; 0 without one. */
  readonly ef: number;
  /**
   * With `recall`: the last walk ended at a candidate more than (1 + stop) times as far as the k-th result, if it came
   * to that; 0: no such stop.
   */
  readonly stop: number;
  /** Nodes of the graph that were expanded. */
  readonly hops: number;
  /** Distances to codes. */
  readonly distances: number;
  /** Neighbour lists that were not in memory and were read. */
  readonly listReads: number;
  /** Pages of codes that were not in memory and were read. */
  readonly pageReads: number;
  /** Vectors read for exact distances. */
  readonly refined: number;
  /** How many of them were not in memory. */
  readonly originalReads: number;
  /** Of walks, with what they had to read; with `refineMs` where other threads had a part in it. */
  readonly walkMs: number;
  /** Of measuring their results again. */
  readonly refineMs: number;
  /** Of all of it, `filterMs` too; what `include` asks for is read after it. */
  readonly totalMs: number;
}

/** What `searchWithStats` gives. */
export interface SearchResult<Meta = unknown> {
  /** Nearest first. */
  readonly hits: Hit<Meta>[];
  /** How it was done. */
  readonly stats: SearchStats;
  /** For `after` of a search for the next page; undefined when there are no more hits. */
  readonly next: string | undefined;
}

/** Options of `get` and `getMany`. */
export interface GetOptions {
  /** Default: '' (the default namespace). */
  readonly namespace?: string | undefined;
  /** Default: ['vector', 'metadata', 'text']. */
  readonly include?: readonly IncludePart[] | undefined;
}

/** Options of `count`. */
export interface CountOptions<Meta = unknown> {
  /** Only records whose metadata passes. Default: all. See docs/filters.md. */
  readonly filter?: Filter<Meta> | undefined;
  /** Only records of this namespace ('' is the default one). Default: all namespaces. */
  readonly namespace?: string | undefined;
}

/** Records to delete: those of a namespace, those that pass a filter, or both. */
export type DeleteSelection<Meta = unknown> =
  | { readonly filter: Filter<Meta>; readonly namespace?: string | undefined }
  | { readonly namespace: string };

/** Options of `scan`. */
export interface ScanOptions<Meta = unknown> extends CountOptions<Meta> {
  /** Default: ['vector', 'metadata', 'text']. */
  readonly include?: readonly IncludePart[] | undefined;
  /**
   * The id of the last record seen (in `namespace`, else in the default one); the scan begins behind it.
   * `NOT_FOUND` when there is no such record any more.
   */
  readonly after?: RecordId | undefined;
  /** At most so many records. Default: all. */
  readonly limit?: number | undefined;
  /** Ends the scan with `ABORTED`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}
