/**
 * Searches one collection as of the published sequence. The graph and the pages in memory are at the
 * applied sequence, so what they find is a candidate: it counts only if its record, read at the
 * reader's sequence, names its node. A search that loses candidates by this rule widens, and at last
 * compares with every vector: there are k hits whenever k records match.
 */
import type { Candidates, GraphSearchStats } from '../hnsw/candidates.ts';
import type { CollectionStore } from './collection-store.ts';
import { decodeHead, type Head, headNode } from './head.ts';
import type { Metric } from './options.ts';
import type { SearchStats } from './record.ts';
import { type FilterBits, RecordFilter } from './record-filter.ts';
import type { CheckedSearch } from './search-plan.ts';
import type { Stores } from './stores.ts';
import { HEADS_TREE } from './trees.ts';

/** Beyond this beam an exact scan is about as cheap, and sure. */
const EF_WIDEST = 2048;

/** A candidate that counts. */
export interface Match {
  readonly record: number;
  readonly node: number;
  readonly distance: number;
  readonly head: Head;
}

export interface Found {
  /** Nearest first; equal distances by record number. At most k. */
  readonly matches: readonly Match[];
  readonly stats: SearchStats;
  /** The sequence at which the records were read. */
  readonly sequence: number;
}

interface Query {
  readonly vector: Float32Array;
  readonly search: CheckedSearch;
  readonly filter: FilterBits | undefined;
  /** The record that is searched by, left out of the answer. */
  readonly except: number | undefined;
  /** Matches wanted: k, and the record that is left out. */
  readonly wanted: number;
  /** Published records that can match at most. */
  readonly matching: number;
}

type Answer = Pick<Found, 'matches' | 'sequence'>;

export class Searcher {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  readonly #filters: RecordFilter;

  constructor(stores: Stores, store: CollectionStore) {
    this.#stores = stores;
    this.#store = store;
    this.#filters = new RecordFilter(stores, store);
  }

  /** `vector` is the query; `except` a record that is left out. */
  async search(search: CheckedSearch, vector: Float32Array, except?: number): Promise<Found> {
    for (;;) {
      const { rollbacks } = this.#store;
      try {
        return await this.#attempt(search, vector, except);
      } catch (error) {
        // A plan was undone while the search had paused on one of its nodes: begin again.
        const isOver = search.signal?.aborted || rollbacks === this.#store.rollbacks;
        if (isOver) throw error;
      }
    }
  }

  release(): void {
    this.#filters.release();
  }

  async #attempt(
    search: CheckedSearch,
    vector: Float32Array,
    except: number | undefined,
  ): Promise<Found> {
    const start = performance.now();
    const { metric, exactBelow } = this.#store.options;
    const { namespace } = search;
    const filter = namespace === undefined ? undefined : this.#filters.bitsOf(namespace);
    const vectors = this.#store.publishedVectors;
    const matching = filter === undefined ? vectors : Math.min(vectors, filter.count);
    const wanted = search.k + (except === undefined ? 0 : 1);
    const query = { vector, search, filter, except, wanted, matching };
    const tally = new Tally();
    let answer: Answer | undefined;
    if (!search.exact && matching > exactBelow) answer = await this.#walk(query, tally);
    const plan = answer === undefined ? 'exact' : 'walk';
    answer ??= await this.#scan(query, tally);
    const { matches, sequence } = answer;
    const within = matches.filter(
      ({ record, distance }) => record !== except && isWithin(distance, search, metric),
    );
    const totalMs = performance.now() - start;
    const stats = {
      plan,
      exact: plan === 'exact',
      ef: tally.ef,
      ...tally.figures,
      totalMs,
    } as const;
    return { matches: within.slice(0, search.k), sequence, stats };
  }

  /** Walks the graph with a growing beam; undefined when a scan is the better way to go on. */
  async #walk(query: Query, tally: Tally): Promise<Answer | undefined> {
    const { graph } = this.#store;
    const { vector, filter, search, wanted, matching } = query;
    let k = wanted;
    for (let ef = Math.max(search.ef, wanted); ; ef *= 4, k *= 4) {
      const candidates = await graph.search(vector, { k, ef, filter, signal: search.signal });
      tally.add(candidates.stats, ef);
      const answer = this.#verify(query, candidates);
      if (answer.matches.length >= Math.min(wanted, matching)) return answer;
      if (ef >= EF_WIDEST || ef >= matching) return undefined;
    }
  }

  /** Compares with every vector that can match. */
  async #scan(query: Query, tally: Tally): Promise<Answer> {
    const { graph } = this.#store;
    const { vector, filter, search, wanted, matching } = query;
    for (let k = wanted; ; k *= 4) {
      const candidates = await graph.searchExact(vector, { k, filter, signal: search.signal });
      tally.add(candidates.stats, 0);
      const answer = this.#verify(query, candidates);
      const isWhole = candidates.count < k;
      if (isWhole || hasEnough(answer.matches, wanted, candidates.distances[k - 1])) return answer;
      if (k >= 16 * (matching + wanted)) return answer;
    }
  }

  /** Candidates that count, with those that were removed by commits not published yet. */
  #verify(query: Query, candidates: Candidates): Answer {
    const { engine } = this.#stores;
    const { collection } = this.#store.entry;
    const { namespace } = query.search;
    const sequence = engine.publishedSequence;
    const matches: Match[] = [];
    const offer = (node: number, distance: number): void => {
      const record = this.#store.vectors.recordOf(node);
      const bytes = engine.get(HEADS_TREE, collection, record, sequence);
      if (bytes === undefined || headNode(bytes) !== node) return;
      const head = decodeHead(bytes);
      if (namespace !== undefined && head.namespace !== namespace) return;
      matches.push({ record, node, distance, head });
    };
    for (let i = 0; i < candidates.count; i++) {
      // A few more than wanted would do no harm; equal distances must all be seen.
      const isEnough = matches.length >= query.wanted;
      if (isEnough && candidates.distances[i] > matches[query.wanted - 1].distance) break;
      offer(candidates.nodes[i], candidates.distances[i]);
    }
    const ghosts = this.#store.recentGhosts();
    if (ghosts.length > 0) {
      const nodes = Uint32Array.from(ghosts, ({ node }) => node);
      const distances = this.#store.graph.distancesTo(query.vector, nodes);
      for (let i = 0; i < nodes.length; i++) offer(nodes[i], distances[i]);
    }
    matches.sort((a, b) => a.distance - b.distance || a.record - b.record);
    return { matches, sequence };
  }
}

/** Whether no candidate beyond the last one can belong to the first `wanted`. */
function hasEnough(matches: readonly Match[], wanted: number, lastDistance: number): boolean {
  return matches.length >= wanted && matches[wanted - 1].distance < lastDistance;
}

function isWithin(distance: number, search: CheckedSearch, metric: Metric): boolean {
  return distance <= search.maxDistance && scoreOf(distance, metric) >= search.minScore;
}

/** Larger is better; see `Hit.score`. */
export function scoreOf(distance: number, metric: Metric): number {
  if (metric === 'l2') return 1 / (1 + distance);
  return metric === 'cosine' ? 1 - distance : -distance;
}

/** Adds up what the rounds of one search did. */
class Tally {
  ef = 0;
  readonly figures = {
    hops: 0,
    distances: 0,
    listReads: 0,
    pageReads: 0,
    refined: 0,
    originalReads: 0,
  };

  add(stats: GraphSearchStats, ef: number): void {
    this.ef = ef;
    for (const name of Object.keys(this.figures) as (keyof typeof this.figures)[]) {
      this.figures[name] += stats[name];
    }
  }
}
