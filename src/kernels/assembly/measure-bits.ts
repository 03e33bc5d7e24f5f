/**
 * Distances between a prepared query and 1-bit codes, as bits.ts describes them: sums over the set bits
 * of a query in bit planes, and how far the estimates may be off.
 *
 * Planes stand in blocks of 128 values: 16 bytes a plane, the lowest first, 64 bytes a block; the last one is
 * padded with zeros. A code ends with half a block when its count of bits is an odd multiple of 64.
 */
import {
  BIT_BASE,
  BIT_CODE,
  BIT_ERROR,
  BIT_STEP,
  METRIC_DOT,
  METRIC_L2,
  SPACE_BIT_COUNT,
  SPACE_METRIC,
  WALK_SPACE,
} from '../layout';
import { keyOf, storeTwoKeys } from './key';
import {
  QUERY_BASE,
  QUERY_FACTOR,
  QUERY_NOISE,
  QUERY_PLANES,
  QUERY_REST,
  QUERY_SUM,
} from './scratch';

/**
 * What the values of one block add up to where bits are set, in each byte: -8 to 7 a bit, which is -64 to 56 a
 * byte. Pairs of bytes go to i16, where 129 blocks have room.
 */
@inline
function blockSums(bits: v128, planes: u32): v128 {
  const top = i8x16.popcnt(v128.and(bits, v128.load(planes, 48)));
  let sum = i8x16.sub(i8x16.popcnt(v128.and(bits, v128.load(planes, 32))), i8x16.add(top, top));
  sum = i8x16.add(i8x16.popcnt(v128.and(bits, v128.load(planes, 16))), i8x16.add(sum, sum));
  sum = i8x16.add(i8x16.popcnt(v128.and(bits, v128.load(planes))), i8x16.add(sum, sum));
  return i16x8.extadd_pairwise_i8x16_s(sum);
}

/** The products of four codes with the planes, which are read once for all. */
@inline
function dotBitsFour(
  planes: u32,
  first: u32,
  second: u32,
  third: u32,
  fourth: u32,
  count: u32,
): v128 {
  let a = i16x8.splat(0);
  let b = i16x8.splat(0);
  let c = i16x8.splat(0);
  let d = i16x8.splat(0);
  const end = (count & ~127) >> 3;
  let plane = planes;
  for (let at: u32 = 0; at < end; at += 16) {
    a = i16x8.add(a, blockSums(v128.load(first + at), plane));
    b = i16x8.add(b, blockSums(v128.load(second + at), plane));
    c = i16x8.add(c, blockSums(v128.load(third + at), plane));
    d = i16x8.add(d, blockSums(v128.load(fourth + at), plane));
    plane += 64;
  }
  if (count & 64) {
    a = i16x8.add(a, blockSums(v128.load64_zero(first + end), plane));
    b = i16x8.add(b, blockSums(v128.load64_zero(second + end), plane));
    c = i16x8.add(c, blockSums(v128.load64_zero(third + end), plane));
    d = i16x8.add(d, blockSums(v128.load64_zero(fourth + end), plane));
  }
  const p = i32x4.extadd_pairwise_i16x8_s(a);
  const q = i32x4.extadd_pairwise_i16x8_s(b);
  const r = i32x4.extadd_pairwise_i16x8_s(c);
  const s = i32x4.extadd_pairwise_i16x8_s(d);
  const pq = i32x4.add(i32x4.shuffle(p, q, 0, 4, 1, 5), i32x4.shuffle(p, q, 2, 6, 3, 7));
  const rs = i32x4.add(i32x4.shuffle(r, s, 0, 4, 1, 5), i32x4.shuffle(r, s, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(pq, rs, 0, 1, 4, 5), i32x4.shuffle(pq, rs, 2, 3, 6, 7));
}

/**
 * Whether the bits of words are counted faster than those of vectors: one instruction against eight on x64, and the
 * other way round on arm64. The host says it (kernels.ts); what comes out is the same.
 */
@external("env", "countsWords")
declare const countsWords: bool;

@inline
function ones(bits: u64): u32 {
  return <u32>popcnt<u64>(bits);
}

/** The product of one code with the planes, by words. */
@inline
function dotWords(planes: u32, code: u32, count: u32): i32 {
  const end = planes + ((count & ~127) >> 1);
  let a: u32 = 0;
  let b: u32 = 0;
  let c: u32 = 0;
  let d: u32 = 0;
  let at = code;
  let plane = planes;
  for (; plane < end; plane += 64) {
    const low = load<u64>(at);
    const high = load<u64>(at, 8);
    a += ones(load<u64>(plane) & low) + ones(load<u64>(plane, 8) & high);
    b += ones(load<u64>(plane, 16) & low) + ones(load<u64>(plane, 24) & high);
    c += ones(load<u64>(plane, 32) & low) + ones(load<u64>(plane, 40) & high);
    d += ones(load<u64>(plane, 48) & low) + ones(load<u64>(plane, 56) & high);
    at += 16;
  }
  if (count & 64) {
    const low = load<u64>(at);
    a += ones(load<u64>(plane) & low);
    b += ones(load<u64>(plane, 16) & low);
    c += ones(load<u64>(plane, 32) & low);
    d += ones(load<u64>(plane, 48) & low);
  }
  return <i32>(a + (b << 1) + (c << 2) - (d << 3));
}

/**
 * Turns `count` entries (slot address << 32 | node) at `entries` into walk keys, by the estimates of the
 * distances between the prepared query and the codes in those slots.
 */
export function measureBits(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const bits = load<u32>(space, SPACE_BIT_COUNT);
  const planes = load<u32>(walk, QUERY_PLANES);
  const base = load<f64>(walk, QUERY_BASE);
  const factor = load<f64>(walk, QUERY_FACTOR);
  const sum = load<i32>(walk, QUERY_SUM);
  const floor: f64 = metric == METRIC_DOT ? -Infinity : 0;
  const end = entries + (count << 3);
  const fours = countsWords ? entries : entries + ((count & ~3) << 3);
  const twos = countsWords ? entries + ((count & ~1) << 3) : fours;
  let at = entries;
  for (; at < fours; at += 32) {
    const dots = dotBitsFour(
      planes,
      load<u32>(at, 4) + BIT_CODE,
      load<u32>(at, 12) + BIT_CODE,
      load<u32>(at, 20) + BIT_CODE,
      load<u32>(at, 28) + BIT_CODE,
      bits,
    );
    finishTwo(at, dots, floor, base, factor, sum);
    finishTwo(at + 16, i32x4.shuffle(dots, dots, 2, 3, 2, 3), floor, base, factor, sum);
  }
  for (; at < twos; at += 16) {
    const first = dotWords(planes, load<u32>(at, 4) + BIT_CODE, bits);
    const second = dotWords(planes, load<u32>(at, 12) + BIT_CODE, bits);
    finishTwo(at, i32x4.replace_lane(i32x4.splat(first), 1, second), floor, base, factor, sum);
  }
  for (; at < end; at += 8) {
    finish(at, dotWords(planes, load<u32>(at, 4) + BIT_CODE, bits), floor, base, factor, sum);
  }
}

/** From the product of bits and planes to the key of one entry. */
@inline
function finish(at: u32, dot: i32, floor: f64, base: f64, factor: f64, sum: i32): void {
  const slot = load<u32>(at, 4);
  const product = factor * <f64>load<f32>(slot, BIT_STEP) * <f64>(2 * dot - sum);
  const distance = base + <f64>load<f32>(slot, BIT_BASE) - product;
  store<u64>(at, keyOf(<f32>max<f64>(distance, floor), load<u32>(at)));
}

/** As `finish`, of two entries, by the first two of the products: to finish one by one takes a sixth of the time of all. */
@inline
function finishTwo(at: u32, dots: v128, floor: f64, base: f64, factor: f64, sum: i32): void {
  const first = v128.load64_zero(load<u32>(at, 4), BIT_STEP);
  const second = v128.load64_zero(load<u32>(at, 12), BIT_STEP);
  const steps = i32x4.shuffle(first, second, 0, 4, 0, 4);
  const bases = i32x4.shuffle(first, second, 1, 5, 1, 5);
  const doubled = i32x4.sub(i32x4.add(dots, dots), i32x4.splat(sum));
  const product = f64x2.mul(
    f64x2.mul(f64x2.splat(factor), f64x2.promote_low_f32x4(steps)),
    f64x2.convert_low_i32x4_s(doubled),
  );
  const sums = f64x2.add(f64x2.splat(base), f64x2.promote_low_f32x4(bases));
  const distances = f64x2.pmax(f64x2.sub(sums, product), f64x2.splat(floor));
  storeTwoKeys(at, f32x4.demote_f64x2_zero(distances));
}

/**
 * The standard error of the estimate `distance`: of the signs, for the part of the query's rest that
 * can be orthogonal to the vector's, and of the query's code.
 */
export function errorOf(walk: u32, slot: u32, distance: f32): f32 {
  const metric = load<u32>(load<u32>(walk, WALK_SPACE), SPACE_METRIC);
  const rest = load<f64>(walk, QUERY_REST);
  let across = rest;
  if (metric != METRIC_DOT) {
    const squared = metric == METRIC_L2 ? <f64>distance : 2 * <f64>distance;
    across = min<f64>(rest, Math.sqrt(squared));
  }
  const ofSigns = <f64>load<f32>(slot, BIT_ERROR) * across;
  const ofQuery = <f64>load<f32>(slot, BIT_STEP) * load<f64>(walk, QUERY_NOISE) * rest;
  const error = Math.sqrt(ofSigns * ofSigns + ofQuery * ofQuery);
  return <f32>(metric == METRIC_L2 ? 2 * error : error);
}
