/**
 * The plain search in one turn of the event loop: no filter, one walk, few nodes that readers see and pages do not.
 * Most searches are such, and so short that promises would be a fifth of them. What it cannot answer it leaves to
 * `Searcher`, which finds the same.
 */
import { planSearch } from '../filter/search-planner.ts';
import type { Candidates } from '../hnsw/candidates.ts';
import type { Measured } from '../hnsw/measure.ts';
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

/** So many nodes that became ghosts only for later readers are measured beside the walk; more take turns. */
const GHOSTS_NOW = 1024;
const ghosts = { nodes: new Uint32Array(GHOSTS_NOW), distances: new Float32Array(GHOSTS_NOW) };

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
  source: PlainSource,
  request: PlainRequest,
): readonly NamedMatch[] | undefined {
  const walk = planPlainly(source, request);
  const candidates = walk && source.space.graph.searchNow(request.vector, walk);
  return candidates && matchesOf(source, request, candidates);
}

/** One of many plain searches, with its walk. */
type PlainAsk<Request> = Walk & { readonly request: Request; readonly query: Float32Array };

/**
 * As `searchPlainly`, of what `next` gives, one after the other, with threads that share the walks; `found` is told of
 * those that came to their ends in this turn of the event loop, in any order.
 */
export function searchPlainlyTogether<Request extends PlainRequest>(
  source: PlainSource,
  next: () => Request | undefined,
  found: (request: Request, matches: readonly NamedMatch[]) => void,
): void {
  source.space.graph.searchTogether<PlainAsk<Request>>({
    next: () => {
      for (let request = next(); request !== undefined; request = next()) {
        const walk = planPlainly(source, request);
        if (walk === undefined) continue;
        const { k, ef, stop } = walk;
        return { k, ef, stop, request, query: request.vector };
      }
      return undefined;
    },
    found: ({ request }, candidates) => {
      const matches = matchesOf(source, request, candidates);
      if (matches !== undefined) found(request, matches);
    },
  });
}

/** How a plain search walks. */
interface Walk extends Beam {
  readonly k: number;
}

/** Undefined when it is no plain search. */
function planPlainly(
  { store, space }: PlainSource,
  { search, sequence, now }: PlainRequest,
): Walk | undefined {
  const { k, signal, exact: isExact } = search;
  if (search.namespace !== undefined || search.filter !== undefined) return undefined;
  const beam = beamOf(space, search);
  if (beam === undefined || beam.ef > EF_NOW || signal?.aborted) return undefined;
  if (store.expiredIn({ sequence, now }).records > 0) return undefined;
  if (space.recentGhosts.livingInto(sequence, ghosts.nodes) < 0) return undefined;
  const { ef, stop } = beam;
  const matching = space.vectorsAt(sequence);
  const { exactBelow } = store.options;
  // A spread with properties behind it would leave half a kilobyte a search to the full collection of garbage.
  const planned = { vectors: matching, matching, isFiltered: false, exactBelow, isExact, ef };
  if (planSearch(planned) !== 'walk' || k > matching) return undefined;
  return { k: k + space.unseenAt(sequence), ef, stop };
}

/** What of the candidates of its walk a search shows. Undefined when it has to widen. */
function matchesOf(
  source: PlainSource,
  { search, vector, sequence }: PlainRequest,
  candidates: Candidates,
): readonly NamedMatch[] | undefined {
  const { space } = source;
  const { k } = search;
  const matches: NamedMatch[] = [];
  const isRead = addNamed(source, search, { candidates, sequence, matches });
  // Some did not count, or there are more: the search widens.
  if (!isRead || matches.length < k) return undefined;
  inOrder(matches);
  const count = space.recentGhosts.livingInto(sequence, ghosts.nodes);
  if (count > 0) {
    const measured = { ...ghosts, count };
    if (!space.graph.distancesNow(vector, measured)) return undefined;
    const near = nearGhosts(measured, matches[k - 1].distance);
    if (!addNamed(source, search, { candidates: near, sequence, matches })) return undefined;
    inOrder(matches);
  }
  return nearest(matches, search, space);
}

/** Of the ghosts those that are no farther than the last match that is wanted: none of the others can take its place. */
function nearGhosts({ nodes, distances, count }: Measured, farthest: number): Ranked {
  let near = 0;
  for (let i = 0; i < count; i++) {
    if (distances[i] > farthest) continue;
    nodes[near] = nodes[i];
    distances[near++] = distances[i];
  }
  return { nodes, distances, count: near };
}

/** Nodes and how far they are. */
type Ranked = Pick<Candidates, 'nodes' | 'distances' | 'count' | 'records'>;

interface Naming {
  readonly candidates: Ranked;
  readonly sequence: number;
  readonly matches: NamedMatch[];
}

/** Undefined when it is to be measured first. */
function beamOf(
  { calibration }: VectorStore,
  { k, recall, ef, stop }: CheckedSearch,
): Beam | undefined {
  return recall === undefined ? { ef, stop } : calibration.knownBeamFor(k, recall);
}

/** Adds the candidates that count, each record once; false when a head is not to be read like the others. */
function addNamed(
  { stores: { heads }, store, space }: PlainSource,
  { include }: CheckedSearch,
  { candidates, sequence, matches }: Naming,
): boolean {
  const { collection } = store.entry;
  const { vectors, ordinal } = space;
  const { count, nodes, distances, records } = candidates;
  const walked = matches.length;
  const isNameEnough = ordinal === 0 && include.size === 0;
  for (let i = 0; i < count; i++) {
    const record = records === undefined ? vectors.recordOf(nodes[i]) : records[i];
    const isThere = isNameEnough
      ? heads.readName(collection, record, sequence)
      : heads.read(collection, record, sequence);
    if (isThere === undefined) return false;
    if (!isThere || heads.node(ordinal) !== nodes[i]) continue;
    // A walk finds each node once; a ghost may have been found by it, and be named twice.
    if (walked > 0 && matches.some((match) => match.record === record)) continue;
    const { namespace, id } = heads.name;
    const head = include.size > 0 ? heads.head : undefined;
    matches.push({ record, distance: distances[i], namespace, id, head });
  }
  return true;
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
