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
 *
 * With WALK_EXPAND nodes that do not pass are not measured there: the hop gathers their neighbours in
 * their place, and measures those that pass (after ACORN: Patel, Kraft, Guestrin and Zaharia, SIGMOD
 * 2024). A hop then looks at cap + cap * cap nodes at the most, each of them once in a walk.
 */
import {
  CODES_BITS,
  LIST_ABSENT,
  NEED_LIST,
  STATUS_DONE,
  STATUS_GROW,
  STATUS_NEED,
  STATUS_YIELD,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_EF,
  WALK_EXPAND,
  WALK_FILTER,
  WALK_HOPS,
  WALK_LAYER,
  WALK_NEED_COUNT,
  WALK_REFINE,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SPACE,
  WALK_SPARE,
  WALK_TARGET_LAYER,
} from '../layout';
import { beginErrors, findErrors } from './errors';
import { popNearest, pushNearest } from './heap';
import { beginRefinement, runRefinement } from './refine';
import { nodeOf } from './key';
import { measurePending } from './ready';
import { offerResult, sortResults } from './results';
import {
  CANDIDATE_COUNT,
  CANDIDATES,
  clearVisited,
  EXPANDED,
  GATHER_FOR_NONE,
  GATHER_OWNER,
  hasRoomFor,
  HOP_MEASURED,
  NEAREST,
  need,
  NO_NODE,
  PENDING,
  PENDING_COUNT,
  PHASE,
  PHASE_DONE,
  PHASE_ERRORS,
  PHASE_REFINED,
  PHASE_WALK,
  REACH,
  REACH_ANY,
  REACH_ONE,
  REACH_TWO,
  RESULT_ROOM,
  SPARE_COUNT,
  STOP_COUNT,
  THROUGH,
  THROUGH_COUNT,
  THROUGH_DONE,
  VISITED,
  VISITED_COUNT,
  VISITED_SHIFT,
  visitNew,
} from './scratch';
import { capOf, listAddress } from './space';
import { isTooFar, offerStop, stopsEarly } from './stop';
import { isVisited, visit } from './visited';

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
    if (stopsEarly(walk)) offerStop(walk, key);
  }
  store<u32>(walk, found, CANDIDATE_COUNT);
  if (hasGhost) {
    visitNew(walk, nodeOf(nearest));
    pushNearest(candidates, found, nearest);
    store<u32>(walk, found + 1, CANDIDATE_COUNT);
  }
}

/** Goes on for at most `hopBudget` hops. DONE leaves the results sorted, nearest first, and as many as WALK_REFINE says. */
export function walkRun(walk: u32, hopBudget: u32): u32 {
  store<u32>(walk, 0, WALK_NEED_COUNT);
  const hops = load<u32>(walk, WALK_HOPS);
  const status = walkOn(walk, hops + hopBudget);
  if (status != STATUS_DONE || load<u32>(walk, WALK_REFINE) == 0) return status;
  if (load<u32>(walk, PHASE) == PHASE_REFINED) return status;
  if (load<u32>(walk, PHASE) == PHASE_DONE) beginRefinement(walk);
  return runRefinement(walk, <i32>(hopBudget - (load<u32>(walk, WALK_HOPS) - hops)));
}

function walkOn(walk: u32, hopsEnd: u32): u32 {
  const phase = load<u32>(walk, PHASE);
  if (phase == PHASE_ERRORS) return findErrors(walk);
  if (phase != PHASE_WALK) return STATUS_DONE;
  const room = load<u32>(walk, WALK_EF) + load<u32>(walk, WALK_SPARE);
  if (room > load<u32>(walk, RESULT_ROOM)) return STATUS_GROW;
  for (;;) {
    if (load<u32>(walk, PENDING_COUNT) != 0 && !measurePending(walk)) return STATUS_NEED;
    if (load<u32>(walk, THROUGH_COUNT) != 0) {
      const status = walkThrough(walk, hopsEnd);
      if (status != STATUS_DONE) return status;
      continue;
    }
    const isDescending = load<u32>(walk, WALK_LAYER) > load<u32>(walk, WALK_TARGET_LAYER);
    const node = isDescending ? nextOfDescent(walk) : nextOfBeam(walk);
    if (node == NO_NODE) {
      if (!isDescending) break;
      stepDown(walk);
      continue;
    }
    if (load<u32>(walk, WALK_HOPS) == hopsEnd) return STATUS_YIELD;
    const status = expand(walk, node, expandsThrough(walk) ? REACH_ONE : REACH_ANY);
    if (status != STATUS_DONE) return status;
    store<u32>(walk, 0, HOP_MEASURED);
    if (isDescending) store<u32>(walk, node, EXPANDED);
    else popCandidate(walk);
  }
  sortResults(walk);
  if (load<u32>(walk, WALK_CODES) == CODES_BITS) return beginErrors(walk);
  store<u32>(walk, PHASE_DONE, PHASE);
  return STATUS_DONE;
}

function startLayer(walk: u32): void {
  clearVisited(walk);
  store<u32>(walk, 0, WALK_RESULT_COUNT);
  store<u32>(walk, 0, SPARE_COUNT);
  store<u32>(walk, 0, CANDIDATE_COUNT);
  store<u32>(walk, 0, PENDING_COUNT);
  store<u32>(walk, 0, THROUGH_COUNT);
  store<u32>(walk, 0, STOP_COUNT);
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

/**
 * The nearest candidate, unless it is farther than all results and there is no room for more, or far enough
 * behind the best of them.
 */
@inline
function nextOfBeam(walk: u32): u32 {
  if (load<u32>(walk, CANDIDATE_COUNT) == 0) return NO_NODE;
  const key = load<u64>(load<u32>(walk, CANDIDATES));
  if (isFull(walk) && key > load<u64>(load<u32>(walk, WALK_RESULTS))) return NO_NODE;
  return stopsEarly(walk) && isTooFar(walk, key) ? NO_NODE : nodeOf(key);
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

function addPending(walk: u32, node: u32): void {
  visitNew(walk, node);
  store<u32>(load<u32>(walk, PENDING), node);
  store<u32>(walk, 1, PENDING_COUNT);
  store<u32>(walk, REACH_ANY, REACH);
}

/** Makes the unseen neighbours of a node pending. Changes nothing unless it returns DONE. */
function expand(walk: u32, node: u32, reach: u32): u32 {
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
  if (reach == REACH_TWO) {
    // Seen only when they pass: the others may be walked through from somewhere nearer.
    for (let id = list; id < end; id += 4) {
      const neighbour = load<u32>(id, 4);
      store<u32>(at, neighbour);
      at += <u32>!isVisited(visited, shift, neighbour) << 2;
    }
  } else {
    for (let id = list; id < end; id += 4) {
      const neighbour = load<u32>(id, 4);
      store<u32>(at, neighbour);
      at += <u32>visit(visited, shift, neighbour) << 2;
    }
    store<u32>(walk, load<u32>(walk, VISITED_COUNT) + ((at - pending) >> 2), VISITED_COUNT);
  }
  store<u32>(walk, (at - pending) >> 2, PENDING_COUNT);
  store<u32>(walk, reach, REACH);
  store<u32>(walk, load<u32>(walk, WALK_HOPS) + 1, WALK_HOPS);
  return STATUS_DONE;
}

/** Whether nodes that do not pass the filter are walked through on this layer. */
@inline
function expandsThrough(walk: u32): bool {
  return load<u32>(walk, WALK_EXPAND) != 0
    && load<u32>(walk, WALK_FILTER) != 0
    && load<u32>(walk, WALK_LAYER) == load<u32>(walk, WALK_TARGET_LAYER);
}

/**
 * Gathers the neighbours of one more node that is walked through, whichever has its list in memory: the
 * hop gathers the same nodes in any order. After the last of them the hop is over; if it has measured
 * nothing, and there is room for results, the nodes walked through are measured after all.
 */
function walkThrough(walk: u32, hopsEnd: u32): u32 {
  const through = load<u32>(walk, THROUGH);
  const count = load<u32>(walk, THROUGH_COUNT);
  const done = load<u32>(walk, THROUGH_DONE);
  if (done == count) {
    store<u32>(walk, 0, THROUGH_COUNT);
    if (load<u32>(walk, HOP_MEASURED) != 0 || isFull(walk)) return STATUS_DONE;
    memory.copy(load<u32>(walk, PENDING), through, count << 2);
    store<u32>(walk, count, PENDING_COUNT);
    store<u32>(walk, REACH_ANY, REACH);
    return STATUS_DONE;
  }
  if (load<u32>(walk, WALK_HOPS) == hopsEnd) return STATUS_YIELD;
  for (let i = done; i < count; i++) {
    const node = load<u32>(through + (i << 2));
    const status = expand(walk, node, REACH_TWO);
    if (status == STATUS_NEED) continue;
    if (status != STATUS_DONE) return status;
    store<u32>(through + (i << 2), load<u32>(through + (done << 2)));
    store<u32>(through + (done << 2), node);
    store<u32>(walk, done + 1, THROUGH_DONE);
    return STATUS_DONE;
  }
  return STATUS_NEED;
}

@inline
function isFull(walk: u32): bool {
  return load<u32>(walk, WALK_RESULT_COUNT) >= load<u32>(walk, WALK_EF);
}
