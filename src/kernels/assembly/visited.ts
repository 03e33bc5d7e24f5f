/**
 * The set of nodes that a walk has seen: open addressing, linear probing, a table of u32 whose size
 * is a power of two. A place holds node + 1; 0 is free. The caller keeps it under 60 % full.
 */

/**
 * Adds a node; false when it was there. `shift` is 32 - log2(places). Whether a node is new is as good as
 * random, so nothing branches on it.
 */
@inline
export function visit(table: u32, shift: u32, node: u32): bool {
  const mask: u32 = (<u32>0xffffffff) >> shift;
  const wanted = node + 1;
  let place = (node * 0x9e3779b1) >> shift;
  let found = load<u32>(table + (place << 2));
  while (found != 0 && found != wanted) {
    place = (place + 1) & mask;
    found = load<u32>(table + (place << 2));
  }
  store<u32>(table + (place << 2), wanted);
  return found == 0;
}

/** Whether a node is in the set. */
@inline
export function isVisited(table: u32, shift: u32, node: u32): bool {
  const mask: u32 = (<u32>0xffffffff) >> shift;
  const wanted = node + 1;
  let place = (node * 0x9e3779b1) >> shift;
  let found = load<u32>(table + (place << 2));
  while (found != 0 && found != wanted) {
    place = (place + 1) & mask;
    found = load<u32>(table + (place << 2));
  }
  return found != 0;
}

/** Copies the nodes of one table into another, empty one. */
export function copyVisited(source: u32, sourceShift: u32, target: u32, targetShift: u32): void {
  const end = source + (<u32>4 << (32 - sourceShift));
  for (let at = source; at < end; at += 4) {
    const found = load<u32>(at);
    if (found != 0) visit(target, targetShift, found - 1);
  }
}
