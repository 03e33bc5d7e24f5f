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
