/**
 * What nodes are made to for being compared with many others. Codes are widened to i16, around their rounded mean, so that
 * products stay small and one instruction multiplies and adds eight of them. A row (`layout.ts`):
 *
 *    0  f32   scale
 *    4  f32   mean of the vector
 *    8  f32   spread: the squared norm of the vector less its mean
 *   12  f32   rest: the sum of the i16 codes, at most half the dimension away from 0
 *   16  i16[] the codes, padded with zeros to a multiple of 16
 *
 * Distances are those of sq8.ts, in f32: enough to rank neighbours by. Of a space without codes a row is the vector, f32[],
 * behind its squares, and distances are exact. A *measure* is a METRIC_* for rows of codes, and one of those plus
 * OF_VECTORS for the others.
 */
import {
  BUILD_CODE_STRIDE,
  BUILD_CODES,
  BUILD_ROW_CODE,
  BUILD_ROW_STRIDE,
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
import { codeSum } from './dot';
import { distanceBetween } from './exact';
import { holdsVectors } from './space';

const SQUARES: u32 = 0;
const SCALE: u32 = 0;
const MEAN: u32 = 4;
const SPREAD: u32 = 8;
const REST: u32 = 12;

const OF_VECTORS: u32 = 4;

/** How rows of a space are measured. */
export function measureOf(space: u32): u32 {
  return load<u32>(space, SPACE_METRIC) + (holdsVectors(space) ? OF_VECTORS : 0);
}

/** The same by Euclidean distance where the metric is dot. */
export function nearnessOf(space: u32): u32 {
  const measure = measureOf(space);
  return load<u32>(space, SPACE_METRIC) == METRIC_DOT ? measure - METRIC_DOT + METRIC_L2 : measure;
}

/** Dimensions of a row, zeros included. */
@inline
export function paddedDimension(dimension: u32): u32 {
  return (dimension + 15) & ~15;
}

/** Writes the rows of `count` nodes, whose ids stand at `ids`. */
export function buildRows(job: u32, ids: u32, count: u32, rows: u32): void {
  const codes = load<u32>(job, BUILD_CODES);
  const codeStride = load<u32>(job, BUILD_CODE_STRIDE);
  const rowStride = load<u32>(job, BUILD_ROW_STRIDE);
  const space = load<u32>(job, BUILD_SPACE);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const isPlain = holdsVectors(space);
  for (let i: u32 = 0; i < count; i++) {
    const slot = codes + load<u32>(ids + (i << 2)) * codeStride;
    if (isPlain) writePlainRow(slot, dimension, rows + i * rowStride);
    else writeRow(slot, dimension, rows + i * rowStride);
  }
}

function writePlainRow(slot: u32, dimension: u32, row: u32): void {
  const bytes = dimension << 2;
  const target = row + BUILD_ROW_CODE;
  memory.fill(row, 0, BUILD_ROW_CODE);
  store<f32>(row, load<f32>(slot, SLOT_SQUARES), SQUARES);
  memory.copy(target, slot + SLOT_CODE, bytes);
  memory.fill(target + bytes, 0, (paddedDimension(dimension) << 2) - bytes);
}

function writeRow(slot: u32, dimension: u32, row: u32): void {
  const code = slot + SLOT_CODE;
  const sum = codeSum(code, dimension);
  const mean = <i32>((sum + (dimension >> 1)) / dimension);
  const center = i16x8.splat(<i16>mean);
  const target = row + BUILD_ROW_CODE;
  const whole = dimension & ~15;
  for (let i: u32 = 0; i < whole; i += 16) {
    const at = target + (i << 1);
    v128.store(at, i16x8.sub(v128.load8x8_u(code + i), center));
    v128.store(at, i16x8.sub(v128.load8x8_u(code + i, 8), center), 16);
  }
  if (whole < dimension) memory.fill(target + (whole << 1), 0, 32);
  for (let i = whole; i < dimension; i++) {
    store<i16>(target + (i << 1), <i16>(<i32>load<u8>(code + i) - mean));
  }
  const rest = <f32>(<i32>sum - mean * <i32>dimension);
  const scale = load<f32>(slot, SLOT_SCALE);
  store<f32>(row, scale, SCALE);
  store<f32>(row, load<f32>(slot, SLOT_MEAN), MEAN);
  store<f32>(row, rest, REST);
  const squares = <f32>dotRows(row, row, paddedDimension(dimension));
  const spread = scale * scale * (squares - (rest * rest) / <f32>dimension);
  store<f32>(row, scale == 0 ? load<f32>(slot, SLOT_SPREAD) : spread, SPREAD);
}

@inline
function dotRows(left: u32, right: u32, padded: u32): i32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  const end = left + (padded << 1);
  let l = left;
  let r = right;
  while (l < end) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(l, 16), v128.load(r, 16)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(l, 32), v128.load(r, 32)));
    l += 32;
    r += 32;
  }
  const sum = i32x4.add(a, b);
  const halves = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
}

/** The products of one row with four that follow each other. */
@inline
function dotFourRows(left: u32, first: u32, stride: u32, padded: u32): v128 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  const second = first + stride;
  const third = second + stride;
  const fourth = third + stride;
  const end = padded << 1;
  for (let i: u32 = BUILD_ROW_CODE; i <= end; i += 32) {
    const low = v128.load(left + i);
    const high = v128.load(left + i, 16);
    a = i32x4.add(a, i32x4.dot_i16x8_s(low, v128.load(first + i)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(low, v128.load(second + i)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(low, v128.load(third + i)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(low, v128.load(fourth + i)));
    a = i32x4.add(a, i32x4.dot_i16x8_s(high, v128.load(first + i, 16)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(high, v128.load(second + i, 16)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(high, v128.load(third + i, 16)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(high, v128.load(fourth + i, 16)));
  }
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/** The distance of two rows, from their product. */
@inline
function distanceOfProduct(a: u32, b: u32, dot: i32, n: f32, metric: u32): f32 {
  const rests = (load<f32>(a, REST) * load<f32>(b, REST)) / n;
  const product = load<f32>(a, SCALE) * load<f32>(b, SCALE) * (<f32>dot - rests);
  const left = load<f32>(a, MEAN);
  const right = load<f32>(b, MEAN);
  if (metric == METRIC_DOT) return -(n * (left * right) + product);
  const shift = left - right;
  const spreads = load<f32>(a, SPREAD) + load<f32>(b, SPREAD);
  const squared = n * shift * shift + max<f32>(spreads - 2 * product, 0);
  return metric == METRIC_L2 ? squared : 0.5 * squared;
}

/** The distance of two rows of `padded` dimensions, of which `n` are not padding. */
@inline
export function rowDistance(a: u32, b: u32, padded: u32, n: f32, measure: u32): f32 {
  return measure >= OF_VECTORS
    ? plainRowDistance(a, b, <u32>n, measure - OF_VECTORS)
    : distanceOfProduct(a, b, dotRows(a, b, padded), n, measure);
}

/** The distances of one row to four that follow each other, f32. */
@inline
export function fourRowDistances(
  left: u32,
  first: u32,
  stride: u32,
  padded: u32,
  n: f32,
  measure: u32,
): v128 {
  const second = first + stride;
  const third = second + stride;
  const fourth = third + stride;
  if (measure >= OF_VECTORS) {
    const metric = measure - OF_VECTORS;
    const dimension = <u32>n;
    return four(
      plainRowDistance(left, first, dimension, metric),
      plainRowDistance(left, second, dimension, metric),
      plainRowDistance(left, third, dimension, metric),
      plainRowDistance(left, fourth, dimension, metric),
    );
  }
  const dots = dotFourRows(left, first, stride, padded);
  const a = distanceOfProduct(left, first, i32x4.extract_lane(dots, 0), n, measure);
  const b = distanceOfProduct(left, second, i32x4.extract_lane(dots, 1), n, measure);
  const c = distanceOfProduct(left, third, i32x4.extract_lane(dots, 2), n, measure);
  const d = distanceOfProduct(left, fourth, i32x4.extract_lane(dots, 3), n, measure);
  return four(a, b, c, d);
}

@inline
function four(a: f32, b: f32, c: f32, d: f32): v128 {
  const ab = f32x4.replace_lane(f32x4.splat(a), 1, b);
  return f32x4.replace_lane(f32x4.replace_lane(ab, 2, c), 3, d);
}

function plainRowDistance(a: u32, b: u32, dimension: u32, metric: u32): f32 {
  return distanceBetween(
    metric,
    a + BUILD_ROW_CODE,
    load<f32>(a, SQUARES),
    b + BUILD_ROW_CODE,
    load<f32>(b, SQUARES),
    dimension,
  );
}

/** Whether two rows are of equal codes, or vectors. */
export function isSameRow(a: u32, b: u32, padded: u32, measure: u32): bool {
  if (load<u64>(a) != load<u64>(b)) return false;
  const bytes = measure >= OF_VECTORS ? padded << 2 : padded << 1;
  return memory.compare(a, b, BUILD_ROW_CODE + bytes) == 0;
}
