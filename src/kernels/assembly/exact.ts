/**
 * Exact distances between f32 vectors, and the scan of whole pages by them. Sums run in f32 lanes; a result
 * that overflowed or vanished there is computed again in f64.
 */
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_RECORD,
  SPACE_DIMENSION,
  SPACE_METRIC,
  SPACE_ORIGINAL_STRIDE,
  SPACE_SLOTS_PER_PAGE,
  WALK_DISTANCES,
  WALK_EF,
  WALK_QUERY,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SPACE,
} from '../layout';
import { sortHeap } from './heap';
import { keyOf } from './key';
import { isLive, slotInCell } from './space';
import { offerResult, passesFilter } from './results';
import { PHASE, PHASE_DONE } from './scratch';

/** 1 / |vector|, or 0 for a vector of zeros. */
export function inverseNorm(vector: u32, dimension: u32): f64 {
  let squares: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    const value = <f64>load<f32>(vector + (i << 2));
    squares += value * value;
  }
  return squares > 0 ? 1 / Math.sqrt(squares) : 0;
}

@inline
function laneSum(sum: v128): f32 {
  return f32x4.extract_lane(sum, 0)
    + f32x4.extract_lane(sum, 1)
    + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
}

function squaredDistance(left: u32, right: u32, dimension: u32): f32 {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  const blocks = left + ((dimension & ~15) << 2);
  const end = left + (dimension << 2);
  while (left < blocks) {
    const p = f32x4.sub(v128.load(left), v128.load(right));
    const q = f32x4.sub(v128.load(left, 16), v128.load(right, 16));
    const r = f32x4.sub(v128.load(left, 32), v128.load(right, 32));
    const s = f32x4.sub(v128.load(left, 48), v128.load(right, 48));
    a = f32x4.add(a, f32x4.mul(p, p));
    b = f32x4.add(b, f32x4.mul(q, q));
    c = f32x4.add(c, f32x4.mul(r, r));
    d = f32x4.add(d, f32x4.mul(s, s));
    left += 64;
    right += 64;
  }
  let sum = laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  while (left < end) {
    const difference = load<f32>(left) - load<f32>(right);
    sum += difference * difference;
    left += 4;
    right += 4;
  }
  return sum;
}

function dot(left: u32, right: u32, dimension: u32): f32 {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  const blocks = left + ((dimension & ~15) << 2);
  const end = left + (dimension << 2);
  while (left < blocks) {
    a = f32x4.add(a, f32x4.mul(v128.load(left), v128.load(right)));
    b = f32x4.add(b, f32x4.mul(v128.load(left, 16), v128.load(right, 16)));
    c = f32x4.add(c, f32x4.mul(v128.load(left, 32), v128.load(right, 32)));
    d = f32x4.add(d, f32x4.mul(v128.load(left, 48), v128.load(right, 48)));
    left += 64;
    right += 64;
  }
  let sum = laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  while (left < end) {
    sum += load<f32>(left) * load<f32>(right);
    left += 4;
    right += 4;
  }
  return sum;
}

/** The products of `right` with `left` and with itself, each summed up as `dot` does: `right` is read once. */
function dotAndSquares(left: u32, right: u32, dimension: u32): v128 {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  let p = f32x4.splat(0);
  let q = f32x4.splat(0);
  let r = f32x4.splat(0);
  let s = f32x4.splat(0);
  const blocks = left + ((dimension & ~15) << 2);
  const end = left + (dimension << 2);
  while (left < blocks) {
    const first = v128.load(right);
    const second = v128.load(right, 16);
    const third = v128.load(right, 32);
    const fourth = v128.load(right, 48);
    a = f32x4.add(a, f32x4.mul(v128.load(left), first));
    p = f32x4.add(p, f32x4.mul(first, first));
    b = f32x4.add(b, f32x4.mul(v128.load(left, 16), second));
    q = f32x4.add(q, f32x4.mul(second, second));
    c = f32x4.add(c, f32x4.mul(v128.load(left, 32), third));
    r = f32x4.add(r, f32x4.mul(third, third));
    d = f32x4.add(d, f32x4.mul(v128.load(left, 48), fourth));
    s = f32x4.add(s, f32x4.mul(fourth, fourth));
    left += 64;
    right += 64;
  }
  let product = laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  let squares = laneSum(f32x4.add(f32x4.add(p, q), f32x4.add(r, s)));
  while (left < end) {
    const value = load<f32>(right);
    product += load<f32>(left) * value;
    squares += value * value;
    left += 4;
    right += 4;
  }
  return f32x4.replace_lane(f32x4.splat(product), 1, squares);
}

/**
 * Squared l2, 1 - cos or -dot of two vectors in memory. A vector of zeros is at cosine distance 1 from
 * all others.
 */
export function distanceExact(metric: u32, left: u32, right: u32, dimension: u32): f32 {
  return distanceTo(metric, left, squaresFor(metric, left, dimension), right, dimension);
}

/** What `distanceTo` needs to know of the left vector, so that many distances from it can share it. */
@inline
export function squaresFor(metric: u32, left: u32, dimension: u32): f32 {
  return metric == METRIC_COSINE ? dot(left, left, dimension) : 0;
}

/** As `distanceExact`, with `squaresFor` of the left vector. */
export function distanceTo(
  metric: u32,
  left: u32,
  leftSquares: f32,
  right: u32,
  dimension: u32,
): f32 {
  if (metric == METRIC_L2) {
    return squaredDistance(left, right, dimension);
  }
  if (metric == METRIC_DOT) {
    const product = dot(left, right, dimension);
    return product - product == 0 ? -product : -<f32>preciseDot(left, right, dimension);
  }
  const both = dotAndSquares(left, right, dimension);
  const rightSquares = f32x4.extract_lane(both, 1);
  return cosineOf(f32x4.extract_lane(both, 0), left, leftSquares, right, rightSquares, dimension);
}

/** The same to the last bit, with `squaresFor` of both vectors. */
export function distanceBetween(
  metric: u32,
  left: u32,
  leftSquares: f32,
  right: u32,
  rightSquares: f32,
  dimension: u32,
): f32 {
  if (metric != METRIC_COSINE) return distanceTo(metric, left, 0, right, dimension);
  const product = dot(left, right, dimension);
  return cosineOf(product, left, leftSquares, right, rightSquares, dimension);
}

/** The cosine distance from the product and the squares of two vectors, which are looked at only where those are extreme. */
@inline
function cosineOf(
  product: f32,
  left: u32,
  leftSquares: f32,
  right: u32,
  rightSquares: f32,
  dimension: u32,
): f32 {
  if (isTame(leftSquares) && isTame(rightSquares)) {
    return <f32>max<f64>(1 - <f64>product / Math.sqrt(<f64>leftSquares * <f64>rightSquares), 0);
  }
  const scale = inverseNorm(left, dimension) * inverseNorm(right, dimension);
  return <f32>max<f64>(1 - preciseDot(left, right, dimension) * scale, 0);
}

/** Far enough from the limits of f32 for the terms of the sum to be exact. */
@inline
function isTame(squares: f32): bool {
  return squares > 1e-20 && squares < 1e20;
}

function preciseDot(left: u32, right: u32, dimension: u32): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    sum += <f64>load<f32>(left + (i << 2)) * <f64>load<f32>(right + (i << 2));
  }
  return sum;
}

/** Starts an exact search for the `k` nearest to the vector at WALK_QUERY. */
export function scanBegin(walk: u32, k: u32): void {
  store<u32>(walk, k, WALK_EF);
  store<u32>(walk, 0, WALK_RESULT_COUNT);
  store<u32>(walk, 0, WALK_DISTANCES);
  store<u32>(walk, PHASE_DONE, PHASE);
}

/** Offers every living node of a page that passes the filter, by its exact distance. */
export function scanPage(walk: u32, page: u32, codeCell: u32, originalCell: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const slots = load<u32>(space, SPACE_SLOTS_PER_PAGE);
  const stride = load<u32>(space, SPACE_ORIGINAL_STRIDE);
  const query = load<u32>(walk, WALK_QUERY);
  const squares = squaresFor(metric, query, dimension);
  let computed: u32 = 0;
  for (let slot: u32 = 0; slot < slots; slot++) {
    if (!isLive(codeCell, slot)) continue;
    if (!passesFilter(walk, load<u32>(slotInCell(space, codeCell, slot), SLOT_RECORD))) continue;
    const distance = distanceTo(metric, query, squares, originalCell + slot * stride, dimension);
    offerResult(walk, keyOf(distance, page * slots + slot));
    computed++;
  }
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + computed, WALK_DISTANCES);
}

/** Sorts what was found, nearest first. */
export function scanEnd(walk: u32): void {
  sortHeap(load<u32>(walk, WALK_RESULTS), load<u32>(walk, WALK_RESULT_COUNT));
}
