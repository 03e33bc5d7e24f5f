/**
 * The last step of a search: results of a walk on codes are measured again by originals, each only as long
 * as its error bound lets it be among the best. What comes out is exact; what is left out could matter only
 * if an estimate were further off than Z standard errors.
 *
 * There is no step by SQ8 codes between bits and originals: which codes are in memory would decide which
 * nodes are found, and where searches walk on bits those codes are hardly ever in memory.
 *
 * It goes on in the scratch of its walk, in batches: each that is found first spares others their measuring. The
 * keys of the best take the places of results that have been dealt with. An original that is not in memory is the
 * caller's to find; nothing but the caller's answer moves the refinement on then, so that it can be asked for again.
 */
import {
  CODES_BITS,
  METRIC_COSINE,
  METRIC_DOT,
  NO_RECORD,
  SLOT_RECORD,
  SLOT_SCALE,
  SPACE_BIT_COLUMN,
  SPACE_DIMENSION,
  SPACE_METRIC,
  SPACE_ORIGINAL_PAGES,
  SPACE_ORIGINAL_ROOT,
  SPACE_ORIGINAL_STRIDE,
  STATUS_DONE,
  STATUS_ORIGINALS,
  STATUS_YIELD,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_ENTRIES,
  WALK_ENTRY_COUNT,
  WALK_QUERY,
  WALK_REFINE,
  WALK_REFINE_BATCH,
  WALK_REFINED,
  WALK_RESULT_COUNT,
  WALK_RESULT_ERRORS,
  WALK_RESULTS,
  WALK_SPACE,
} from '../layout';
import { distanceTo, squaresFor } from './exact';
import { distanceOf, keyOf, nodeOf } from './key';
import { BEST_COUNT, PHASE, PHASE_REFINE, PHASE_REFINED, REFINE_END, REFINE_NEXT } from './scratch';
import { codeCellOf, holdsVectors, pageOf, peekCell, slotInCell, slotOf } from './space';
import { touchRows } from './touch';

/** Standard errors by which an estimate may be off and still be found, of bits. */
const Z_BITS: f64 = 2;
/** The same of SQ8, four, for a step of 1: rounding to the nearest code is off by 1 / sqrt(12) as a standard error. */
const OFF_BY_ROUNDING: f64 = 1.1547005383792517;

/** A batch of so many bytes takes about as long as a hop: 2 to this power. */
const BYTES_A_HOP = 12;

/**
 * The results are sorted, and those of a walk on bits have their errors: these become bounds. Those of a walk on vectors
 * are as they will be: all is done but for leaving the best.
 */
export function beginRefinement(walk: u32): void {
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  const isExact = holdsVectors(load<u32>(walk, WALK_SPACE));
  if (load<u32>(walk, WALK_CODES) == CODES_BITS) boundByErrors(walk);
  else if (!isExact) boundByScales(walk);
  store<u32>(walk, 0, WALK_REFINED);
  store<u32>(walk, isExact ? count : 0, REFINE_NEXT);
  store<u32>(walk, isExact ? min(load<u32>(walk, WALK_REFINE), count) : 0, BEST_COUNT);
  store<u32>(walk, PHASE_REFINE, PHASE);
}

/** Goes on for about as long as `budget` hops take. DONE leaves the best as the only results. */
export function runRefinement(walk: u32, budget: i32): u32 {
  const stride = load<u32>(load<u32>(walk, WALK_SPACE), SPACE_ORIGINAL_STRIDE);
  for (let left = budget; chooseBatch(walk); ) {
    if (left <= 0) return STATUS_YIELD;
    if (!locateEntries(walk)) return STATUS_ORIGINALS;
    left -= 1 + ((load<u32>(walk, WALK_ENTRY_COUNT) * stride) >> BYTES_A_HOP);
    refineEntries(walk);
  }
  store<u32>(walk, load<u32>(walk, BEST_COUNT), WALK_RESULT_COUNT);
  findRecords(walk);
  store<u32>(walk, PHASE_REFINED, PHASE);
  return STATUS_DONE;
}

/** Measures the entries that were asked for and have their addresses now. */
export function refineEntries(walk: u32): void {
  const entries = load<u32>(walk, WALK_ENTRIES);
  const count = load<u32>(walk, WALK_ENTRY_COUNT);
  refineExact(walk, entries, count);
  for (let i: u32 = 0; i < count; i++) offerBest(walk, load<u64>(entries + (i << 3)));
  store<u32>(walk, load<u32>(walk, WALK_REFINED) + count, WALK_REFINED);
  store<u32>(walk, load<u32>(walk, REFINE_END), REFINE_NEXT);
}

/**
 * Turns entries, u64: address of an f32 vector << 32 | node, into walk keys, in their order. The cache lines of all
 * are touched before any is used.
 */
export function refineExact(walk: u32, entries: u32, count: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const dimension = load<u32>(space, SPACE_DIMENSION);
  const query = load<u32>(walk, WALK_QUERY);
  touchRows(walk, entries, count, dimension << 2);
  const squares = squaresFor(metric, query, dimension);
  const end = entries + (count << 3);
  for (let at = entries; at < end; at += 8) {
    const distance = distanceTo(metric, query, squares, load<u32>(at, 4), dimension);
    store<u64>(at, keyOf(distance, load<u32>(at)));
  }
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + count, WALK_DISTANCES);
}

function boundByErrors(walk: u32): void {
  const results = load<u32>(walk, WALK_RESULTS);
  const bounds = load<u32>(walk, WALK_RESULT_ERRORS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const at = bounds + (i << 2);
    const distance = <f64>distanceOf(load<u64>(results + (i << 3)));
    store<f32>(at, <f32>(distance - Z_BITS * <f64>load<f32>(at)));
  }
}

function boundByScales(walk: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const results = load<u32>(walk, WALK_RESULTS);
  const bounds = load<u32>(walk, WALK_RESULT_ERRORS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  const length = metric == METRIC_DOT ? queryLength(walk, space) : 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(results + (i << 3));
    const slot = slotOfCode(space, nodeOf(key));
    const scale = slot == 0 ? <f64>Infinity : <f64>load<f32>(slot, SLOT_SCALE);
    store<f32>(bounds + (i << 2), <f32>boundOf(metric, <f64>distanceOf(key), scale, length));
  }
}

/**
 * Below what the distance to an original hardly is, by the distance to its code and the code's step: the
 * error of the code is rounding, independent in each dimension, and only its part along q - x counts.
 */
@inline
function boundOf(metric: u32, distance: f64, scale: f64, length: f64): f64 {
  const step = OFF_BY_ROUNDING * scale;
  if (metric == METRIC_DOT) return distance - step * length;
  const squared = max<f64>(0, metric == METRIC_COSINE ? 2 * distance : distance);
  const nearest = max<f64>(0, Math.sqrt(squared) - step);
  return metric == METRIC_COSINE ? (nearest * nearest) / 2 : nearest * nearest;
}

function queryLength(walk: u32, space: u32): f64 {
  const query = load<u32>(walk, WALK_QUERY);
  const end = query + (load<u32>(space, SPACE_DIMENSION) << 2);
  let squares: f64 = 0;
  for (let at = query; at < end; at += 4) {
    const value = <f64>load<f32>(at);
    squares += value * value;
  }
  return Math.sqrt(squares);
}

/** Where a node's code stands in the column of a space, or its column of bits; 0 when it is not in memory. */
@inline
function slotOfCode(column: u32, node: u32): u32 {
  const page = pageOf(column, node);
  const cell = codeCellOf(column, page);
  return cell == 0 ? 0 : slotInCell(column, cell, slotOf(column, node, page));
}

/** Makes entries of the next results that can be among the best; false when there are none any more. */
function chooseBatch(walk: u32): bool {
  const limit = min(load<u32>(walk, WALK_REFINE), load<u32>(walk, WALK_RESULT_COUNT));
  const best = load<u32>(walk, BEST_COUNT);
  const results = load<u32>(walk, WALK_RESULTS);
  const bounds = load<u32>(walk, WALK_RESULT_ERRORS);
  const entries = load<u32>(walk, WALK_ENTRIES);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  const isFull = best >= limit;
  const worst = isFull ? distanceOf(load<u64>(results + (limit << 3) - 8)) : <f32>Infinity;
  const batchMax = load<u32>(walk, WALK_REFINE_BATCH);
  const sizeMax = isFull ? batchMax : min(batchMax, limit - best);
  let size: u32 = 0;
  let next = load<u32>(walk, REFINE_NEXT);
  for (; next < count && size < sizeMax; next++) {
    if (load<f32>(bounds + (next << 2)) > worst) continue;
    store<u32>(entries + (size++ << 3), load<u32>(results + (next << 3)));
  }
  store<u32>(walk, next, REFINE_END);
  store<u32>(walk, size, WALK_ENTRY_COUNT);
  return size > 0;
}

/** Gives entries their addresses; false when an original is not in memory. */
function locateEntries(walk: u32): bool {
  const space = load<u32>(walk, WALK_SPACE);
  const stride = load<u32>(space, SPACE_ORIGINAL_STRIDE);
  const pages = atomic.load<u32>(space, SPACE_ORIGINAL_PAGES);
  const root = load<u32>(space, SPACE_ORIGINAL_ROOT);
  let at = load<u32>(walk, WALK_ENTRIES);
  const end = at + (load<u32>(walk, WALK_ENTRY_COUNT) << 3);
  for (; at < end; at += 8) {
    const node = load<u32>(at);
    const page = pageOf(space, node);
    const cell = peekCell(root, pages, page);
    if (cell == 0) return false;
    store<u32>(at, cell + slotOf(space, node, page) * stride, 4);
  }
  return true;
}

/** Sorts a key in among the best, which are as many as are wanted at the most. */
@inline
function offerBest(walk: u32, key: u64): void {
  const best = load<u32>(walk, WALK_RESULTS);
  const count = load<u32>(walk, BEST_COUNT);
  let hole = best + (count << 3);
  if (count == min(load<u32>(walk, WALK_REFINE), load<u32>(walk, WALK_RESULT_COUNT))) {
    hole -= 8;
    if (key >= load<u64>(hole)) return;
  } else {
    store<u32>(walk, count + 1, BEST_COUNT);
  }
  for (; hole > best && key < load<u64>(hole - 8); hole -= 8) {
    store<u64>(hole, load<u64>(hole - 8));
  }
  store<u64>(hole, key);
}

/** The bounds have served: the record numbers of the best take their place. */
function findRecords(walk: u32): void {
  const column = load<u32>(walk, WALK_SPACE)
    + (load<u32>(walk, WALK_CODES) == CODES_BITS ? SPACE_BIT_COLUMN : 0);
  const results = load<u32>(walk, WALK_RESULTS);
  const records = load<u32>(walk, WALK_RESULT_ERRORS);
  const count = load<u32>(walk, WALK_RESULT_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotOfCode(column, load<u32>(results + (i << 3)));
    store<u32>(records + (i << 2), slot == 0 ? NO_RECORD : load<u32>(slot, SLOT_RECORD));
  }
}
