/**
 * Measuring given nodes again by their originals: entries are the address of a vector << 32 | node, and become
 * walk keys. The cache lines of all are touched before any is used.
 */
import { SPACE_DIMENSION, SPACE_METRIC, WALK_DISTANCES, WALK_QUERY, WALK_SPACE } from '../layout';
import { distanceTo, squaresFor } from './exact';
import { keyOf } from './key';
import { touchEntries } from './touch';

/** By f32 vectors. */
export function refineExact(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const query = load<u32>(walk, WALK_QUERY);
  touchEntries(walk, entries, count, dimension << 2);
  const squares = squaresFor(metric, query, dimension);
  const end = entries + (count << 3);
  for (let at = entries; at < end; at += 8) {
    const distance = distanceTo(metric, query, squares, load<u32>(at, 4), dimension);
    store<u64>(at, keyOf(distance, load<u32>(at)));
  }
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + count, WALK_DISTANCES);
}
