/**
 * Integer dot products of codes. The loops take 32 dimensions a round with four accumulators, so that
 * the additions of one do not wait for those of another.
 *
 * Nothing is read behind the end of a code: a code of 16 dimensions or more ends in a block that
 * overlaps the one before, and what was counted already meets zeros.
 */

@inline
function laneSum(sum: v128): i32 {
  const halves = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
  return i32x4.extract_lane(halves, 0) + i32x4.extract_lane(halves, 1);
}


/**
 * Query (i16, written by `packQuery`) times code (u8). Exact as long as 255 times the sum of the
 * query's magnitudes is below 2^31.
 */
@inline
export function dotQuery(query: u32, code: u32, dimension: u32): i32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  let q = query;
  let at = code;
  const end = code + (dimension & ~31);
  while (at < end) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(q), v128.load8x8_u(at)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(q, 16), v128.load8x8_u(at, 8)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load(q, 32), v128.load8x8_u(at, 16)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load(q, 48), v128.load8x8_u(at, 24)));
    at += 32;
    q += 64;
  }
  if (dimension & 16) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(q), v128.load8x8_u(at)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(q, 16), v128.load8x8_u(at, 8)));
    q += 32;
  }
  if (dimension & 15) {
    if (dimension < 16) return dotShort(query, code, dimension);
    at = code + dimension - 16;
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load(q), v128.load8x8_u(at)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load(q, 16), v128.load8x8_u(at, 8)));
  }
  return laneSum(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/** The products of one query with four codes of 16 dimensions or more: the query is read once for all. */
@inline
export function dotQueryFour(
  query: u32,
  first: u32,
  second: u32,
  third: u32,
  fourth: u32,
  dimension: u32,
): v128 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  const whole = dimension & ~15;
  const end = (dimension + 15) & ~15;
  let q = query;
  for (let i: u32 = 0; i < end; i += 16) {
    // The last block overlaps the one before it; where they overlap, the query has zeros.
    const at = i < whole ? i : dimension - 16;
    const low = v128.load(q);
    const high = v128.load(q, 16);
    a = i32x4.add(a, i32x4.dot_i16x8_s(low, v128.load8x8_u(first + at)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(low, v128.load8x8_u(second + at)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(low, v128.load8x8_u(third + at)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(low, v128.load8x8_u(fourth + at)));
    a = i32x4.add(a, i32x4.dot_i16x8_s(high, v128.load8x8_u(first + at, 8)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(high, v128.load8x8_u(second + at, 8)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(high, v128.load8x8_u(third + at, 8)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(high, v128.load8x8_u(fourth + at, 8)));
    q += 32;
  }
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

function dotShort(query: u32, code: u32, dimension: u32): i32 {
  let sum: i32 = 0;
  for (let i: u32 = 0; i < dimension; i++) {
    sum += <i32>load<i16>(query + (i << 1)) * <i32>load<u8>(code + i);
  }
  return sum;
}

/** Product of two u8 codes that are padded with zeros to `bytes`, a multiple of 32. */
@inline
export function dotPadded(left: u32, right: u32, bytes: u32): i32 {
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  let c = i32x4.splat(0);
  let d = i32x4.splat(0);
  const end = left + bytes;
  while (left < end) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load8x8_u(left), v128.load8x8_u(right)));
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load8x8_u(left, 8), v128.load8x8_u(right, 8)));
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load8x8_u(left, 16), v128.load8x8_u(right, 16)));
    d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load8x8_u(left, 24), v128.load8x8_u(right, 24)));
    left += 32;
    right += 32;
  }
  return laneSum(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/** Product of two u8 codes as they lie in pages. */
export function dotCodes(left: u32, right: u32, dimension: u32): i32 {
  const blocks = dimension & ~31;
  let sum = dotPadded(left, right, blocks);
  for (let i = blocks; i < dimension; i++) {
    sum += <i32>load<u8>(left + i) * <i32>load<u8>(right + i);
  }
  return sum;
}

/** Sum of the bytes of a code. */
export function codeSum(code: u32, dimension: u32): u32 {
  let sums = i32x4.splat(0);
  const end = code + (dimension & ~15);
  let at = code;
  while (at < end) {
    sums = i32x4.add(
      sums,
      i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v128.load(at))),
    );
    at += 16;
  }
  let sum = <u32>laneSum(sums);
  const last = code + dimension;
  for (; at < last; at++) sum += <u32>load<u8>(at);
  return sum;
}
