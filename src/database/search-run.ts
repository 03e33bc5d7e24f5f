/**
 * One search from its checked options to the matches in their order: in one vector space or several, the next page
 * of an earlier one, or by groups. The caller holds the view, and turns matches into hits.
 */
import { joined } from '../base/joined.ts';
import { DatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';
import { NO_NODE, nodeOf } from './head.ts';
import type { Match } from './match.ts';
import { MultiSearch, sharedMetric } from './multi-search.ts';
import type { Metric } from './options.ts';
import { findLiving, type ReadView } from './read-view.ts';
import type { Json, SearchStats } from './record.ts';
import type { FoundRecord } from './record-reader.ts';
import { type Cursor, decodeCursor, encodeCursor, queryHash } from './search-cursor.ts';
import { searchGroups } from './search-groups.ts';
import { type CheckedSearch, K_MAX } from './search-plan.ts';
import { type Found, Searcher } from './searcher.ts';
import type { Stores } from './stores.ts';
import { describe, invalid } from './validate.ts';
import type { VectorStore } from './vector-store.ts';

/** Matches in the order of their hits. */
export interface Answer {
  readonly matches: readonly (Match & { readonly group?: Json })[];
  readonly stats: SearchStats;
  /** Of the distances: the one that all spaces share, or none. */
  readonly metric: Metric | undefined;
  /** Hits before this page. */
  readonly seen: number;
}

interface Query {
  readonly space: VectorStore;
  readonly vector: Float32Array;
  readonly weight: number;
}

export class SearchRun {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  readonly #search: CheckedSearch;
  readonly #view: ReadView;

  constructor(stores: Stores, store: CollectionStore, search: CheckedSearch, view: ReadView) {
    this.#stores = stores;
    this.#store = store;
    this.#search = search;
    this.#view = view;
  }

  /** NOT_FOUND and INVALID_ARGUMENT for an id without record or vector. */
  async run(): Promise<Answer> {
    const { targets, groupBy, after, k } = this.#search;
    const spaces = targets.map(({ vectorName }) => this.#store.spaceNamed(vectorName));
    const { sequence } = this.#view;
    // Nodes that become ghosts meanwhile are remembered.
    const releases = spaces.map(({ recentGhosts }) => recentGhosts.hold(sequence));
    try {
      const { queries, except } = this.#queries(spaces);
      const metric = sharedMetric(spaces);
      const rank = (n: number): Promise<Found> => this.#rank(queries, except, n);
      if (groupBy !== undefined) {
        const { reader } = this.#store;
        const shape = { ...groupBy, k, nMax: K_MAX, isExact: this.#search.exact };
        const grouped = await searchGroups({ ...shape, rank, reader, sequence });
        return { ...grouped, metric, seen: 0 };
      }
      if (after !== undefined) return { ...(await this.#page(after, rank)), metric };
      return joined(await rank(k), { metric, seen: 0 });
    } finally {
      for (const release of releases) release();
    }
  }

  /** The cursor behind the hits of an answer; undefined when there are no more. */
  next({ matches, seen }: Answer): string | undefined {
    const { k, groupBy } = this.#search;
    const last = matches.at(-1);
    const total = seen + matches.length;
    if (last === undefined || matches.length < k || groupBy !== undefined || total >= K_MAX) {
      return undefined;
    }
    const { distance, record } = last;
    return encodeCursor({ query: this.#hash(), seen: total, distance, record });
  }

  #hash(): number {
    return queryHash(this.#stores.hasher, this.#store.entry.collection, this.#search);
  }

  /** The n nearest matches; fewer: there are no more. */
  async #rank(queries: readonly Query[], except: number | undefined, n: number): Promise<Found> {
    const ef = Math.max(this.#search.ef, n);
    const search = joined(this.#search, { k: n, ef });
    const { sequence, now } = this.#view;
    if (queries.length > 1) {
      return await new MultiSearch(this.#stores, this.#store, queries).search({
        search,
        sequence,
        now,
      });
    }
    const [{ space, vector }] = queries;
    const searcher = new Searcher(this.#stores, this.#store, space);
    return await searcher.search({ search, vector, except, sequence, now });
  }

  /** The k matches behind a cursor. Deeper walks may find nearer ones, which are left out: they come too late. */
  async #page(
    after: string,
    rank: (n: number) => Promise<Found>,
  ): Promise<Found & { readonly seen: number }> {
    const { k } = this.#search;
    const cursor = decodeCursor(after, this.#hash());
    if (cursor.seen + k > K_MAX) {
      throw invalid(`after: expected at most ${K_MAX} hits on all pages, got ${cursor.seen + k}`);
    }
    for (let n = cursor.seen + k; ; n = Math.min(K_MAX, 2 * n)) {
      const { matches, stats } = await rank(n);
      const behind = matches.filter((match) => isBehind(match, cursor));
      if (behind.length >= k || matches.length < n || n === K_MAX) {
        return { matches: behind.slice(0, k), stats, seen: cursor.seen };
      }
    }
  }

  /** The query vectors, and the record that they are of. */
  #queries(spaces: readonly VectorStore[]): { queries: Query[]; except: number | undefined } {
    const { targets, id } = this.#search;
    const found = id === undefined ? undefined : this.#stored(id);
    const queries = targets.map(({ vector, weight }, i) => {
      const space = spaces[i];
      return { space, vector: vector ?? this.#vectorOf(found, space), weight };
    });
    return { queries, except: found?.record };
  }

  #stored(id: Uint8Array): FoundRecord {
    const { namespace = '', givenId } = this.#search;
    const found = findLiving(this.#store.reader, { namespace, id }, this.#view);
    if (found !== undefined) return found;
    throw new DatabaseError('NOT_FOUND', `id: there is no record ${describe(givenId)}`);
  }

  #vectorOf(found: FoundRecord | undefined, space: VectorStore): Float32Array {
    const node = found === undefined ? NO_NODE : nodeOf(found.head, space.ordinal);
    if (node !== NO_NODE) return space.vectors.readVector(node);
    const where = space.ordinal === 0 ? 'vector' : `vector ${describe(space.name)}`;
    throw invalid(`id: the record ${describe(this.#search.givenId)} has no ${where}`);
  }
}

function isBehind({ distance, record }: Match, last: Cursor): boolean {
  return distance > last.distance || (distance === last.distance && record > last.record);
}
