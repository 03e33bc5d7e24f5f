/** Sorting nodes to the nearest of a few leaders: how a bulk build cuts the nodes into leaves. */
import {
  BUILD_ROW_STRIDE,
  BUILD_ROWS,
  BUILD_SPACE,
  SPACE_DIMENSION,
} from '../layout';
import {
  buildRows,
  fourRowDistances,
  nearnessOf,
  paddedDimension,
  rowDistance,
} from './build-rows';

/**
 * Writes, for each of `count` nodes, the position of its nearest leader to `nearest`, and of its second
 * nearest to `second` unless that is 0. Leaders are rows. By Euclidean distance where the metric is dot: leaves
 * are neighbourhoods, not the followings of long vectors. The first leader wins a draw. Uses BUILD_ROWS.
 */
export function buildAssign(
  job: u32,
  ids: u32,
  count: u32,
  leaders: u32,
  leaderCount: u32,
  nearest: u32,
  second: u32,
): void {
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const measure = nearnessOf(space);
  const padded = paddedDimension(dimension);
  const n = <f32>dimension;
  const stride = load<u32>(job, BUILD_ROW_STRIDE);
  const row = load<u32>(job, BUILD_ROWS);
  const fours = leaderCount & ~3;
  for (let i: u32 = 0; i < count; i++) {
    buildRows(job, ids + (i << 2), 1, row);
    let best: f32 = Infinity;
    let other: f32 = Infinity;
    let bestAt: u32 = 0;
    let otherAt: u32 = 0;
    let leader = leaders;
    let four = f32x4.splat(0);
    for (let j: u32 = 0; j < leaderCount; j++) {
      let distance: f32;
      if (j < fours) {
        const lane = j & 3;
        if (lane == 0) four = fourRowDistances(row, leader, stride, padded, n, measure);
        distance = f32x4.extract_lane(four, 0);
        four = f32x4.shuffle(four, four, 1, 2, 3, 0);
      } else {
        distance = rowDistance(row, leader, padded, n, measure);
      }
      if (distance < best) {
        other = best;
        otherAt = bestAt;
        best = distance;
        bestAt = j;
      } else if (distance < other) {
        other = distance;
        otherAt = j;
      }
      leader += stride;
    }
    store<u32>(nearest + (i << 2), bestAt);
    if (second != 0) store<u32>(second + (i << 2), otherAt);
  }
}
