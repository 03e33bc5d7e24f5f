/**
 * Searches one vector space of a collection as of one sequence. The graph and the pages in memory are at the applied
 * sequence, a plan under way included, so what they find is a candidate: it counts only if its record,
 * read at the reader's sequence, names its node. Nodes that are ghosts only for later readers are offered
 * beside. A search that loses candidates by this rule widens, and at last compares with every vector:
 * there are k hits whenever k records match.
 */
import { joined } from '../base/joined.ts';
import { type PlannedSearch, planExactSearch, planSearch } from '../filter/search-planner.ts';
import {
  type Candidates,
  type GraphSearchStats,
  noCandidates,
  sumStats,
} from '../hnsw/candidates.ts';
import type { CollectionStore } from './collection-store.ts';
import { decodeHead, type Head, headNode, NO_NODE, nodeOf } from './head.ts';
import type { Match } from './match.ts';
import { hasExpired } from './read-view.ts';
import type { Beam } from './recall-curve.ts';
import type { SearchStats } from './record.ts';
import type { AcquiredFilter, FilterBits } from './record-filter.ts';
import { isWithin } from './search-limits.ts';
import type { CheckedSearch } from './search-plan.ts';
import type { Stores } from './stores.ts';
import { StrayWalks } from './stray-walks.ts';
import { TimeSlice } from './time-slice.ts';
import { HEADS_TREE } from './trees.ts';
import type { VectorStore } from './vector-store.ts';

/** Beyond this beam an exact scan is about as cheap, and sure. */
const EF_WIDEST = 2048;

/** So many records that have expired, and are not deleted yet, are looked at by each search. */
const FEW_EXPIRED = 256;

export interface Found {
  /** Nearest first; equal distances by record number. At most k. */
  readonly matches: readonly Match[];
  readonly stats: SearchStats;
}

/** How to search. */
export interface SearchRequest {
  readonly search: CheckedSearch;
  /** The query. */
  readonly vector: Float32Array;
  /** A record that is left out. */
  readonly except: number | undefined;
  /** Records are read at it; the caller holds a snapshot, and the ghosts since. */
  readonly sequence: number;
  /** In ms since 1970: records that have expired by then are gone. */
  readonly now: number;
}

interface Query extends SearchRequest {
  readonly filter: FilterBits | undefined;
  /** What the plan is made from. */
  readonly planned: PlannedSearch;
  /** Matches wanted: k, and the record that is left out. */
  readonly wanted: number;
  /** Records that can match at most. */
  readonly matching: number;
}

interface Attempt {
  readonly matches: readonly Match[];
  readonly stats: Omit<SearchStats, 'filter' | 'looked' | 'filterMs'>;
}

export class Searcher {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  readonly #space: VectorStore;

  constructor(stores: Stores, store: CollectionStore, space: VectorStore) {
    this.#stores = stores;
    this.#store = store;
    this.#space = space;
  }

  async search(given: SearchRequest): Promise<Found> {
    const request = given.search.recall === undefined ? given : await this.#calibrated(given);
    const start = performance.now();
    const acquired = await this.#filter(request);
    const filterMs = performance.now() - start;
    try {
      for (;;) {
        const { rollbacks } = this.#space;
        try {
          const { matches, stats } = await this.#attempt(request, acquired?.bits);
          const totalMs = stats.totalMs + filterMs;
          return {
            matches,
            stats: joined(stats, joined(filterStats(acquired), { filterMs, totalMs })),
          };
        } catch (error) {
          // A plan was undone while the search had paused on one of its nodes: begin again.
          const isOver = request.search.signal?.aborted || rollbacks === this.#space.rollbacks;
          if (isOver) throw error;
        }
      }
    } finally {
      if (acquired !== undefined) this.#stores.filters.release(acquired);
    }
  }

  /** With the beam that reaches the recall that was asked for. */
  async #calibrated(request: SearchRequest): Promise<SearchRequest> {
    const { k, recall, exact } = request.search;
    const isScan = exact || this.#space.vectors.counters.live <= this.#store.options.exactBelow;
    if (recall === undefined || isScan) return request;
    const beam = await this.#space.calibration.beamFor(k, recall);
    return { ...request, search: { ...request.search, ...beam } };
  }

  async #filter({ search, sequence }: SearchRequest): Promise<AcquiredFilter | undefined> {
    const { namespace, filter } = search;
    if (namespace === undefined && filter === undefined) return undefined;
    return await this.#stores.filters.acquire({ store: this.#store, namespace, filter, sequence });
  }

  async #attempt(request: SearchRequest, filter: FilterBits | undefined): Promise<Attempt> {
    const start = performance.now();
    const { metric } = this.#space.options;
    const { exactBelow } = this.#store.options;
    const { search, except, sequence } = request;
    const expired = this.#store.expiredIn(request);
    // Only spares a search with few matches that it looks for more: not worth a look at each of many.
    const gone = expired.records > FEW_EXPIRED ? 0 : expired.vectors(this.#space.ordinal);
    const vectors = this.#space.vectorsAt(sequence) - gone;
    const matching = filter === undefined ? vectors : Math.min(vectors, filter.count);
    const wanted = search.k + (except === undefined ? 0 : 1);
    const planned = {
      vectors,
      matching,
      isFiltered: filter !== undefined,
      ef: Math.max(search.ef, wanted),
      exactBelow,
      isExact: search.exact,
    };
    const query = joined(request, { filter, wanted, matching, planned });
    const tally = new Tally();
    let matches: readonly Match[] | undefined;
    let plan = planSearch(planned);
    if (plan === 'walk' || plan === 'expand') {
      matches = await this.#walk(query, plan === 'expand', tally);
      if (matches === undefined) plan = planExactSearch(planned);
    }
    matches ??= await this.#scan(query, tally);
    const within = matches.filter(
      ({ record, distance }) => record !== except && isWithin(distance, search, metric),
    );
    const totalMs = performance.now() - start;
    const walked = plan === 'walk' || plan === 'expand' ? plan : undefined;
    const isExact = walked === undefined;
    const how = {
      plan: walked ?? 'exact',
      exact: isExact,
      ef: tally.ef,
      stop: tally.stop,
    } as const;
    const stats = joined(tally.stats, joined(how, { matching, totalMs }));
    return { matches: within.slice(0, search.k), stats };
  }

  /** Walks the graph with a growing beam; undefined when a scan is the better way to go on. */
  async #walk(query: Query, expand: boolean, tally: Tally): Promise<readonly Match[] | undefined> {
    const { graph, vectors } = this.#space;
    const { vector, filter, search, wanted, matching } = query;
    // A beam that takes in everything there is need not be wider.
    const widest = vectors.counters.live + 1;
    const unseen = this.#space.unseenAt(query.sequence);
    let k = Math.min(wanted + unseen, widest);
    // What a stop was measured for: the first walk of a search without a filter.
    let stop = filter === undefined ? search.stop : 0;
    for (let ef = Math.min(Math.max(search.ef, wanted), widest); ; ef *= 4, k *= 4, stop = 0) {
      const { signal } = search;
      const candidates = await graph.search(vector, { k, ef, stop, filter, expand, signal });
      tally.add(candidates.stats, { ef, stop });
      const matches = await this.#verify(query, candidates);
      const isFull = matches.length >= Math.min(wanted, matching);
      if (isFull && !reachesBeyond(matches, wanted, candidates, k)) {
        if (filter === undefined) return matches;
        return await new StrayWalks(this.#store, this.#space).lead(matches, {
          query: { ...query, filter },
          walkFrom: async (entry) => {
            const found = await graph.search(vector, { k, ef, filter, expand, entry, signal });
            tally.add(found.stats, { ef, stop });
            return await this.#verify(query, found);
          },
        });
      }
      if (ef >= EF_WIDEST || ef >= matching) return undefined;
    }
  }

  /** Compares with every vector that can match. */
  async #scan(query: Query, tally: Tally): Promise<readonly Match[]> {
    const { graph, vectors } = this.#space;
    const { vector, filter, search, wanted, matching } = query;
    if (filter !== undefined && planExactSearch(query.planned) === 'measure') {
      return await this.#measure(query, filter, tally);
    }
    for (let k = wanted; ; k *= 4) {
      // One more than there are is as good as any number.
      k = Math.min(k, vectors.counters.live + 1);
      const candidates = await graph.searchExact(vector, { k, filter, signal: search.signal });
      tally.add(candidates.stats, { ef: 0, stop: 0 });
      const matches = await this.#verify(query, candidates);
      const isWhole = candidates.count < k || matches.length >= matching;
      if (isWhole || hasEnough(matches, wanted, candidates.distances[k - 1])) return matches;
    }
  }

  /** Compares with the vectors of the records that pass the filter, one by one. */
  async #measure(query: Query, filter: FilterBits, tally: Tally): Promise<readonly Match[]> {
    const { reader } = this.#store;
    const { graph, ordinal } = this.#space;
    const { search, sequence, vector } = query;
    const slice = new TimeSlice();
    const found: { record: number; node: number; head: Head }[] = [];
    for (const record of this.#stores.filters.recordsOf(filter)) {
      const head = reader.head(record, sequence);
      const node = head === undefined ? NO_NODE : nodeOf(head, ordinal);
      if (head === undefined || node === NO_NODE) continue;
      if (this.#isMatch(query, record, head)) found.push({ record, node, head });
      if (slice.isOver) await slice.yield();
    }
    const nodes = Uint32Array.from(found, ({ node }) => node);
    const distances = await graph.distancesTo(vector, nodes, search.signal);
    tally.stats = sumStats(tally.stats, { ...noCandidates.stats, refined: nodes.length });
    const matches = found.map((match, i) => ({ ...match, distance: distances[i] }));
    return matches.sort((a, b) => a.distance - b.distance || a.record - b.record);
  }

  /** Candidates that count, with what became a ghost only after the reader's sequence. */
  async #verify(query: Query, candidates: Candidates): Promise<readonly Match[]> {
    const matches: Match[] = [];
    if (this.#stores.reads.isSlow) await this.#readHeads(query, candidates);
    const slice = new TimeSlice();
    for (let i = 0; i < candidates.count; i++) {
      // A few more than wanted would do no harm; equal distances must all be seen.
      const isEnough = matches.length >= query.wanted;
      if (isEnough && candidates.distances[i] > matches[query.wanted - 1].distance) break;
      this.#offer(query, matches, candidates.nodes[i], candidates.distances[i]);
      if (slice.isOver) await slice.yield();
    }
    const ghosts = this.#space.recentGhosts.livingAt(query.sequence);
    if (ghosts.length > 0) await this.#offerGhosts(query, matches, ghosts);
    matches.sort((a, b) => a.distance - b.distance || a.record - b.record);
    return matches;
  }

  /** Reads the heads of the candidates that are looked at first, side by side. */
  async #readHeads({ wanted, sequence }: Query, { count, nodes }: Candidates): Promise<void> {
    const { heads, reads } = this.#stores;
    const { collection } = this.#store.entry;
    const first = nodes.slice(0, Math.min(count, wanted));
    const loads = Array.from(first, (node) => () => {
      heads.read(collection, this.#space.vectors.recordOf(node), sequence);
    });
    await reads.together(loads);
  }

  async #offerGhosts(query: Query, matches: Match[], ghosts: readonly number[]): Promise<void> {
    // Found by a walk before they became ghosts.
    const found = new Set(matches.map(({ node }) => node));
    const nodes = Uint32Array.from(ghosts.filter((node) => !found.has(node)));
    const { signal } = query.search;
    const distances = await this.#space.graph.distancesTo(query.vector, nodes, signal);
    const { wanted } = query;
    // Only what is nearer than the last of them can be one of those that are wanted.
    const farthest =
      matches.length < wanted ? Number.POSITIVE_INFINITY : matches[wanted - 1].distance;
    const slice = new TimeSlice();
    for (let i = 0; i < nodes.length; i++) {
      if (distances[i] > farthest) continue;
      this.#offer(query, matches, nodes[i], distances[i]);
      if (slice.isOver) await slice.yield();
    }
  }

  /** Adds a candidate that counts to the matches. */
  #offer(query: Query, matches: Match[], node: number, distance: number): void {
    const { entry } = this.#store;
    const { vectors, ordinal } = this.#space;
    const record = vectors.recordOf(node);
    const bytes = this.#stores.engine.get(HEADS_TREE, entry.collection, record, query.sequence);
    if (bytes === undefined || headNode(bytes, ordinal) !== node) return;
    const head = decodeHead(bytes);
    if (this.#isMatch(query, record, head)) matches.push({ record, node, distance, head });
  }

  /** Whether a candidate is one that is asked for: a ghost, and what shares a hash, need not be. */
  #isMatch({ search, filter, sequence, now }: Query, record: number, head: Head): boolean {
    const { namespace = head.namespace } = search;
    if (head.namespace !== namespace || hasExpired(head, { now })) return false;
    if (filter === undefined || search.filter === undefined) return true;
    if (!this.#stores.filters.has(filter, record)) return false;
    if (!filter.isHashed) return true;
    return search.filter.passes(this.#store.reader.metadata(record, sequence));
  }
}

/** Without a filter nothing is asked. */
function filterStats(acquired: AcquiredFilter | undefined): Pick<SearchStats, 'filter' | 'looked'> {
  return { filter: acquired?.source ?? 'none', looked: acquired?.looked ?? 0 };
}

/** Whether no candidate beyond the last one can belong to the first `wanted`. */
function hasEnough(matches: readonly Match[], wanted: number, lastDistance: number): boolean {
  return matches.length >= wanted && matches[wanted - 1].distance < lastDistance;
}

/**
 * Whether the first `wanted` hold some that are farther than everything the walk gave: ghosts of later commits
 * fill the places of candidates that did not count, and nearer ones may not have been given.
 */
function reachesBeyond(
  matches: readonly Match[],
  wanted: number,
  { count, distances }: Candidates,
  k: number,
): boolean {
  if (count < k || matches.length < wanted) return false;
  return matches[wanted - 1].distance > distances[count - 1];
}

/** Adds up what the rounds of one search did. */
class Tally {
  ef = 0;
  stop = 0;
  stats = noCandidates.stats;

  add(stats: GraphSearchStats, { ef, stop }: Beam): void {
    this.ef = ef;
    this.stop = stop;
    this.stats = sumStats(this.stats, stats);
  }
}
