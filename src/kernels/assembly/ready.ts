/**
 * The nodes of a hop: which of them have their codes in memory, what they measure, and what becomes of
 * them. The walk's codes are one of two columns (WALK_CODES), which are read in one way.
 */
import {
  BIT_CODE,
  CODES_BITS,
  NEED_BITS,
  NEED_CODES,
  SLOT_CODE,
  SLOT_RECORD,
  SPACE_BIT_COLUMN,
  SPACE_BIT_COUNT,
  SPACE_CODE_PAGES,
  SPACE_CODE_ROOT,
  SPACE_CODE_SLOTS_OFFSET,
  SPACE_CODE_STRIDE,
  SPACE_PAGE_MAGIC,
  SPACE_PAGE_SHIFT,
  SPACE_SLOTS_PER_PAGE,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_LAYER,
  WALK_SPACE,
  WALK_TARGET_LAYER,
} from '../layout';
import { pushNearest } from './heap';
import { nodeOf } from './key';
import { measureBits } from './measure-bits';
import { measurePlain } from './plain';
import { isNearEnough, leastRefused, offerResult, passesFilter } from './results';
import {
  CANDIDATE_COUNT,
  CANDIDATES,
  HOP_MEASURED,
  NEAREST,
  need,
  PENDING,
  PENDING_COUNT,
  REACH,
  REACH_ANY,
  REACH_ONE,
  REACH_TWO,
  READY,
  THROUGH,
  THROUGH_COUNT,
  THROUGH_DONE,
  visitNew,
} from './scratch';
import {
  cellOf,
  codeCellOf,
  divide,
  holdsVectors,
  isLive,
  pageOf,
  slotCodeBytes,
  slotInCell,
  slotOf,
} from './space';
import { measure } from './sq8';
import { offerStop, stopsEarly } from './stop';
import { touchEntries, touchNextLists, touchRows } from './touch';

/** Measures the pending nodes whose codes are in memory; false when others remain. */
export function measurePending(walk: u32): bool {
  const isOnBits = load<u32>(walk, WALK_CODES) == CODES_BITS;
  const ready = findReady(walk, isOnBits);
  if (ready != 0) {
    measureReady(walk, ready, isOnBits);
    if (load<u32>(walk, WALK_LAYER) > load<u32>(walk, WALK_TARGET_LAYER)) keepNearest(walk, ready);
    else offerReady(walk, ready, isOnBits);
  }
  return load<u32>(walk, PENDING_COUNT) == 0;
}

@inline
function measureReady(walk: u32, count: u32, isOnBits: bool): void {
  const space = load<u32>(walk, WALK_SPACE);
  const entries = load<u32>(walk, READY);
  touchNextLists(walk);
  if (isOnBits) {
    touchEntries(walk, entries, count, BIT_CODE + (load<u32>(space, SPACE_BIT_COUNT) >> 3));
    measureBits(walk, entries, count);
  } else {
    const bytes = SLOT_CODE + slotCodeBytes(space);
    if (holdsVectors(space)) {
      touchRows(walk, entries, count, bytes);
      measurePlain(walk, entries, count);
    } else {
      touchEntries(walk, entries, count, bytes);
      measure(walk, entries, count);
    }
  }
  store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + count, WALK_DISTANCES);
  store<u32>(walk, load<u32>(walk, HOP_MEASURED) + count, HOP_MEASURED);
}

/** The address from which the fields of the walk's column are read by the names of the SQ8 column's. */
@inline
function columnOf(space: u32, isOnBits: bool): u32 {
  return isOnBits ? space + SPACE_BIT_COLUMN : space;
}

/**
 * Moves nodes with codes in memory from pending to ready, with the addresses of their slots; asks for
 * the others. All that stays the same is in locals. A node that may not be measured because it does not
 * pass the filter is only noted, to be walked through, or left.
 */
function findReady(walk: u32, isOnBits: bool): u32 {
  const column = columnOf(load<u32>(walk, WALK_SPACE), isOnBits);
  const kind: u32 = isOnBits ? NEED_BITS : NEED_CODES;
  // In this order, as `space.ts` says.
  const pages = atomic.load<u32>(column, SPACE_CODE_PAGES);
  const root = load<u32>(column, SPACE_CODE_ROOT);
  const magic = load<u32>(column, SPACE_PAGE_MAGIC);
  const shift = load<u32>(column, SPACE_PAGE_SHIFT);
  const slotsPerPage = load<u32>(column, SPACE_SLOTS_PER_PAGE);
  const slotsOffset = load<u32>(column, SPACE_CODE_SLOTS_OFFSET);
  const stride = load<u32>(column, SPACE_CODE_STRIDE);
  const isChoosing = load<u32>(walk, REACH) != REACH_ANY;
  const pending = load<u32>(walk, PENDING);
  const end = pending + (load<u32>(walk, PENDING_COUNT) << 2);
  const ready = load<u32>(walk, READY);
  let found = ready;
  let missing = pending;
  for (let at = pending; at < end; at += 4) {
    const node = load<u32>(at);
    const page = divide(node, magic, shift);
    const cell = cellOf(root, pages, page);
    if (cell != 0) {
      const number = node - page * slotsPerPage;
      const slot = cell + slotsOffset + number * stride;
      if (isChoosing && !isChosen(walk, node, passes(walk, cell, number, slot))) continue;
      store<u32>(found, node);
      store<u32>(found, slot, 4);
      found += 8;
    } else {
      store<u32>(missing, node);
      missing += 4;
      need(walk, kind, page);
    }
  }
  store<u32>(walk, (missing - pending) >> 2, PENDING_COUNT);
  return (found - ready) >> 3;
}

/** Living, and let through by the filter. Records stand at the same place in slots of either column. */
@inline
function passes(walk: u32, cell: u32, number: u32, slot: u32): bool {
  return isLive(cell, number) && passesFilter(walk, load<u32>(slot, SLOT_RECORD));
}

/**
 * Whether a node is measured. Neighbours of the expanded node that do not pass are noted, to be walked
 * through; those behind them count as seen when they pass, and are left when they do not.
 */
@inline
function isChosen(walk: u32, node: u32, isPassing: bool): bool {
  const reach = load<u32>(walk, REACH);
  if (isPassing) {
    if (reach == REACH_TWO) visitNew(walk, node);
  } else if (reach == REACH_ONE) {
    const count = load<u32>(walk, THROUGH_COUNT);
    if (count == 0) store<u32>(walk, 0, THROUGH_DONE);
    store<u32>(load<u32>(walk, THROUGH) + (count << 2), node);
    store<u32>(walk, count + 1, THROUGH_COUNT);
  }
  return isPassing;
}

@inline
function keepNearest(walk: u32, count: u32): void {
  const ready = load<u32>(walk, READY);
  let nearest = load<u64>(walk, NEAREST);
  for (let i: u32 = 0; i < count; i++) nearest = min(nearest, load<u64>(ready + (i << 3)));
  store<u64>(walk, nearest, NEAREST);
}

/** Takes measured nodes in as candidates, and those that qualify as results, or as spare ones. */
@inline
function offerReady(walk: u32, measured: u32, isOnBits: bool): void {
  const space = load<u32>(walk, WALK_SPACE);
  const ready = load<u32>(walk, READY);
  const candidates = load<u32>(walk, CANDIDATES);
  const column = columnOf(space, isOnBits);
  const isStopping = stopsEarly(walk);
  let candidateCount = load<u32>(walk, CANDIDATE_COUNT);
  const count = keepNearer(walk, ready, measured);
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(ready + (i << 3));
    const isNear = isNearEnough(walk, key);
    if (!isNear && key >= leastRefused(walk)) continue;
    const node = nodeOf(key);
    const page = pageOf(column, node);
    const cell = codeCellOf(column, page);
    if (cell == 0) {
      // Another thread took it away since it was measured: again, when it is back.
      waitFor(walk, node, isOnBits ? NEED_BITS : NEED_CODES, page);
      continue;
    }
    if (isNear) {
      pushNearest(candidates, candidateCount++, key);
      if (key < load<u64>(walk, NEAREST)) store<u64>(walk, key, NEAREST);
    }
    const number = slotOf(column, node, page);
    if (!passes(walk, cell, number, slotInCell(column, cell, number))) continue;
    offerResult(walk, key);
    if (isStopping && isNear) offerStop(walk, key);
  }
  store<u32>(walk, candidateCount, CANDIDATE_COUNT);
}

/** Moves the keys that would be taken as results are now to the front, without branching. */
@inline
function keepNearer(walk: u32, keys: u32, count: u32): u32 {
  const refused = leastRefused(walk);
  const end = keys + (count << 3);
  let kept = keys;
  for (let at = keys; at < end; at += 8) {
    const key = load<u64>(at);
    store<u64>(kept, key);
    kept += <u32>(key < refused) << 3;
  }
  return (kept - keys) >> 3;
}

/** Makes a node pending again. */
function waitFor(walk: u32, node: u32, kind: u32, page: u32): void {
  const count = load<u32>(walk, PENDING_COUNT);
  store<u32>(load<u32>(walk, PENDING) + (count << 2), node);
  store<u32>(walk, count + 1, PENDING_COUNT);
  need(walk, kind, page);
}
