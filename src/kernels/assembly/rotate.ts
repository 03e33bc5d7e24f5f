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
  for (let round: u32 = 0; round < ROUNDS; round++) {
    flipSigns(values, count, seed, round);
    transform((round & 1) == 0 ? values : values + ((count - part) << 2), part);
    if (part != count) turnHalves(values, count >> 1);
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

function flipSigns(values: u32, count: u32, seed: u32, round: u32): void {
  const lanes = i32x4(1, 2, 4, 8);
  const sign = i32x4.splat(0x80000000);
  const words = count >> 5;
  let at = values;
  for (let word: u32 = 0; word < words; word++) {
    let signs = signsOf(seed, round, word);
    const end = at + 128;
    for (; at < end; at += 16) {
      const isFlipped = i32x4.ne(v128.and(i32x4.splat(signs), lanes), i32x4.splat(0));
      v128.store(at, v128.xor(v128.load(at), v128.and(isFlipped, sign)));
      signs >>= 4;
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

/** The normalised Walsh-Hadamard transform; `count` is a power of two, 64 at the least. */
function transform(values: u32, count: u32): void {
  const end = values + (count << 2);
  transformFours(values, end, <f32>(1 / Math.sqrt(<f64>count)));
  let width: u32 = 16;
  // Two steps at a time, to go over memory half as often.
  for (; width << 1 < count << 2; width <<= 2) {
    for (let block = values; block < end; block += width << 2) doubleStep(block, width);
  }
  if (width < count << 2) turnHalves(values, width >> 2);
}

/** The first two steps, within each four values; scales them too. */
function transformFours(values: u32, end: u32, scale: f32): void {
  const factor = f32x4.splat(scale);
  const odd = i32x4(0, 0x80000000, 0, 0x80000000);
  const high = i32x4(0, 0, 0x80000000, 0x80000000);
  for (let at = values; at < end; at += 16) {
    const v = f32x4.mul(v128.load(at), factor);
    const w = f32x4.add(
      v128.shuffle<f32>(v, v, 0, 0, 2, 2),
      v128.xor(v128.shuffle<f32>(v, v, 1, 1, 3, 3), odd),
    );
    v128.store(
      at,
      f32x4.add(
        v128.shuffle<f32>(w, w, 0, 1, 0, 1),
        v128.xor(v128.shuffle<f32>(w, w, 2, 3, 2, 3), high),
      ),
    );
  }
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
