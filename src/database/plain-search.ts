/**
 * The plain search in one turn of the event loop: no filter, one walk, nothing that readers see and pages do not.
 * Most searches are such, and so short that promises would be a fifth of them. What it cannot answer it leaves to
 * `Searcher`, which finds the same.
 */
import { planSearch } from '../filter/search-planner.ts';
import type { Candidates } from '../hnsw/candidates.ts';
import type { CollectionStore } from './collection-store.ts';
import type { Head } from './head.ts';
import type { Beam } from './recall-curve.ts';
import type { RecordId } from './record.ts';
import { isWithin } from './search-limits.ts';
import type { CheckedSearch } from './search-plan.ts';
import type { SearchRequest } from './searcher.ts';
import type { Stores } from './stores.ts';
import type { VectorStore } from './vector-store.ts';

/** Wider beams are never answered in one turn of the event loop. */
const EF_NOW = 512;

/** What is searched. */
export interface PlainSource {
  readonly stores: Stores;
  readonly store: CollectionStore;
  readonly space: VectorStore;
}

/** The vector may be borrowed. */
export type PlainRequest = Pick<SearchRequest, 'search' | 'vector' | 'sequence' | 'now'>;

/** A match with what its hit shows. */
export interface NamedMatch {
  readonly record: number;
  readonly distance: number;
  readonly namespace: string;
  readonly id: RecordId;
  /** When something is to be included. */
  readonly head: Head | undefined;
}

/** The matches of a plain search. Undefined when it is none, or has to wait or to widen: then `Searcher` answers. */
export function searchPlainly(
  { stores, store, space }: PlainSource,
  { search, vector, sequence, now }: PlainRequest,
): readonly NamedMatch[] | undefined {
  const { k, signal, exact: isExact } = search;
  if (search.namespace !== undefined || search.filter !== undefined) return undefined;
  const beam = beamOf(space, search);
  if (beam === undefined || beam.ef > EF_NOW || signal?.aborted) return undefined;
  if (store.expiredIn({ sequence, now }).records > 0) return undefined;
  if (space.recentGhosts.livingAt(sequence).length > 0) return undefined;
  const { ef, stop } = beam;
  const matching = space.vectorsAt(sequence);
  const { exactBelow } = store.options;
  // A spread with properties behind it would leave half a kilobyte a search to the full collection of garbage.
  const planned = { vectors: matching, matching, isFiltered: false, exactBelow, isExact, ef };
  if (planSearch(planned) !== 'walk' || k > matching) return undefined;
  const candidates = space.graph.searchNow(vector, { k: k + space.unseenAt(sequence), ef, stop });
  if (candidates === undefined) return undefined;
  const matches = named({ stores, store, space }, search, { candidates, sequence });
  // Some did not count, or there are more: the search widens.
  if (matches === undefined || matches.length < k) return undefined;
  return nearest(inOrder(matches), search, space);
}

/** Undefined when it is to be measured first. */
function beamOf(
  { calibration }: VectorStore,
  { k, recall, ef, stop }: CheckedSearch,
): Beam | undefined {
  return recall === undefined ? { ef, stop } : calibration.knownBeamFor(k, recall);
}

/** The candidates that count; undefined when a head is not to be read like the others. */
function named(
  { stores: { heads }, store, space }: PlainSource,
  { include }: CheckedSearch,
  { candidates, sequence }: { readonly candidates: Candidates; readonly sequence: number },
): NamedMatch[] | undefined {
  const { collection } = store.entry;
  const { vectors, ordinal } = space;
  const { count, nodes, distances } = candidates;
  const matches: NamedMatch[] = [];
  for (let i = 0; i < count; i++) {
    const record = vectors.recordOf(nodes[i]);
    const isThere = heads.read(collection, record, sequence);
    if (isThere === undefined) return undefined;
    if (!isThere || heads.node(ordinal) !== nodes[i]) continue;
    const { namespace, id } = heads.name;
    const head = include.size > 0 ? heads.head : undefined;
    matches.push({ record, distance: distances[i], namespace, id, head });
  }
  return matches;
}

/** Sorted by distance and record; they nearly are. */
function inOrder(matches: NamedMatch[]): NamedMatch[] {
  for (let i = 1; i < matches.length; i++) {
    const { distance, record } = matches[i];
    const before = matches[i - 1];
    const isBehind =
      distance > before.distance || (distance === before.distance && record > before.record);
    if (!isBehind) return matches.sort((a, b) => a.distance - b.distance || a.record - b.record);
  }
  return matches;
}

/** The first k that are within the limits. */
function nearest(
  matches: NamedMatch[],
  search: CheckedSearch,
  { options: { metric } }: VectorStore,
): readonly NamedMatch[] {
  if (matches.length > search.k) matches.length = search.k;
  const { distance } = matches[matches.length - 1];
  // Of the farthest and so of all.
  if (isWithin(distance, search, metric)) return matches;
  return matches.filter((match) => isWithin(match.distance, search, metric));
}
