/** How good a distance is, and whether it is within the limits of a search. */
import type { Metric } from './options.ts';
import type { CheckedSearch } from './search-plan.ts';

/** Whether a distance is within the limits of the search. */
export function isWithin(
  distance: number,
  search: CheckedSearch,
  metric: Metric | undefined,
): boolean {
  return distance <= search.maxDistance && scoreOf(distance, metric) >= search.minScore;
}

/** Larger is better; see `Hit.score`. Undefined: distances of several metrics. */
export function scoreOf(distance: number, metric: Metric | undefined): number {
  if (metric === 'l2') return 1 / (1 + distance);
  return metric === 'cosine' ? 1 - distance : -distance;
}
