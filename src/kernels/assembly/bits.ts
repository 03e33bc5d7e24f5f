/**
 * 1-bit codes: the signs of a randomly rotated vector, after RaBitQ (Gao and Long, "RaBitQ: quantizing
 * high-dimensional vectors with a theoretical error bound for approximate nearest neighbor search", SIGMOD
 * 2024), with factors that make the estimates of distances unbiased.
 *
 * r = x - centroid, u = the rotation of r / |r|, B = the number of bits, s = sign(u). For any query with
 * the rest q = query - centroid, rotated to v:
 *
 *   r . q  is estimated by  step * (s . v)        step = |r| / sum |u_i|
 *
 * s is u plus something orthogonal to it whose direction is as good as random: the estimate is right in
 * the mean, with a standard error of BIT_ERROR times the part of q that is orthogonal to r. That part is
 * shorter than |q|, and than the distance of the two vectors, so near ones are estimated better.
 *
 * v is coded in 4 bits, w_i in [-8, 7], as bit planes of two's complement: s . w = 2 sum(w_i : bit i) - sum(w_i),
 * and a sum over the set bits is one AND and one count of bits a plane. The factor |v|^2 / (v . w) makes
 * up for what rounding takes away.
 */
import {
  BIT_BASE,
  BIT_CODE,
  BIT_ERROR,
  BIT_STEP,
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SPACE_BIT_CENTROID,
  SPACE_BIT_COUNT,
  SPACE_BIT_SEED,
  SPACE_DIMENSION,
  SPACE_METRIC,
  WALK_QUERY,
  WALK_SPACE,
} from '../layout';
import { inverseNorm } from './exact';
import { keyOf } from './key';
import { rotate } from './rotate';
import {
  GATHER,
  GATHER_FOR_NONE,
  GATHER_OWNER,
  planeBytes,
  QUERY_BASE,
  QUERY_FACTOR,
  QUERY_NOISE,
  QUERY_PLANES,
  QUERY_REST,
  QUERY_SUM,
} from './scratch';

/**
 * The largest value stands just within rounding of 7. Clipping it would give finer steps, but what clipping
 * takes away is not the same for near vectors as for far ones: their estimates would be biased.
 */
const STEPS_TO_LARGEST: f64 = 7.5;

/** 1.5 x 2^23: what it is added to is rounded to an integer. */
const ROUNDER: f32 = 12582912;

/** The squared length of the rest, and its product with the centroid; summed up by four, then the tail. */
@inline
function addRest(vector: u32, centroid: u32, dimension: u32, factor: f64): v128 {
  const factors = f64x2.splat(factor);
  let squares = f64x2.splat(0);
  let squaresHigh = f64x2.splat(0);
  let centers = f64x2.splat(0);
  let centersHigh = f64x2.splat(0);
  const fours = (dimension & ~3) << 2;
  const end = dimension << 2;
  for (let i: u32 = 0; i < fours; i += 16) {
    const values = v128.load(vector + i);
    const center = v128.load(centroid + i);
    const low = f64x2.promote_low_f32x4(center);
    const high = f64x2.promote_low_f32x4(highHalf(center));
    const a = f64x2.sub(f64x2.mul(f64x2.promote_low_f32x4(values), factors), low);
    const b = f64x2.sub(f64x2.mul(f64x2.promote_low_f32x4(highHalf(values)), factors), high);
    squares = f64x2.add(squares, f64x2.mul(a, a));
    squaresHigh = f64x2.add(squaresHigh, f64x2.mul(b, b));
    centers = f64x2.add(centers, f64x2.mul(a, low));
    centersHigh = f64x2.add(centersHigh, f64x2.mul(b, high));
  }
  let sums = f64x2(
    pairSum(f64x2.add(squares, squaresHigh)),
    pairSum(f64x2.add(centers, centersHigh)),
  );
  for (let i = fours; i < end; i += 4) {
    const center = <f64>load<f32>(centroid + i);
    const rest = <f64>load<f32>(vector + i) * factor - center;
    sums = f64x2.add(sums, f64x2.mul(f64x2.splat(rest), f64x2(rest, center)));
  }
  return sums;
}

/** Writes the rotated rest, four times its unit vector, to `work`. */
@inline
function rotateRest(
  space: u32,
  vector: u32,
  factor: f64,
  inverse: f64,
  work: u32,
): void {
  const bytes = load<u32>(space, SPACE_DIMENSION) << 2;
  const count = load<u32>(space, SPACE_BIT_COUNT);
  const centroid = load<u32>(space, SPACE_BIT_CENTROID);
  const fours = bytes & ~15;
  const factors = f64x2.splat(factor);
  const inverses = f64x2.splat(inverse);
  for (let i: u32 = 0; i < fours; i += 16) {
    const values = v128.load(vector + i);
    const center = v128.load(centroid + i);
    const low = f64x2.sub(
      f64x2.mul(f64x2.promote_low_f32x4(values), factors),
      f64x2.promote_low_f32x4(center),
    );
    const high = f64x2.sub(
      f64x2.mul(f64x2.promote_low_f32x4(highHalf(values)), factors),
      f64x2.promote_low_f32x4(highHalf(center)),
    );
    const scaledLow = f32x4.demote_f64x2_zero(f64x2.mul(low, inverses));
    const scaledHigh = f32x4.demote_f64x2_zero(f64x2.mul(high, inverses));
    v128.store(work + i, v128.shuffle<f32>(scaledLow, scaledHigh, 0, 1, 4, 5));
  }
  for (let i = fours; i < bytes; i += 4) {
    const rest = <f64>load<f32>(vector + i) * factor - <f64>load<f32>(centroid + i);
    store<f32>(work + i, <f32>(rest * inverse));
  }
  memory.fill(work + bytes, 0, (count << 2) - bytes);
  rotate(work, count, load<u32>(space, SPACE_BIT_SEED));
}

/** Fills factors and bits of a slot; the record number is left alone. `work` is f32[SPACE_BIT_COUNT]. */
export function encodeBits(space: u32, vector: u32, slot: u32, work: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const metric = load<u32>(space, SPACE_METRIC);
  const count = load<u32>(space, SPACE_BIT_COUNT);
  const factor = metric == METRIC_COSINE ? inverseNorm(vector, dimension) : 1;
  const rest = addRest(vector, load<u32>(space, SPACE_BIT_CENTROID), dimension, factor);
  const squares = f64x2.extract_lane(rest, 0);
  const length = Math.sqrt(squares);
  rotateRest(space, vector, factor, squares > 0 ? 1 / length : 0, work);
  const sums = packSigns(work, count, slot + BIT_CODE);
  const magnitudes = f64x2.extract_lane(sums, 0);
  const rotated = f64x2.extract_lane(sums, 1);

  // (1 - s^2) / s^2 with s = the cosine between u and its signs.
  const spread = magnitudes > 0 ? (<f64>count * rotated) / (magnitudes * magnitudes) - 1 : 0;
  const step = magnitudes > 0 ? (length * Math.sqrt(rotated)) / magnitudes : 0;
  store<f32>(slot, <f32>step, BIT_STEP);
  store<f32>(slot, <f32>baseOf(metric, squares, f64x2.extract_lane(rest, 1), factor), BIT_BASE);
  store<f32>(slot, <f32>(length * Math.sqrt(max<f64>(spread, 0) / <f64>(count - 1))), BIT_ERROR);
}

/**
 * What one of two vectors adds to a distance. A vector of zeros is at cosine distance 1 from all
 * others, as a vector whose rest is orthogonal to theirs.
 */
@inline
function baseOf(metric: u32, squares: f64, center: f64, factor: f64): f64 {
  if (metric == METRIC_DOT) return -center;
  if (metric == METRIC_L2) return squares;
  return 0.5 * (factor == 0 ? squares + 1 : squares);
}

/**
 * Writes a 1 for each value that is not negative. Returns the sums of magnitudes and of squares, each
 * summed up by four, as the lanes of a register go.
 */
function packSigns(values: u32, count: u32, bits: u32): v128 {
  let magnitudes = f64x2.splat(0);
  let magnitudesHigh = f64x2.splat(0);
  let squares = f64x2.splat(0);
  let squaresHigh = f64x2.splat(0);
  for (let i: u32 = 0; i < count; i += 4) {
    const four = v128.load(values + (i << 2));
    const signs = ~i32x4.bitmask(four) & 15;
    const byte = bits + (i >> 3);
    store<u8>(byte, (i & 4) == 0 ? signs : load<u8>(byte) | (signs << 4));
    const low = f64x2.abs(f64x2.promote_low_f32x4(four));
    const high = f64x2.abs(f64x2.promote_low_f32x4(highHalf(four)));
    magnitudes = f64x2.add(magnitudes, low);
    magnitudesHigh = f64x2.add(magnitudesHigh, high);
    squares = f64x2.add(squares, f64x2.mul(low, low));
    squaresHigh = f64x2.add(squaresHigh, f64x2.mul(high, high));
  }
  return f64x2(pairSum(f64x2.add(magnitudes, magnitudesHigh)), pairSum(f64x2.add(squares, squaresHigh)));
}

@inline
function highHalf(four: v128): v128 {
  return v128.shuffle<f32>(four, four, 2, 3, 2, 3);
}

@inline
function pairSum(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}

/** Codes the query at WALK_QUERY; the vector is left as it is. */
export function prepareBits(walk: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const metric = load<u32>(space, SPACE_METRIC);
  const query = load<u32>(walk, WALK_QUERY);
  const work = load<u32>(walk, GATHER);
  const centroid = load<u32>(space, SPACE_BIT_CENTROID);
  const factor = metric == METRIC_COSINE ? inverseNormByFour(query, dimension) : 1;
  const rest = addRest(query, centroid, dimension, factor);
  const squares = f64x2.extract_lane(rest, 0);
  const length = Math.sqrt(squares);
  rotateRest(space, query, factor, squares > 0 ? 1 / length : 0, work);
  store<u32>(walk, GATHER_FOR_NONE, GATHER_OWNER);

  // The dot metric's: q . c = rest . c + c . c.
  const center = metric == METRIC_DOT
    ? f64x2.extract_lane(rest, 1) + squaresOf(centroid, dimension)
    : 0;
  store<f64>(walk, baseOf(metric, squares, center, factor), QUERY_BASE);
  store<f64>(walk, length, QUERY_REST);
  codeQuery(walk, work, load<u32>(space, SPACE_BIT_COUNT), metric == METRIC_L2 ? 2 * length : length);
}

/** 1 / |vector|, summed up by four, then the tail; 0 for a vector of zeros. Four times as fast as one by one. */
function inverseNormByFour(vector: u32, dimension: u32): f64 {
  const fours = dimension & ~3;
  const squares = squaresByFour(vector, fours) + squaresOf(vector + (fours << 2), dimension & 3);
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}

function squaresOf(vector: u32, dimension: u32): f64 {
  let squares: f64 = 0;
  for (let i: u32 = 0; i < dimension << 2; i += 4) {
    const value = <f64>load<f32>(vector + i);
    squares += value * value;
  }
  return squares;
}

/** From rotated values to bit planes; `scale` is what a unit of the rests' product counts in a distance. */
function codeQuery(walk: u32, values: u32, count: u32, scale: f64): void {
  const planes = load<u32>(walk, QUERY_PLANES);
  const squares = squaresByFour(values, count);
  const step = <f64>largestOf(values, count) / STEPS_TO_LARGEST;
  memory.fill(planes, 0, planeBytes(count));
  if (!(step > 0)) return storeQuery(walk, 0, 0, 0);
  const inverse = f32x4.splat(<f32>(1 / step));
  let sums = f32x4.splat(0);
  let codeSquares = f32x4.splat(0);
  let products = f64x2.splat(0);
  let productsHigh = f64x2.splat(0);
  for (let i: u32 = 0; i < count; i += 4) {
    const four = v128.load(values + (i << 2));
    // Rounded by the addition, to even: the lowest bits are those of the integer.
    const shifted = f32x4.add(f32x4.mul(four, inverse), f32x4.splat(ROUNDER));
    const steps = f32x4.sub(shifted, f32x4.splat(ROUNDER));
    const clamped = f32x4.pmin(f32x4.pmax(steps, f32x4.splat(-8)), f32x4.splat(7));
    v128.store(values + (i << 2), f32x4.add(clamped, f32x4.splat(ROUNDER)));
    sums = f32x4.add(sums, clamped);
    codeSquares = f32x4.add(codeSquares, f32x4.mul(clamped, clamped));
    const low = f64x2.promote_low_f32x4(clamped);
    const high = f64x2.promote_low_f32x4(highHalf(clamped));
    products = f64x2.add(products, f64x2.mul(f64x2.promote_low_f32x4(four), low));
    productsHigh = f64x2.add(
      productsHigh,
      f64x2.mul(f64x2.promote_low_f32x4(highHalf(four)), high),
    );
  }
  for (let i: u32 = 0; i < count; i += 16) {
    storePlanes(values + (i << 2), planes + ((i >> 7) << 6) + ((i & 127) >> 3));
  }
  const product = pairSum(f64x2.add(products, productsHigh));
  const lengthOverProduct = Math.sqrt(squares) / product;
  const noise = lengthOverProduct * lengthOverProduct * <f64>laneSum(codeSquares) - 1;
  storeQuery(walk, <i32>laneSum(sums), scale * lengthOverProduct, Math.sqrt(max<f64>(noise, 0)));
}

/** `noise` is the length of what the code has too much, for a rest of length 1. */
@inline
function storeQuery(walk: u32, sum: i32, factor: f64, noise: f64): void {
  store<i32>(walk, sum, QUERY_SUM);
  store<f64>(walk, factor, QUERY_FACTOR);
  store<f64>(walk, noise, QUERY_NOISE);
}

function squaresByFour(values: u32, count: u32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = values + (count << 2);
  for (let at = values; at < end; at += 16) {
    const four = v128.load(at);
    const a = f64x2.promote_low_f32x4(four);
    const b = f64x2.promote_low_f32x4(highHalf(four));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  return pairSum(f64x2.add(low, high));
}

function largestOf(values: u32, count: u32): f32 {
  let largest = f32x4.splat(0);
  const end = values + (count << 2);
  for (let at = values; at < end; at += 16) {
    largest = f32x4.pmax(largest, f32x4.abs(v128.load(at)));
  }
  const pairs = f32x4.pmax(largest, highHalf(largest));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Sums of integers below 2^24: exact in any order. */
@inline
function laneSum(sums: v128): f32 {
  const pairs = f32x4.add(sums, highHalf(sums));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Sixteen values, in their lowest four bits, into their places in the four planes of a block. */
@inline
function storePlanes(values: u32, planes: u32): void {
  const nibble = i32x4.splat(15);
  const low = i16x8.narrow_i32x4_s(
    v128.and(v128.load(values), nibble),
    v128.and(v128.load(values, 16), nibble),
  );
  const high = i16x8.narrow_i32x4_s(
    v128.and(v128.load(values, 32), nibble),
    v128.and(v128.load(values, 48), nibble),
  );
  const bytes = i8x16.narrow_i16x8_s(low, high);
  store<u16>(planes, <u16>i8x16.bitmask(i8x16.shl(bytes, 7)));
  store<u16>(planes, <u16>i8x16.bitmask(i8x16.shl(bytes, 6)), 16);
  store<u16>(planes, <u16>i8x16.bitmask(i8x16.shl(bytes, 5)), 32);
  store<u16>(planes, <u16>i8x16.bitmask(i8x16.shl(bytes, 4)), 48);
}
