/**
 * A random rotation of f32[count], in place: a pure function of (count, seed), without a table.
 *
 * Four rounds, each of random signs and a fast Hadamard transform of a power of two of the values: the
 * first and the last of them by turns, which overlap and cover all. Where they are not all, each value of
 * the first half is then turned by 45 degrees with its partner in the second. (Where they are, that would
 * undo the transform's last step, and the halves would never mix.) Turns are not scaled: all values come out
 * longer by one factor, 4 or 1.
 *
 * After the rotator "FhtKac" of the authors of RaBitQ (Gao and Long, 2024); the turns are a step of Kac's walk.
 */

const ROUNDS: u32 = 4;

/** `count` is a multiple of 64; `values` of 16. O(count log count). */
export function rotate(values: u32, count: u32, seed: u32): void {
  const part: u32 = 1 << (31 - <u32>clz<u32>(count));
  const rest = count - part;
  for (let round: u32 = 0; round < ROUNDS; round++) {
    const first = (round & 1) == 0 ? 0 : rest;
    flipSigns(values, first == 0 ? part : 0, rest, seed, round);
    transform(values, first, part, seed, round);
    if (rest != 0) turnHalves(values, count >> 1);
  }
}

/** Thirty-two signs: the finaliser of MurmurHash3 over a counter. */
@inline
function signsOf(seed: u32, round: u32, word: u32): u32 {
  let hash = seed + ((round << 16) + word) * 0x9e3779b1;
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

/** The signs of 32 values so that those of the last four stand at the top of the lanes; of each four before, four bits down. */
@inline
function lanesOf(signs: u32): v128 {
  return i32x4.mul(i32x4.splat(signs), i32x4(8, 4, 2, 1));
}

@inline
function flip(four: v128, lanes: v128): v128 {
  return v128.xor(four, v128.and(lanes, i32x4.splat(0x80000000)));
}

/** Of the `count` values from the `first` on; both are multiples of 64. */
function flipSigns(values: u32, first: u32, count: u32, seed: u32, round: u32): void {
  const end = (first + count) >> 5;
  for (let word = first >> 5; word < end; word++) {
    let lanes = lanesOf(signsOf(seed, round, word));
    const start = values + (word << 7);
    for (let at = start + 112; at >= start; at -= 16) {
      v128.store(at, flip(v128.load(at), lanes));
      lanes = i32x4.shl(lanes, 4);
    }
  }
}

/** Pairs (a, b) of the two halves become (a + b, a - b). */
function turnHalves(values: u32, half: u32): void {
  const other = half << 2;
  const end = values + other;
  for (let at = values; at < end; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at + other);
    v128.store(at, f32x4.add(a, b));
    v128.store(at + other, f32x4.sub(a, b));
  }
}

/**
 * The normalised Walsh-Hadamard transform of `count` values from the `first` on, after a flip of their signs;
 * `count` is a power of two, 64 at the least.
 */
function transform(values: u32, first: u32, count: u32, seed: u32, round: u32): void {
  const start = values + (first << 2);
  const bytes = count << 2;
  const factor = f32x4.splat(<f32>(1 / Math.sqrt(<f64>count)));
  for (let at: u32 = 0; at < bytes; at += 128) {
    const lanes = lanesOf(signsOf(seed, round, (first >> 5) + (at >> 7)));
    openSixteen(start + at, factor, i32x4.shl(lanes, 16));
    openSixteen(start + at + 64, factor, lanes);
  }
  // Two steps at a time, to go over memory half as often.
  let width: u32 = 64;
  for (; width << 1 < bytes; width <<= 2) {
    for (let block = start; block < start + bytes; block += width << 2) doubleStep(block, width);
  }
  if (width < bytes) turnHalves(start, width >> 2);
}

/** Flips the signs of sixteen values, scales them, and takes the first four steps: within each four, and between them. */
@inline
function openSixteen(at: u32, factor: v128, lanes: v128): void {
  const a = openFour(flip(v128.load(at), i32x4.shl(lanes, 12)), factor);
  const b = openFour(flip(v128.load(at, 16), i32x4.shl(lanes, 8)), factor);
  const c = openFour(flip(v128.load(at, 32), i32x4.shl(lanes, 4)), factor);
  const d = openFour(flip(v128.load(at, 48), lanes), factor);
  const p = f32x4.add(a, b);
  const q = f32x4.sub(a, b);
  const r = f32x4.add(c, d);
  const s = f32x4.sub(c, d);
  v128.store(at, f32x4.add(p, r));
  v128.store(at, f32x4.add(q, s), 16);
  v128.store(at, f32x4.sub(p, r), 32);
  v128.store(at, f32x4.sub(q, s), 48);
}

@inline
function openFour(four: v128, factor: v128): v128 {
  const v = f32x4.mul(four, factor);
  const w = f32x4.add(
    v128.shuffle<f32>(v, v, 0, 0, 2, 2),
    v128.xor(v128.shuffle<f32>(v, v, 1, 1, 3, 3), i32x4(0, 0x80000000, 0, 0x80000000)),
  );
  return f32x4.add(
    v128.shuffle<f32>(w, w, 0, 1, 0, 1),
    v128.xor(v128.shuffle<f32>(w, w, 2, 3, 2, 3), i32x4(0, 0, 0x80000000, 0x80000000)),
  );
}

/** Two steps over a block of four parts of `width` bytes. */
@inline
function doubleStep(block: u32, width: u32): void {
  const end = block + width;
  for (let at = block; at < end; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at + width);
    const c = v128.load(at + (width << 1));
    const d = v128.load(at + width * 3);
    const p = f32x4.add(a, b);
    const q = f32x4.sub(a, b);
    const r = f32x4.add(c, d);
    const s = f32x4.sub(c, d);
    v128.store(at, f32x4.add(p, r));
    v128.store(at + width, f32x4.add(q, s));
    v128.store(at + (width << 1), f32x4.sub(p, r));
    v128.store(at + width * 3, f32x4.sub(q, s));
  }
}
