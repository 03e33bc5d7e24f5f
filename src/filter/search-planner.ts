/**
 * Which way to search: a pure function of how many vectors there are, how many of them can match, and what is
 * wanted. It compares what the ways cost; an exact one wins a draw.
 *
 *   measure   the matching records one by one: a head, an original and a distance each
 *   scan      every page in its order: a look at each record number, an original and a distance for each match
 *   walk      the graph; every node that is met is measured, those that match become results
 *   expand    the graph through two hops: only nodes that match are measured
 *
 * A walk meets about `8 ef / share` nodes before the `ef` nearest matching ones are found, and more where what matches
 * lies far from the query; through two hops it reads about as many lists and measures a tenth of the nodes, which
 * pays where few of them match and most of all where those lie elsewhere. The figures are ns, measured on 100,000
 * vectors of 120 and 128 dimensions at shares from 0.01 % to 90 %, of random and of correlated fields
 * (`npm run bench -- filter --full`).
 */

export type SearchWay = 'measure' | 'scan' | 'walk' | 'expand';

export interface PlannedSearch {
  /** Living vectors. */
  readonly vectors: number;
  /** At the most so many of them match; all, without a filter. */
  readonly matching: number;
  readonly isFiltered: boolean;
  readonly ef: number;
  /** So few are always compared one by one. */
  readonly exactBelow: number;
  /** The caller asks for the exact answer. */
  readonly isExact: boolean;
}

const MEASURE_NS = 2000;
const SCAN_VECTOR_NS = 8;
const SCAN_MATCH_NS = 500;
/** Of one of `ef / share`; with what it takes in bad cases, which are several times as slow. */
const WALK_NS = 1200;
/** With a filter so few are compared without a look at anything else. */
const FEW_MATCHES = 1000;
/** From this share on walks measure everything that they meet. */
const EXPAND_SHARE_MAX = 0.12;

export function planSearch(search: PlannedSearch): SearchWay {
  const { vectors, matching, isFiltered, exactBelow, isExact, ef } = search;
  const exactWay = planExactSearch(search);
  if (isExact || matching <= exactBelow) return exactWay;
  if (!isFiltered) return 'walk';
  if (matching <= FEW_MATCHES) return exactWay;
  const share = matching / vectors;
  const exactNs = exactWay === 'measure' ? measureNs(search) : scanNs(search);
  if (exactNs <= (ef / share) * WALK_NS) return exactWay;
  return share < EXPAND_SHARE_MAX ? 'expand' : 'walk';
}

/** The cheaper one of the two ways that miss nothing. */
export function planExactSearch(search: PlannedSearch): 'measure' | 'scan' {
  return search.isFiltered && measureNs(search) <= scanNs(search) ? 'measure' : 'scan';
}

function measureNs({ matching }: PlannedSearch): number {
  return matching * MEASURE_NS;
}

function scanNs({ vectors, matching }: PlannedSearch): number {
  return vectors * SCAN_VECTOR_NS + matching * SCAN_MATCH_NS;
}
