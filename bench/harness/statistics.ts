/** Medians, spreads, percentiles, and the speed at a recall. */

/** Of a copy; NaN when there are no values. */
export function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 50);
}

/** The middle of the two values around rank `percent` of an ascending array. */
export function percentile(sorted: Float64Array, percent: number): number {
  if (sorted.length === 0) return Number.NaN;
  const rank = (percent / 100) * (sorted.length - 1);
  const low = sorted[Math.floor(rank)];
  const high = sorted[Math.ceil(rank)];
  return low + (high - low) * (rank - Math.floor(rank));
}

/** (largest − smallest) / median: 0.1 says that rounds differed by a tenth. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

export interface SpeedPoint {
  readonly ef: number;
  readonly recall: number;
  readonly queriesPerSecond: number;
}

export interface SpeedAtRecall {
  readonly queriesPerSecond: number;
  /** The `ef` that would give it, interpolated alike. */
  readonly ef: number;
  /** Every measured `ef` did better than the target: the speed of the fastest one, a lower bound. */
  readonly isLowerBound: boolean;
}

/**
 * The speed at `target` recall, between the first two neighbouring values of `ef` that enclose it: linear
 * in recall, in the logarithm of the speed. Undefined when no point reaches the target. `points` are in
 * ascending order of `ef`.
 */
export function speedAtRecall(
  points: readonly SpeedPoint[],
  target: number,
): SpeedAtRecall | undefined {
  const index = points.findIndex(({ recall }) => recall >= target);
  if (index === -1) return undefined;
  const above = points[index];
  if (index === 0) {
    const isLowerBound = above.recall > target;
    return { queriesPerSecond: above.queriesPerSecond, ef: above.ef, isLowerBound };
  }
  const below = points[index - 1];
  const share = (target - below.recall) / (above.recall - below.recall);
  const between = (a: number, b: number): number =>
    Math.exp(Math.log(a) + share * (Math.log(b) - Math.log(a)));
  return {
    queriesPerSecond: between(below.queriesPerSecond, above.queriesPerSecond),
    ef: between(below.ef, above.ef),
    isLowerBound: false,
  };
}
