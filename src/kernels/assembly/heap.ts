/**
 * Binary heaps of u64 keys in plain memory. The caller keeps the count and knows the room. A hole is
 * moved instead of swapping: one store a step.
 */

/** Adds `key` to the min-heap of `count` keys at `heap`. */
export function pushNearest(heap: u32, count: u32, key: u64): void {
  let hole = count;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const above = load<u64>(heap + (parent << 3));
    if (key >= above) break;
    store<u64>(heap + (hole << 3), above);
    hole = parent;
  }
  store<u64>(heap + (hole << 3), key);
}

/** Removes the least key of the min-heap of `count` keys, which is not empty. */
export function popNearest(heap: u32, count: u32): void {
  const last = count - 1;
  const key = load<u64>(heap + (last << 3));
  let hole: u32 = 0;
  for (;;) {
    let child = (hole << 1) + 1;
    if (child >= last) break;
    if (child + 1 < last) {
      child += <u32>(load<u64>(heap + (child << 3), 8) < load<u64>(heap + (child << 3)));
    }
    const below = load<u64>(heap + (child << 3));
    if (key <= below) break;
    store<u64>(heap + (hole << 3), below);
    hole = child;
  }
  store<u64>(heap + (hole << 3), key);
}

/** Adds `key` to the max-heap of `count` keys at `heap`. */
export function pushFarthest(heap: u32, count: u32, key: u64): void {
  let hole = count;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const above = load<u64>(heap + (parent << 3));
    if (key <= above) break;
    store<u64>(heap + (hole << 3), above);
    hole = parent;
  }
  store<u64>(heap + (hole << 3), key);
}

/** Puts `key` in the place of the greatest key of the max-heap of `count` keys. */
export function replaceFarthest(heap: u32, count: u32, key: u64): void {
  let hole: u32 = 0;
  for (;;) {
    let child = (hole << 1) + 1;
    if (child >= count) break;
    if (child + 1 < count) {
      child += <u32>(load<u64>(heap + (child << 3), 8) > load<u64>(heap + (child << 3)));
    }
    const below = load<u64>(heap + (child << 3));
    if (key >= below) break;
    store<u64>(heap + (hole << 3), below);
    hole = child;
  }
  store<u64>(heap + (hole << 3), key);
}

/** Turns the max-heap of `count` keys into a list in ascending order. */
export function sortHeap(heap: u32, count: u32): void {
  for (let end = count; end > 1; ) {
    end--;
    const greatest = load<u64>(heap);
    const key = load<u64>(heap + (end << 3));
    replaceFarthest(heap, end, key);
    store<u64>(heap + (end << 3), greatest);
  }
}
