/**
 * Checksums where the bytes were read to, without a copy: xxHash32 of slices, and of originals, seeded by the node, as
 * their slots keep it. The hash is a chain of dependent multiplications in four lanes; of four originals at once, a
 * vector register each, the chains overlap.
 *
 * Yann Collet, "xxHash fast digest algorithm", XXH32.
 */
import { SPACE_DIMENSION } from '../layout';

const P1: u32 = 2654435761;
const P2: u32 = 2246822519;
const P3: u32 = 3266489917;
const P4: u32 = 668265263;
const P5: u32 = 374761393;

/**
 * Of `count` entries (u64: address of an original << 32 | node) those whose address is from `start` to `end` are
 * compared with the checksum behind them. Returns the first that differs, or `count`.
 */
export function checkOriginals(
  space: u32,
  entries: u32,
  count: u32,
  start: u32,
  end: u32,
): u32 {
  const bytes = load<u32>(space, SPACE_DIMENSION) << 2;
  let first: u32 = 0;
  while (first < count) {
    // A group of four: where fewer are left, the last is taken again.
    const a = nextToCheck(entries, first, count, start, end);
    if (a == count) return count;
    let b = nextToCheck(entries, a + 1, count, start, end);
    if (b == count) b = a;
    let c = nextToCheck(entries, b + 1, count, start, end);
    if (c == count) c = b;
    let d = nextToCheck(entries, c + 1, count, start, end);
    if (d == count) d = c;
    const wrong = firstWrong(entries, bytes, a, b, c, d);
    if (wrong >= 0) return wrong;
    first = d + 1;
  }
  return count;
}

@inline
function nextToCheck(entries: u32, index: u32, count: u32, start: u32, end: u32): u32 {
  for (; index < count; index++) {
    const address = load<u32>(entries + (index << 3), 4);
    if (address >= start && address < end) return index;
  }
  return count;
}

/** Of the entries `a` to `d`, which may be the same, the first with a wrong checksum, or -1. */
function firstWrong(entries: u32, bytes: u32, a: u32, b: u32, c: u32, d: u32): i32 {
  const nodeA = load<u32>(entries + (a << 3));
  const nodeB = load<u32>(entries + (b << 3));
  const nodeC = load<u32>(entries + (c << 3));
  const nodeD = load<u32>(entries + (d << 3));
  const atA = load<u32>(entries + (a << 3), 4);
  const atB = load<u32>(entries + (b << 3), 4);
  const atC = load<u32>(entries + (c << 3), 4);
  const atD = load<u32>(entries + (d << 3), 4);
  let lanesA = initial(nodeA);
  let lanesB = initial(nodeB);
  let lanesC = initial(nodeC);
  let lanesD = initial(nodeD);
  const stripes = bytes & ~15;
  for (let i: u32 = 0; i < stripes; i += 16) {
    lanesA = mixed(lanesA, v128.load(atA + i));
    lanesB = mixed(lanesB, v128.load(atB + i));
    lanesC = mixed(lanesC, v128.load(atC + i));
    lanesD = mixed(lanesD, v128.load(atD + i));
  }
  if (finished(lanesA, nodeA, atA, bytes) != load<u32>(atA + bytes)) return a;
  if (finished(lanesB, nodeB, atB, bytes) != load<u32>(atB + bytes)) return b;
  if (finished(lanesC, nodeC, atC, bytes) != load<u32>(atC + bytes)) return c;
  if (finished(lanesD, nodeD, atD, bytes) != load<u32>(atD + bytes)) return d;
  return -1;
}

/** xxHash32 of `bytes` bytes, a multiple of 16. One alone is quicker in four words than in one register of four. */
export function checksum(address: u32, bytes: u32, seed: u32): u32 {
  let a = seed + P1 + P2;
  let b = seed + P2;
  let c = seed;
  let d = seed - P1;
  const end = address + bytes;
  for (let at = address; at < end; at += 16) {
    a = rotl<u32>(a + load<u32>(at) * P2, 13) * P1;
    b = rotl<u32>(b + load<u32>(at, 4) * P2, 13) * P1;
    c = rotl<u32>(c + load<u32>(at, 8) * P2, 13) * P1;
    d = rotl<u32>(d + load<u32>(at, 12) * P2, 13) * P1;
  }
  const hash =
    bytes == 0
      ? seed + P5
      : rotl<u32>(a, 1) + rotl<u32>(b, 7) + rotl<u32>(c, 12) + rotl<u32>(d, 18);
  return avalanche(hash + bytes);
}

@inline
function initial(seed: u32): v128 {
  return i32x4.add(i32x4.splat(seed), i32x4(P1 + P2, P2, 0, -P1));
}

@inline
function mixed(lanes: v128, words: v128): v128 {
  const sum = i32x4.add(lanes, i32x4.mul(words, i32x4.splat(P2)));
  const turned = v128.or(i32x4.shl(sum, 13), i32x4.shr_u(sum, 19));
  return i32x4.mul(turned, i32x4.splat(P1));
}

/** From the lanes after all whole stripes; words behind them are mixed in one by one. */
function finished(lanes: v128, seed: u32, address: u32, bytes: u32): u32 {
  let hash =
    bytes < 16
      ? seed + P5
      : rotl<u32>(i32x4.extract_lane(lanes, 0), 1) +
        rotl<u32>(i32x4.extract_lane(lanes, 1), 7) +
        rotl<u32>(i32x4.extract_lane(lanes, 2), 12) +
        rotl<u32>(i32x4.extract_lane(lanes, 3), 18);
  hash += bytes;
  for (let i = bytes & ~15; i < bytes; i += 4) {
    hash = rotl<u32>(hash + load<u32>(address + i) * P3, 17) * P4;
  }
  return avalanche(hash);
}

function avalanche(hash: u32): u32 {
  hash = (hash ^ (hash >>> 15)) * P2;
  hash = (hash ^ (hash >>> 13)) * P3;
  return hash ^ (hash >>> 16);
}
