/**
 * One node of a bulk build against many that are met once: a row for each (`build-rows.ts`) would cost more than
 * the distance. The node's code is widened as in a row, the others are read as they are.
 *
 * With codes c, rounded means m and rests r of a and b: the product of rows is the sum of (c(a) - m(a)) c(b), less
 * m(b) r(a). So distances are those of rows, but for the spread of a slot, which is rounded otherwise.
 */
import {
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_ROWS,
  BUILD_SPACE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_CODE,
  SLOT_MEAN,
  SLOT_SCALE,
  SLOT_SPREAD,
  SLOT_SQUARES,
  SPACE_DIMENSION,
  SPACE_METRIC,
} from '../layout';
import { codeSum, dotQuery, dotQueryFour } from './dot';
import { distanceBetween } from './exact';
import { keyOf } from './key';
import { holdsVectors } from './space';

/** Turns `count` entries (slot << 32 | node) into keys, by the distances of `node` to those slots. */
export function measureMet(job: u32, node: u32, entries: u32, count: u32): void {
  const space = load<u32>(job, BUILD_SPACE);
  const slot = load<u32>(job, BUILD_CODES) + node * load<u32>(job, BUILD_CODE_STRIDE);
  if (holdsVectors(space)) measureVectors(space, slot, entries, count);
  else measureCodes(job, space, slot, entries, count);
}

function measureVectors(space: u32, slot: u32, entries: u32, count: u32): void {
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const squares = load<f32>(slot, SLOT_SQUARES);
  const end = entries + (count << 3);
  for (let at = entries; at < end; at += 8) {
    const other = load<u32>(at, 4);
    const code = other + SLOT_CODE;
    const otherSquares = load<f32>(other, SLOT_SQUARES);
    const distance = distanceBetween(metric, slot + SLOT_CODE, squares, code, otherSquares, dimension);
    store<u64>(at, keyOf(distance, load<u32>(at)));
  }
}

function measureCodes(job: u32, space: u32, slot: u32, entries: u32, count: u32): void {
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const query = load<u32>(job, BUILD_ROWS);
  const rest = writeQuery(slot + SLOT_CODE, dimension, query);
  const end = entries + (count << 3);
  const fours = dimension < 16 ? entries : entries + ((count & ~3) << 3);
  let at = entries;
  for (; at < fours; at += 32) {
    const dots = dotQueryFour(
      query,
      load<u32>(at, 4) + SLOT_CODE,
      load<u32>(at, 12) + SLOT_CODE,
      load<u32>(at, 20) + SLOT_CODE,
      load<u32>(at, 28) + SLOT_CODE,
      dimension,
    );
    finish(at, slot, rest, i32x4.extract_lane(dots, 0), dimension, metric);
    finish(at + 8, slot, rest, i32x4.extract_lane(dots, 1), dimension, metric);
    finish(at + 16, slot, rest, i32x4.extract_lane(dots, 2), dimension, metric);
    finish(at + 24, slot, rest, i32x4.extract_lane(dots, 3), dimension, metric);
  }
  for (; at < end; at += 8) {
    const dot = dotQuery(query, load<u32>(at, 4) + SLOT_CODE, dimension);
    finish(at, slot, rest, dot, dimension, metric);
  }
}

/** Writes a code around its rounded mean, the tail where `dot.ts` wants it; returns the sum of what was written. */
function writeQuery(code: u32, dimension: u32, query: u32): i32 {
  const sum = codeSum(code, dimension);
  const mean = roundedMean(sum, dimension);
  const whole = dimension & ~15;
  const shift = dimension < 16 ? 0 : 16 - (dimension & 15);
  memory.fill(query + (whole << 1), 0, 32);
  for (let i: u32 = 0; i < dimension; i++) {
    const place = i < whole ? i : i + shift;
    store<i16>(query + (place << 1), <i16>(<i32>load<u8>(code + i) - mean));
  }
  return <i32>sum - mean * <i32>dimension;
}

@inline
function roundedMean(sum: u32, dimension: u32): i32 {
  return <i32>((sum + (dimension >> 1)) / dimension);
}

@inline
function finish(at: u32, slot: u32, rest: i32, dot: i32, dimension: u32, metric: u32): void {
  const other = load<u32>(at, 4);
  const sum = codeSum(other + SLOT_CODE, dimension);
  const mean = roundedMean(sum, dimension);
  const n = <f32>dimension;
  const rests = (<f32>rest * <f32>(<i32>sum - mean * <i32>dimension)) / n;
  const scales = load<f32>(slot, SLOT_SCALE) * load<f32>(other, SLOT_SCALE);
  const product = scales * (<f32>(dot - mean * rest) - rests);
  const left = load<f32>(slot, SLOT_MEAN);
  const right = load<f32>(other, SLOT_MEAN);
  let distance: f32;
  if (metric == METRIC_DOT) {
    distance = -(n * (left * right) + product);
  } else {
    const shift = left - right;
    const spreads = load<f32>(slot, SLOT_SPREAD) + load<f32>(other, SLOT_SPREAD);
    const squared = n * shift * shift + max<f32>(spreads - 2 * product, 0);
    distance = metric == METRIC_L2 ? squared : 0.5 * squared;
  }
  store<u64>(at, keyOf(distance, load<u32>(at)));
}
