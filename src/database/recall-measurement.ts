/** The recall of searches as a user asks for them, against exact search, with stored records as queries. */
import { seededRandom } from '../base/random.ts';
import type { CollectionStore } from './collection-store.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import type { ReadView } from './read-view.ts';
import { type CheckedSearch, checkSearch } from './search-plan.ts';
import { type Found, Searcher } from './searcher.ts';
import type { Stores } from './stores.ts';
import { checkInteger, checkKeys } from './validate.ts';

/** Options of `Collection.recall`. */
export interface RecallOptions {
  /** How many stored records are searched by. Default: 100. */
  readonly sample?: number | undefined;
  /** Neighbours looked for. Default: 10. */
  readonly k?: number | undefined;
  /** As in `search`. Default: as there. */
  readonly ef?: number | undefined;
  /** As in `search`: whether it is reached. Default: none. */
  readonly recall?: number | undefined;
  /** The vector space. Default: the default one. */
  readonly vectorName?: string | undefined;
  /** Of the sample. Default: 1. */
  readonly seed?: number | undefined;
  /** Ends the measurement with `ABORTED`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What `Collection.recall` measured. */
export interface RecallReport {
  /** Share of the true k nearest that searches found, 0 to 1; 1 when there was nothing to find. */
  readonly recall: number;
  /** Records that were searched by; fewer than asked for in a small collection. */
  readonly sample: number;
  /** As asked for. */
  readonly k: number;
  /** The largest beam width that was used; 0 when searches compared with every vector. */
  readonly ef: number;
  /** Mean time of a search. */
  readonly searchMs: number;
  /** Mean time of an exact one. */
  readonly exactMs: number;
}

/** @internal */
export interface CheckedRecall {
  readonly search: CheckedSearch;
  readonly sample: number;
  readonly seed: number;
}

const KEYS = ['sample', 'k', 'ef', 'recall', 'vectorName', 'seed', 'signal'] as const;
const SAMPLE_MAX = 100_000;

/** @internal */
export function checkRecall(
  options: RecallOptions,
  collection: EffectiveCollectionOptions,
): CheckedRecall {
  checkKeys(options, KEYS, 'recall');
  const { sample = 100, seed = 1, ...search } = options;
  return {
    // By an id that is not looked at: each search has the vector of its record.
    search: checkSearch({ ...search, id: 0 }, collection),
    sample: checkInteger(sample, 'sample', { from: 1, to: SAMPLE_MAX }),
    seed: checkInteger(seed, 'seed', { from: 0, to: Number.MAX_SAFE_INTEGER }),
  };
}

/** @internal The caller holds the view. ABORTED. */
export async function measureRecall(
  stores: Stores,
  store: CollectionStore,
  { search, sample, seed }: CheckedRecall,
  { sequence, now }: ReadView,
): Promise<RecallReport> {
  const space = store.spaceNamed(search.targets[0].vectorName);
  const release = space.recentGhosts.hold(sequence);
  try {
    const searcher = new Searcher(stores, store, space);
    const total = { found: 0, wanted: 0, ef: 0, searchMs: 0, exactMs: 0 };
    const nodes = sampleNodes(space.vectors, sample, seed);
    for (const node of nodes) {
      const vector = space.vectors.readVector(node);
      const request = { search, vector, except: space.vectors.recordOf(node), sequence, now };
      const answer = await searcher.search(request);
      const truth = await searcher.search({ ...request, search: { ...search, exact: true } });
      total.wanted += truth.matches.length;
      total.found += countFound(answer, truth);
      total.ef = Math.max(total.ef, answer.stats.ef);
      total.searchMs += answer.stats.totalMs;
      total.exactMs += truth.stats.totalMs;
    }
    const queries = Math.max(1, nodes.length);
    return {
      recall: total.wanted === 0 ? 1 : total.found / total.wanted,
      sample: nodes.length,
      k: search.k,
      ef: total.ef,
      searchMs: total.searchMs / queries,
      exactMs: total.exactMs / queries,
    };
  } finally {
    release();
  }
}

interface Nodes {
  readonly counters: { readonly pages: number; readonly live: number };
  readonly geometry: { readonly slotsPerPage: number };
  isLive(node: number): boolean;
}

/** Living nodes, none twice. */
function sampleNodes(vectors: Nodes, sample: number, seed: number): number[] {
  const { pages, live } = vectors.counters;
  const places = pages * vectors.geometry.slotsPerPage;
  const random = seededRandom(seed);
  const nodes = new Set<number>();
  const wanted = Math.min(sample, live);
  for (let node = 0; wanted === live && node < places; node++) {
    if (vectors.isLive(node)) nodes.add(node);
  }
  // Pages are full, or nearly, as a rule; what chance does not find is not needed.
  for (let tries = 0; tries < 50 * wanted && nodes.size < wanted; tries++) {
    const node = Math.floor(random() * places);
    if (vectors.isLive(node)) nodes.add(node);
  }
  return [...nodes];
}

/** Matches as near as one that is true; equal distances are as good as each other. */
function countFound(answer: Found, truth: Found): number {
  const reach = truth.matches.at(-1)?.distance ?? Number.NEGATIVE_INFINITY;
  const width = 1e-6 * Math.abs(reach) + 1e-9;
  const found = answer.matches.filter(({ distance }) => distance <= reach + width).length;
  return Math.min(found, truth.matches.length);
}
