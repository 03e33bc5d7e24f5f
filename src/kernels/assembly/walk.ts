/**
 * The walk: greedy through the upper layers, then a beam of `ef` on the target layer. It is a state
 * machine whose whole state lies in its scratch, so that it can stop between any two hops, and wait
 * for lists and codes that are not in memory.
 *
 * A hop takes the neighbours of one node that were not seen before. Those whose codes are in memory are
 * measured at once; the others stay pending, and no hop starts before all are measured. The answer
 * depends neither on what was in memory nor on the order of a list: keys have a total order, and a
 * key that does not enter the candidates because the results are full and nearer would never have
 * been expanded.
 *
 * In the target layer only living nodes that pass the filter become results; all nodes are walked
 * through. Above it nothing is tested.
 */
import {
  LIST_ABSENT,
  NEED_CODES,
  NEED_LIST,
  SLOT_CODE,
  SLOT_RECORD,
  SPACE_CODE_PAGES,
  SPACE_CODE_ROOT,
  SPACE_CODE_SLOTS_OFFSET,
  SPACE_CODE_STRIDE,
  SPACE_DIMENSION,
  SPACE_PAGE_MAGIC,
  SPACE_PAGE_SHIFT,
  SPACE_SLOTS_PER_PAGE,
  STATUS_DONE,
  STATUS_GROW,
  STATUS_NEED,
  STATUS_YIELD,
  WALK_DISTANCES,
  WALK_EF,
  WALK_HOPS,
  WALK_LAYER,
  WALK_NEED_COUNT,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SPACE,
  WALK_TARGET_LAYER,
} from '../layout';
import { popNearest, pushNearest, sortHeap } from './heap';
import { nodeOf } from './key';
import { isNearEnough, offerResult, passesFilter } from './results';
import {
  CANDIDATE_COUNT,
  CANDIDATES,
  clearVisited,
  EXPANDED,
  GATHER_FOR_NONE,
  GATHER_OWNER,
  hasRoomFor,
  NEAREST,
  need,
  NO_NODE,
  PENDING,
  PENDING_COUNT,
  PHASE,
  PHASE_DONE,
  PHASE_WALK,
  READY,
  RESULT_ROOM,
  TOUCHED,
  VISITED,
  VISITED_COUNT,
  VISITED_SHIFT,
} from './scratch';
import {
  capOf,
  cellOf,
  codeCellOf,
  divide,
  isLive,
  listAddress,
  pageOf,
  slotInCell,
  slotOf,
} from './space';
import { measure } from './sq8';
import { visit } from './visited';

/** Starts a walk from `entryNode`, which is on layer `fromLayer` and all below it. */
export function walkBegin(
  walk: u32,
  entryNode: u32,
  fromLayer: u32,
  targetLayer: u32,
  ef: u32,
): void {
  store<u32>(walk, ef, WALK_EF);
  store<u32>(walk, max(fromLayer, targetLayer), WALK_LAYER);
  store<u32>(walk, targetLayer, WALK_TARGET_LAYER);
  store<u32>(walk, 0, WALK_HOPS);
  store<u32>(walk, 0, WALK_DISTANCES);
  store<u64>(walk, u64.MAX_VALUE, NEAREST);
  startLayer(walk);
  addPending(walk, entryNode);
}

/** Goes on in a lower layer, from the present results: or from the nearest ghost, if there are none. */
export function walkContinue(walk: u32, targetLayer: u32, ef: u32): void {
  const results = load<u32>(walk, WALK_RESULTS);
  const candidates = load<u32>(walk, CANDIDATES);
  const found = load<u32>(walk, WALK_RESULT_COUNT);
  const nearest = load<u64>(walk, NEAREST);
  const hasGhost = found == 0 || nearest < load<u64>(results);
  store<u32>(walk, ef, WALK_EF);
  store<u32>(walk, targetLayer, WALK_LAYER);
  store<u32>(walk, targetLayer, WALK_TARGET_LAYER);
  startLayer(walk);
  for (let i: u32 = 0; i < found; i++) {
    const key = load<u64>(results + (i << 3));
    visitNew(walk, nodeOf(key));
    pushNearest(candidates, i, key);
    offerResult(walk, key);
  }
  store<u32>(walk, found, CANDIDATE_COUNT);
  if (hasGhost) {
    visitNew(walk, nodeOf(nearest));
    pushNearest(candidates, found, nearest);
    store<u32>(walk, found + 1, CANDIDATE_COUNT);
  }
}

/** Goes on for at most `hopBudget` hops. DONE leaves the results sorted, nearest first. */
export function walkRun(walk: u32, hopBudget: u32): u32 {
  store<u32>(walk, 0, WALK_NEED_COUNT);
  if (load<u32>(walk, PHASE) == PHASE_DONE) return STATUS_DONE;
  if (load<u32>(walk, WALK_EF) > load<u32>(walk, RESULT_ROOM)) return STATUS_GROW;
  const hopsEnd = load<u32>(walk, WALK_HOPS) + hopBudget;
  for (;;) {
    if (load<u32>(walk, PENDING_COUNT) != 0 && !measurePending(walk)) return STATUS_NEED;
    const isDescending = load<u32>(walk, WALK_LAYER) > load<u32>(walk, WALK_TARGET_LAYER);
    const node = isDescending ? nextOfDescent(walk) : nextOfBeam(walk);
    if (node == NO_NODE) {
      if (!isDescending) break;
      stepDown(walk);
      continue;
    }
    if (load<u32>(walk, WALK_HOPS) == hopsEnd) return STATUS_YIELD;
    const status = expand(walk, node);
    if (status != STATUS_DONE) return status;
    if (isDescending) store<u32>(walk, node, EXPANDED);
    else popCandidate(walk);
  }
  sortHeap(load<u32>(walk, WALK_RESULTS), load<u32>(walk, WALK_RESULT_COUNT));
  store<u32>(walk, PHASE_DONE, PHASE);
  return STATUS_DONE;
}

function startLayer(walk: u32): void {
  clearVisited(walk);
  store<u32>(walk, 0, WALK_RESULT_COUNT);
  store<u32>(walk, 0, CANDIDATE_COUNT);
  store<u32>(walk, 0, PENDING_COUNT);
  store<u32>(walk, GATHER_FOR_NONE, GATHER_OWNER);
  store<u32>(walk, NO_NODE, EXPANDED);
  store<u32>(walk, PHASE_WALK, PHASE);
}

/** The nearest node found so far, unless it has been expanded on this layer. */
@inline
function nextOfDescent(walk: u32): u32 {
  const nearest = nodeOf(load<u64>(walk, NEAREST));
  return nearest == load<u32>(walk, EXPANDED) ? NO_NODE : nearest;
}

/** The nearest candidate, unless it is farther than all results and there is no room for more. */
@inline
function nextOfBeam(walk: u32): u32 {
  if (load<u32>(walk, CANDIDATE_COUNT) == 0) return NO_NODE;
  const key = load<u64>(load<u32>(walk, CANDIDATES));
  const isFull = load<u32>(walk, WALK_RESULT_COUNT) >= load<u32>(walk, WALK_EF);
  return isFull && key > load<u64>(load<u32>(walk, WALK_RESULTS)) ? NO_NODE : nodeOf(key);
}

@inline
function popCandidate(walk: u32): void {
  const count = load<u32>(walk, CANDIDATE_COUNT);
  popNearest(load<u32>(walk, CANDIDATES), count);
  store<u32>(walk, count - 1, CANDIDATE_COUNT);
}

/** Ends the descent on one layer. The nearest node is measured again as the entry of the target layer. */
function stepDown(walk: u32): void {
  const layer = load<u32>(walk, WALK_LAYER) - 1;
  store<u32>(walk, layer, WALK_LAYER);
  store<u32>(walk, NO_NODE, EXPANDED);
  if (layer > load<u32>(walk, WALK_TARGET_LAYER)) return;
  startLayer(walk);
  addPending(walk, nodeOf(load<u64>(walk, NEAREST)));
}

@inline
function visitNew(walk: u32, node: u32): bool {
  if (!visit(load<u32>(walk, VISITED), load<u32>(walk, VISITED_SHIFT), node)) return false;
  store<u32>(walk, load<u32>(walk, VISITED_COUNT) + 1, VISITED_COUNT);
  return true;
}

function addPending(walk: u32, node: u32): void {
  visitNew(walk, node);
  store<u32>(load<u32>(walk, PENDING), node);
  store<u32>(walk, 1, PENDING_COUNT);
}

/** Makes the unseen neighbours of a node pending. Changes nothing unless it returns DONE. */
function expand(walk: u32, node: u32): u32 {
  const space = load<u32>(walk, WALK_SPACE);
  const layer = load<u32>(walk, WALK_LAYER);
  const list = listAddress(space, layer, node);
  // Read once: the main thread may be changing it.
  const stored = list == 0 ? LIST_ABSENT : load<u32>(list);
  if (stored == LIST_ABSENT) {
    need(walk, NEED_LIST | (layer << 16), node);
    return STATUS_NEED;
  }
  const count = min(stored, capOf(space, layer));
  if (!hasRoomFor(walk, count)) return STATUS_GROW;

  const visited = load<u32>(walk, VISITED);
  const shift = load<u32>(walk, VISITED_SHIFT);
  const pending = load<u32>(walk, PENDING);
  const end = list + (count << 2);
  let at = pending;
  for (let id = list; id < end; id += 4) {
    const neighbour = load<u32>(id, 4);
    store<u32>(at, neighbour);
    at += <u32>visit(visited, shift, neighbour) << 2;
  }
  const added = (at - pending) >> 2;
  store<u32>(walk, load<u32>(walk, VISITED_COUNT) + added, VISITED_COUNT);
  store<u32>(walk, added, PENDING_COUNT);
  store<u32>(walk, load<u32>(walk, WALK_HOPS) + 1, WALK_HOPS);
  return STATUS_DONE;
}

/** Measures the pending nodes whose codes are in memory; false when others remain. */
function measurePending(walk: u32): bool {
  const ready = findReady(walk);
  if (ready != 0) {
    touchReady(walk, ready);
    measure(walk, load<u32>(walk, READY), ready);
    store<u32>(walk, load<u32>(walk, WALK_DISTANCES) + ready, WALK_DISTANCES);
    if (load<u32>(walk, WALK_LAYER) > load<u32>(walk, WALK_TARGET_LAYER)) keepNearest(walk, ready);
    else offerReady(walk, ready);
  }
  return load<u32>(walk, PENDING_COUNT) == 0;
}

/**
 * Moves nodes with codes in memory from pending to ready, with the addresses of their slots; asks for
 * the others. The same as `slotAddress`, with all that stays the same in locals.
 */
function findReady(walk: u32): u32 {
  const space = load<u32>(walk, WALK_SPACE);
  // In this order, as `space.ts` says.
  const pages = atomic.load<u32>(space, SPACE_CODE_PAGES);
  const root = load<u32>(space, SPACE_CODE_ROOT);
  const magic = load<u32>(space, SPACE_PAGE_MAGIC);
  const shift = load<u32>(space, SPACE_PAGE_SHIFT);
  const slotsPerPage = load<u32>(space, SPACE_SLOTS_PER_PAGE);
  const slotsOffset = load<u32>(space, SPACE_CODE_SLOTS_OFFSET);
  const stride = load<u32>(space, SPACE_CODE_STRIDE);
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
      store<u32>(found, node);
      store<u32>(found, cell + slotsOffset + (node - page * slotsPerPage) * stride, 4);
      found += 8;
    } else {
      store<u32>(missing, node);
      missing += 4;
      need(walk, NEED_CODES, page);
    }
  }
  store<u32>(walk, (missing - pending) >> 2, PENDING_COUNT);
  return (found - ready) >> 3;
}

/**
 * Reads a byte of every cache line of the codes before any is used: the misses overlap, instead of
 * being waited for one after the other (48 ns a distance instead of 201 ns, 128 dimensions, cold).
 */
@inline
function touchReady(walk: u32, count: u32): void {
  const bytes = SLOT_CODE + load<u32>(load<u32>(walk, WALK_SPACE), SPACE_DIMENSION);
  const ready = load<u32>(walk, READY);
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(ready + (i << 3), 4);
    const end = slot + bytes;
    for (let line = slot; line < end; line += 64) sum += <u32>load<u8>(line);
    sum += <u32>load<u8>(end - 1);
  }
  store<u32>(walk, sum, TOUCHED);
}

@inline
function keepNearest(walk: u32, count: u32): void {
  const ready = load<u32>(walk, READY);
  let nearest = load<u64>(walk, NEAREST);
  for (let i: u32 = 0; i < count; i++) nearest = min(nearest, load<u64>(ready + (i << 3)));
  store<u64>(walk, nearest, NEAREST);
}

/** Takes measured nodes in as candidates, and those that qualify as results. */
@inline
function offerReady(walk: u32, measured: u32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const ready = load<u32>(walk, READY);
  const candidates = load<u32>(walk, CANDIDATES);
  let candidateCount = load<u32>(walk, CANDIDATE_COUNT);
  const count = keepNearer(walk, ready, measured);
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(ready + (i << 3));
    if (!isNearEnough(walk, key)) continue;
    pushNearest(candidates, candidateCount++, key);
    if (key < load<u64>(walk, NEAREST)) store<u64>(walk, key, NEAREST);
    if (isEligible(walk, space, nodeOf(key))) offerResult(walk, key);
  }
  store<u32>(walk, candidateCount, CANDIDATE_COUNT);
}

/** Moves the keys that would enter the results as they are now to the front, without branching. */
@inline
function keepNearer(walk: u32, keys: u32, count: u32): u32 {
  const isFull = load<u32>(walk, WALK_RESULT_COUNT) >= load<u32>(walk, WALK_EF);
  const farthest = isFull ? load<u64>(load<u32>(walk, WALK_RESULTS)) : u64.MAX_VALUE;
  const end = keys + (count << 3);
  let kept = keys;
  for (let at = keys; at < end; at += 8) {
    const key = load<u64>(at);
    store<u64>(kept, key);
    kept += <u32>(key < farthest) << 3;
  }
  return (kept - keys) >> 3;
}

/** Living, and let through by the filter. The node's codes were found in memory in this very call. */
@inline
function isEligible(walk: u32, space: u32, node: u32): bool {
  const page = pageOf(space, node);
  const cell = codeCellOf(space, page);
  const slot = slotOf(space, node, page);
  return isLive(cell, slot)
    && passesFilter(walk, load<u32>(slotInCell(space, cell, slot), SLOT_RECORD));
}
