/**
 * Walk keys: a u64 with the distance in the upper half, as bits whose unsigned order is the order of
 * the distances, and the node in the lower half. One comparison orders by (distance, node), and
 * the order is total: -0 equals 0, and anything that is not a number comes last.
 */

@inline
export function keyOf(distance: f32, node: u32): u64 {
  const bits = reinterpret<u32>(distance + <f32>0);
  const ordered: u32 = distance != distance
    ? 0xffffffff
    : bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
  return (<u64>ordered << 32) | <u64>node;
}

/** Turns the entries of two nodes, at `at`, into keys; the distances are the first two of four. */
@inline
export function storeTwoKeys(at: u32, distances: v128): void {
  const floats = f32x4.add(distances, f32x4.splat(0));
  const signs = v128.or(i32x4.shr_s(floats, 31), i32x4.splat(0x80000000));
  const ordered = v128.or(v128.xor(floats, signs), f32x4.ne(floats, floats));
  v128.store(at, i32x4.shuffle(v128.load(at), ordered, 0, 4, 2, 5));
}

@inline
export function nodeOf(key: u64): u32 {
  return <u32>key;
}

@inline
export function distanceOf(key: u64): f32 {
  const ordered = <u32>(key >> 32);
  const bits: u32 = <i32>ordered < 0 ? ordered ^ 0x80000000 : ~ordered;
  return reinterpret<f32>(bits);
}

/** Puts a key among ascending ones, which begin at `first` and end at `end`; the last may be given up by ending before it. */
@inline
export function insertKey(first: u32, end: u32, key: u64): void {
  let at = end;
  for (; at > first && load<u64>(at - 8) > key; at -= 8) store<u64>(at, load<u64>(at - 8));
  store<u64>(at, key);
}
