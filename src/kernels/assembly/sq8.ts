/**
 * SQ8: one byte a dimension, with a scale, the mean and the squared spread around it in the slot.
 *
 * A decoded value is mean + scale * (code - mean of the code). The query is coded around its own mean in
 * 15 bits, and so that its codes sum to exactly zero; then the mean of a code, which the slot has no
 * field for, drops out of every product with a query:
 *
 *   q . x     = n mean(q) mean(x) + scales * sum(q' c)
 *   |q - x|^2 = n (mean(q) - mean(x))^2 + spread(q) + spread(x) - 2 scales * sum(q' c)
 *
 * No term grows with an offset that the vectors share. Terms are combined in f64. What remains is
 * the rounding of spread(x) to f32: distances are exact to about 6e-8 of the squared spread.
 * A single dimension that is large in all vectors is spread, not offset: it takes the scale with it.
 *
 * The cosine distance is half the squared distance of the normalised vectors: unlike 1 - q . x, its
 * error shrinks with the distance.
 */
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_CODE,
  SLOT_MEAN,
  SLOT_SCALE,
  SLOT_SPREAD,
  SPACE_DIMENSION,
  SPACE_METRIC,
  WALK_QUERY,
  WALK_SPACE,
} from '../layout';
import { codeSum, dotCodes, dotQuery, dotQueryFour } from './dot';
import {
  queryCodeBytes,
  QUERY_CODE,
  QUERY_MEAN,
  QUERY_SCALE,
  QUERY_SPREAD,
} from './scratch';
import { inverseNorm } from './exact';
import { keyOf, storeTwoKeys } from './key';

/** 2^31 / 255, less room for the rounding of one unit a dimension at 16,384 dimensions. */
const QUERY_SUM_MAX: f64 = 8421504 - 16384 - 1;
const QUERY_VALUE_MAX: f64 = 32766;

/**
 * Codes the query at WALK_QUERY. Rounding carries its error on to the next value, so that the codes
 * sum to what the values sum to: zero.
 */
export function prepareSq8(walk: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const metric = load<u32>(space, SPACE_METRIC);
  const query = load<u32>(walk, WALK_QUERY);
  const code = load<u32>(walk, QUERY_CODE);
  const factor = metric == METRIC_COSINE ? inverseNorm(query, dimension) : 1;
  memory.fill(code, 0, queryCodeBytes(dimension));

  let total: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) total += <f64>load<f32>(query + (i << 2)) * factor;
  const mean = total / <f64>dimension;
  let largest: f64 = 0;
  let magnitudes: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    const magnitude = Math.abs(<f64>load<f32>(query + (i << 2)) * factor - mean);
    largest = max(largest, magnitude);
    magnitudes += magnitude;
  }
  const scale = max(largest / QUERY_VALUE_MAX, magnitudes / QUERY_SUM_MAX);

  let squares: f64 = 0;
  if (scale > 0) {
    let carried: f64 = 0;
    let written: f64 = 0;
    for (let i: u32 = 0; i < dimension; i++) {
      carried += (<f64>load<f32>(query + (i << 2)) * factor - mean) / scale;
      const value = Math.floor(carried + 0.5) - written;
      written += value;
      squares += value * value;
      store<i16>(code + (queryPosition(i, dimension) << 1), <i16>value);
    }
  }
  const isZero = metric == METRIC_COSINE && factor == 0;
  store<f64>(walk, mean, QUERY_MEAN);
  store<f64>(walk, scale, QUERY_SCALE);
  store<f64>(walk, isZero ? 1 : scale * scale * squares, QUERY_SPREAD);
}

/** The tail that does not fill a block of 16 stands at the end of its own block, see dot.ts. */
@inline
function queryPosition(i: u32, dimension: u32): u32 {
  const whole = dimension & ~15;
  return i < whole || dimension < 16 ? i : i + 16 - (dimension & 15);
}

/**
 * Turns `count` entries (slot address << 32 | node) at `entries` into walk keys, by the distances
 * between the prepared query and the codes in those slots; four at a time.
 */
export function measure(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const code = load<u32>(walk, QUERY_CODE);
  const mean = load<f64>(walk, QUERY_MEAN);
  const scale = load<f64>(walk, QUERY_SCALE);
  const spread = load<f64>(walk, QUERY_SPREAD);
  const end = entries + (count << 3);
  const isDot = metric == METRIC_DOT;
  const half: f64 = metric == METRIC_L2 ? 1 : 0.5;
  const fours = dimension < 16 ? entries : entries + ((count & ~3) << 3);
  let at = entries;
  for (; at < fours; at += 32) {
    const dots = dotQueryFour(
      code,
      load<u32>(at, 4) + SLOT_CODE,
      load<u32>(at, 12) + SLOT_CODE,
      load<u32>(at, 20) + SLOT_CODE,
      load<u32>(at, 28) + SLOT_CODE,
      dimension,
    );
    if (!isDot) {
      finishTwo(at, dots, half, dimension, mean, scale, spread);
      const others = i32x4.shuffle(dots, dots, 2, 3, 2, 3);
      finishTwo(at + 16, others, half, dimension, mean, scale, spread);
      continue;
    }
    finish(at, i32x4.extract_lane(dots, 0), metric, dimension, mean, scale, spread);
    finish(at + 8, i32x4.extract_lane(dots, 1), metric, dimension, mean, scale, spread);
    finish(at + 16, i32x4.extract_lane(dots, 2), metric, dimension, mean, scale, spread);
    finish(at + 24, i32x4.extract_lane(dots, 3), metric, dimension, mean, scale, spread);
  }
  for (; at < end; at += 8) {
    const dot = dotQuery(code, load<u32>(at, 4) + SLOT_CODE, dimension);
    finish(at, dot, metric, dimension, mean, scale, spread);
  }
}

/** From the product of codes to the key of one entry. */
@inline
function finish(
  at: u32,
  dot: i32,
  metric: u32,
  dimension: u32,
  mean: f64,
  scale: f64,
  spread: f64,
): void {
  const slot = load<u32>(at, 4);
  const distance = combine(
    metric,
    <f64>dimension,
    mean,
    <f64>load<f32>(slot, SLOT_MEAN),
    spread + <f64>load<f32>(slot, SLOT_SPREAD),
    scale * <f64>load<f32>(slot, SLOT_SCALE) * <f64>dot,
  );
  store<u64>(at, keyOf(distance, load<u32>(at)));
}

/** As `finish`, of two entries, by the first two of the products; not for the dot metric. `half`: 1, or 0.5 for cosines. */
@inline
function finishTwo(
  at: u32,
  dots: v128,
  half: f64,
  dimension: u32,
  mean: f64,
  scale: f64,
  spread: f64,
): void {
  const first = v128.load(load<u32>(at, 4));
  const second = v128.load(load<u32>(at, 12));
  const scales = f64x2.promote_low_f32x4(i32x4.shuffle(first, second, 1, 5, 1, 5));
  const means = f64x2.promote_low_f32x4(i32x4.shuffle(first, second, 2, 6, 2, 6));
  const spreads = f64x2.promote_low_f32x4(i32x4.shuffle(first, second, 3, 7, 3, 7));
  const product = f64x2.mul(
    f64x2.mul(f64x2.splat(scale), scales),
    f64x2.convert_low_i32x4_s(dots),
  );
  const shift = f64x2.sub(f64x2.splat(mean), means);
  const shifts = f64x2.mul(f64x2.mul(f64x2.splat(<f64>dimension), shift), shift);
  const sums = f64x2.add(shifts, f64x2.add(f64x2.splat(spread), spreads));
  const squared = f64x2.pmax(f64x2.sub(sums, f64x2.add(product, product)), f64x2.splat(0));
  storeTwoKeys(at, f32x4.demote_f64x2_zero(f64x2.mul(squared, f64x2.splat(half))));
}

/** A distance: from the means of two vectors, the sum of their spreads, their product around the means. */
@inline
export function combine(
  metric: u32,
  dimension: f64,
  left: f64,
  right: f64,
  spreads: f64,
  product: f64,
): f32 {
  if (metric == METRIC_DOT) return <f32>-(dimension * left * right + product);
  const shift = left - right;
  const squared = max<f64>(dimension * shift * shift + spreads - 2 * product, 0);
  return <f32>(metric == METRIC_L2 ? squared : 0.5 * squared);
}

/** Distance between the codes of two slots. */
export function codeDistanceSq8(space: u32, left: u32, right: u32): f32 {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const n = <f64>dimension;
  const leftSum = <f64>codeSum(left + SLOT_CODE, dimension);
  const rightSum = <f64>codeSum(right + SLOT_CODE, dimension);
  const leftScale = <f64>load<f32>(left, SLOT_SCALE);
  const rightScale = <f64>load<f32>(right, SLOT_SCALE);
  const product = <f64>dotCodes(left + SLOT_CODE, right + SLOT_CODE, dimension);
  return combine(
    load<u32>(space, SPACE_METRIC),
    n,
    <f64>load<f32>(left, SLOT_MEAN),
    <f64>load<f32>(right, SLOT_MEAN),
    spreadOf(left, leftScale, leftSum, dimension) + spreadOf(right, rightScale, rightSum, dimension),
    leftScale * rightScale * (product - (leftSum * rightSum) / n),
  );
}

/**
 * The spread of a slot, not rounded to f32: so that equal codes are at distance 0 exactly. A code
 * without a scale has the spread that its slot says.
 */
export function spreadOf(slot: u32, scale: f64, sum: f64, dimension: u32): f64 {
  if (scale == 0) return <f64>load<f32>(slot, SLOT_SPREAD);
  const squares = <f64>dotCodes(slot + SLOT_CODE, slot + SLOT_CODE, dimension);
  return scale * scale * (squares - (sum * sum) / <f64>dimension);
}
