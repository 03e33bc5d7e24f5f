/**
 * Which way to search: a pure function of how many vectors there are, how many of them can match, and what is
 * wanted. It compares what the ways cost, in distances of a walk; an answer that is exact wins a draw.
 *
 *   measure   the matching records one by one: a head, an original and a distance each
 *   scan      every original in the order of the pages: exact too, a small fraction of that for each
 *   walk      the graph; every node that is met is measured, those that match become results
 *   expand    the graph through two hops: only nodes that match are measured
 *
 * A walk meets about `ef / share` nodes before `ef` matching ones are nearest, more where what matches lies far
 * from the query. The figures are from 128 and 784 dimensions and shares from 0.01 % to 90 % (`npm run bench -- filter`).
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

/** Costs of one node, of one record, of one vector; in distances of a walk. */
const HOP_COST = 16;
const MEASURE_COST = 60;
const SCAN_COST = 4;
/** With a filter so few are compared without a look at anything else. */
const FEW_MATCHES = 1000;
/** From this share on most nodes that are met match, and measuring all is cheaper than looking twice as far. */
const EXPAND_SHARE_MAX = 0.35;

export function planSearch(search: PlannedSearch): SearchWay {
  const { vectors, matching, isFiltered, exactBelow, isExact } = search;
  const exactWay = cheaperExactWay(search);
  if (isExact || matching <= exactBelow) return exactWay;
  if (!isFiltered) return 'walk';
  if (matching <= FEW_MATCHES) return exactWay;
  const share = matching / vectors;
  const exactCost = exactWay === 'measure' ? matching * MEASURE_COST : vectors * SCAN_COST;
  if (exactCost <= walkCost(search, share)) return exactWay;
  return share < EXPAND_SHARE_MAX ? 'expand' : 'walk';
}

/** Of the two exact ways. */
export function cheaperExactWay({ vectors, matching, isFiltered }: PlannedSearch): SearchWay {
  return isFiltered && matching * MEASURE_COST <= vectors * SCAN_COST ? 'measure' : 'scan';
}

function walkCost({ ef }: PlannedSearch, share: number): number {
  return (ef / share) * HOP_COST;
}
