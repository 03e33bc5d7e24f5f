/**
 * Measuring given nodes again, by finer codes or by originals: entries are the address of what to measure
 * by << 32 | node, and become walk keys. The cache lines of all are touched before any is used.
 */
import {
  SLOT_CODE,
  SPACE_DIMENSION,
  SPACE_METRIC,
  WALK_DISTANCES,
  WALK_QUERY,
  WALK_SPACE,
} from '../layout';
import { distanceExact } from './exact';
import { keyOf } from './key';
import { touchEntries } from './ready';
import { measure, prepareSq8 } from './sq8';

/** Codes the query for `refineCodes`; the planes of a walk on bits stay as they are. */
export function refinePrepare(walk: u32): void {
  prepareSq8(walk);
}

/** By the SQ8 codes in slots. */
export function refineCodes(walk: u32, entries: u32, count: u32): void {
  const dimension = load<u32>(load<u32>(walk, WALK_SPACE), SPACE_DIMENSION);
  touchEntries(walk, entries, count, SLOT_CODE + dimension);
  measure(walk, entries, count);
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + count, WALK_DISTANCES);
}

/** By f32 vectors. */
export function refineExact(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const query = load<u32>(walk, WALK_QUERY);
  touchEntries(walk, entries, count, dimension << 2);
  const end = entries + (count << 3);
  for (let at = entries; at < end; at += 8) {
    const distance = distanceExact(metric, query, load<u32>(at, 4), dimension);
    store<u64>(at, keyOf(distance, load<u32>(at)));
  }
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + count, WALK_DISTANCES);
}
