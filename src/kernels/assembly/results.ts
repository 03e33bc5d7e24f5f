/**
 * The results of a walk or scan: a max-heap of at most WALK_EF keys, and what may enter it. Behind it stands one of the
 * next nearest, WALK_SPARE at most: estimates by few bits put some in the wrong order, and to measure a few more again
 * costs less than to walk to them.
 */
import {
  WALK_EF,
  WALK_FILTER,
  WALK_FILTER_BITS,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SPARE,
} from '../layout';
import { pushFarthest, replaceFarthest, sortHeap } from './heap';
import { SPARE_COUNT } from './scratch';

/** Whether a record's bit is set in the filter, if there is one. */
@inline
export function passesFilter(walk: u32, record: u32): bool {
  const filter = load<u32>(walk, WALK_FILTER);
  if (filter == 0) return true;
  if (record >= load<u32>(walk, WALK_FILTER_BITS)) return false;
  return ((load<u8>(filter + (record >> 3)) >> (record & 7)) & 1) != 0;
}

/** Whether a key would enter the results: there is room, or it is nearer than the farthest of them. */
@inline
export function isNearEnough(walk: u32, key: u64): bool {
  return load<u32>(walk, WALK_RESULT_COUNT) < load<u32>(walk, WALK_EF)
    || key < load<u64>(load<u32>(walk, WALK_RESULTS));
}

export function offerResult(walk: u32, key: u64): void {
  const results = load<u32>(walk, WALK_RESULTS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  if (count < load<u32>(walk, WALK_EF)) {
    pushFarthest(results, count, key);
    store<u32>(walk, count + 1, WALK_RESULT_COUNT);
    return;
  }
  const farthest = count > 0 ? load<u64>(results) : 0;
  if (key < farthest) replaceFarthest(results, count, key);
  if (load<u32>(walk, WALK_SPARE) != 0) offerSpare(walk, max(key, farthest));
}

/** The key from which on none is taken, as a result or a spare one. */
@inline
export function leastRefused(walk: u32): u64 {
  const results = load<u32>(walk, WALK_RESULTS);
  const ef = load<u32>(walk, WALK_EF);
  if (load<u32>(walk, WALK_RESULT_COUNT) < ef) return u64.MAX_VALUE;
  const spare = load<u32>(walk, WALK_SPARE);
  if (spare == 0) return load<u64>(results);
  return load<u32>(walk, SPARE_COUNT) < spare ? u64.MAX_VALUE : load<u64>(results + (ef << 3));
}

/** A key that is behind all results. */
function offerSpare(walk: u32, key: u64): void {
  const spares = load<u32>(walk, WALK_RESULTS) + (load<u32>(walk, WALK_EF) << 3);
  const count = load<u32>(walk, SPARE_COUNT);
  if (count < load<u32>(walk, WALK_SPARE)) {
    pushFarthest(spares, count, key);
    store<u32>(walk, count + 1, SPARE_COUNT);
  } else if (key < load<u64>(spares)) {
    replaceFarthest(spares, count, key);
  }
}

/** Turns results and spare ones into one ascending list. */
export function sortResults(walk: u32): void {
  const results = load<u32>(walk, WALK_RESULTS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  sortHeap(results, count);
  const spare = load<u32>(walk, SPARE_COUNT);
  if (spare == 0) return;
  sortHeap(results + (count << 3), spare);
  store<u32>(walk, count + spare, WALK_RESULT_COUNT);
}
