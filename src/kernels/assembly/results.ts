/** The results of a walk or scan: a max-heap of at most WALK_EF keys, and what may enter it. */
import {
  WALK_EF,
  WALK_FILTER,
  WALK_FILTER_BITS,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
} from '../layout';
import { pushFarthest, replaceFarthest } from './heap';

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
  } else if (count > 0 && key < load<u64>(results)) {
    replaceFarthest(results, count, key);
  }
}
