/**
 * Searches several vector spaces of a collection at once: the distance of a record is the weighted mean of its
 * distances in all of them. Each space gives its nearest records, and what they have in the other spaces is
 * measured exactly. When the spaces were searched exactly, so is the whole: a record that none of them
 * gave is at least as far as the last of each, so candidates are enough when the last hit is nearer than the mean of
 * those (the threshold algorithm of Fagin, Lotem and Naor, 2001); until then each gives more.
 */
import type { CollectionStore } from './collection-store.ts';
import { type Head, NO_NODE, nodeOf } from './head.ts';
import type { Match } from './match.ts';
import type { Metric } from './options.ts';
import type { SearchStats } from './record.ts';
import { isWithin } from './search-limits.ts';
import type { CheckedSearch } from './search-plan.ts';
import { addStats } from './search-stats.ts';
import { type Found, Searcher, type SearchRequest } from './searcher.ts';
import type { Stores } from './stores.ts';
import type { VectorStore } from './vector-store.ts';

/** A query in one of the spaces. */
export interface WeightedQuery {
  readonly space: VectorStore;
  readonly vector: Float32Array;
  /** They sum to 1. */
  readonly weight: number;
}

interface Candidate {
  readonly record: number;
  readonly head: Head;
  /** By query; NaN: not measured yet. */
  readonly distances: Float64Array;
}

/** Of distances in all the spaces together; undefined when they differ. */
export function sharedMetric(spaces: readonly VectorStore[]): Metric | undefined {
  const [{ options }] = spaces;
  return spaces.every((space) => space.options.metric === options.metric)
    ? options.metric
    : undefined;
}

export class MultiSearch {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  readonly #queries: readonly WeightedQuery[];
  readonly #metric: Metric | undefined;

  constructor(stores: Stores, store: CollectionStore, queries: readonly WeightedQuery[]) {
    this.#stores = stores;
    this.#store = store;
    this.#queries = queries;
    this.#metric = sharedMetric(queries.map(({ space }) => space));
  }

  /** The nearest records that have a vector in each space, at most k; fewer when there are no more. */
  async search(request: Omit<SearchRequest, 'vector' | 'except'>): Promise<Found> {
    const { k, ef } = request.search;
    let stats: SearchStats | undefined;
    for (let depth = Math.max(k, ef); ; depth *= 4) {
      const lists = await this.#lists(request, depth);
      for (const list of lists) stats = addStats(stats, list.stats);
      const matches = await this.#combine(lists, request.search);
      const areExact = lists.every((list) => list.stats.exact);
      // A space that gave fewer than it was asked for gave every record that can match.
      const isWhole = lists.some((list) => list.matches.length < depth);
      const isSure = isWhole || (areExact && matches[k - 1]?.distance < this.#bound(lists));
      const isEnough = matches.length >= k && !areExact;
      if (stats === undefined || !(isSure || isEnough)) continue;
      const nearest = matches.slice(0, k).filter(({ distance }) => {
        return isWithin(distance, request.search, this.#metric);
      });
      return { matches: nearest, stats: { ...stats, exact: isSure && areExact } };
    }
  }

  async #lists(
    request: Omit<SearchRequest, 'vector' | 'except'>,
    depth: number,
  ): Promise<readonly Found[]> {
    const whole = { maxDistance: Number.POSITIVE_INFINITY, minScore: Number.NEGATIVE_INFINITY };
    const search = { ...request.search, ...whole, k: depth, ef: depth };
    const lists: Found[] = [];
    for (const { space, vector } of this.#queries) {
      const searcher = new Searcher(this.#stores, this.#store, space);
      lists.push(await searcher.search({ ...request, search, vector, except: undefined }));
    }
    return lists;
  }

  /** The least distance of a record that is in none of the lists. */
  #bound(lists: readonly Found[]): number {
    const last = lists.map(({ matches }) => matches[matches.length - 1].distance);
    return this.#mean(last);
  }

  #mean(distances: ArrayLike<number>): number {
    let sum = 0;
    this.#queries.forEach(({ weight }, i) => {
      sum += weight * distances[i];
    });
    return sum;
  }

  /** Candidates of all lists that have a vector in each space, nearest first. */
  async #combine(lists: readonly Found[], { signal }: CheckedSearch): Promise<readonly Match[]> {
    const candidates = new Map<number, Candidate>();
    lists.forEach(({ matches }, query) => {
      for (const { record, head, distance } of matches) {
        let candidate = candidates.get(record);
        if (candidate === undefined) {
          if (!this.#isInAll(head)) continue;
          const distances = new Float64Array(lists.length).fill(Number.NaN);
          candidate = { record, head, distances };
          candidates.set(record, candidate);
        }
        candidate.distances[query] = distance;
      }
    });
    for (let query = 0; query < lists.length; query++) {
      await this.#measure(query, [...candidates.values()], signal);
    }
    const matches = [...candidates.values()].map(({ record, head, distances }) => {
      const node = nodeOf(head, this.#queries[0].space.ordinal);
      return { record, head, node, distance: this.#mean(distances) };
    });
    return matches.sort((a, b) => a.distance - b.distance || a.record - b.record);
  }

  #isInAll(head: Head): boolean {
    return this.#queries.every(({ space }) => nodeOf(head, space.ordinal) !== NO_NODE);
  }

  /** Fills the distances in that the space of a query did not give. */
  async #measure(
    query: number,
    candidates: readonly Candidate[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { space, vector } = this.#queries[query];
    const missing = candidates.filter(({ distances }) => Number.isNaN(distances[query]));
    if (missing.length === 0) return;
    const nodes = Uint32Array.from(missing, ({ head }) => nodeOf(head, space.ordinal));
    const distances = await space.graph.distancesTo(vector, nodes, signal);
    missing.forEach((candidate, i) => {
      candidate.distances[query] = distances[i];
    });
  }
}
