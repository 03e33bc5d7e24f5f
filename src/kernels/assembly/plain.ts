/**
 * Slots that hold the vectors themselves, for spaces without codes (SLOTS_VECTORS): what a walk measures there is exact,
 * the same to the last bit as what `refine.ts` and the scan of pages measure.
 *
 * A slot keeps the squares of its vector, as `exact.ts` sums them up: a cosine takes one product then, not two.
 */
import {
  SLOT_CODE,
  SLOT_SQUARES,
  SPACE_DIMENSION,
  SPACE_METRIC,
  WALK_QUERY,
  WALK_SPACE,
} from '../layout';
import { distanceBetween, squaresFor } from './exact';
import { keyOf } from './key';
import { QUERY_SPREAD } from './scratch';

/** Fills a slot; the record number is left alone. */
export function writePlain(space: u32, vector: u32, slot: u32): void {
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const squares = squaresFor(load<u32>(space, SPACE_METRIC), vector, dimension);
  memory.fill(slot + SLOT_SQUARES, 0, SLOT_CODE - SLOT_SQUARES);
  store<f32>(slot, squares, SLOT_SQUARES);
  memory.copy(slot + SLOT_CODE, vector, dimension << 2);
}

export function preparePlain(walk: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const query = load<u32>(walk, WALK_QUERY);
  const squares = squaresFor(load<u32>(space, SPACE_METRIC), query, load<u32>(space, SPACE_DIMENSION));
  store<f64>(walk, <f64>squares, QUERY_SPREAD);
}

/** As `measure` of sq8.ts: turns entries (slot address << 32 | node) into walk keys. */
export function measurePlain(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const query = load<u32>(walk, WALK_QUERY);
  const squares = <f32>load<f64>(walk, QUERY_SPREAD);
  const end = entries + (count << 3);
  for (let at = entries; at < end; at += 8) {
    const slot = load<u32>(at, 4);
    const other = load<f32>(slot, SLOT_SQUARES);
    const distance = distanceBetween(metric, query, squares, slot + SLOT_CODE, other, dimension);
    store<u64>(at, keyOf(distance, load<u32>(at)));
  }
}

/** Distance between the vectors in two slots. */
export function plainDistance(space: u32, left: u32, right: u32): f32 {
  return distanceBetween(
    load<u32>(space, SPACE_METRIC),
    left + SLOT_CODE,
    load<f32>(left, SLOT_SQUARES),
    right + SLOT_CODE,
    load<f32>(right, SLOT_SQUARES),
    load<u32>(space, SPACE_DIMENSION),
  );
}
