/**
 * The edge back to a new node. A list with room takes it at its end; a full one is chosen anew among
 * its edges and the new one, by the distances of their codes to the node's.
 *
 * The rule has no slack here. A full list was mostly chosen by the rule before: with slack nearly all of it would
 * be chosen again, the list be full again, and each edge to come be paid for by choosing anew. Without slack half
 * of it goes, and the room serves the next edges. What the rule does not choose is kept all the same
 *   - the new node, which may have no other edge leading to it, if the rule leaves room for it;
 *   - all to which no detour leads (`detours.ts`), as far as there is room: the caller finds the others an edge elsewhere;
 *   - the nearest, up to seven eighths of the cap: recall wants longer lists than the rule, and with fewer edges dropped
 *     more would have to be chosen anew. (Three quarters: a tenth faster, 0.002 less recall@10 at narrow beams.)
 * Until all of that is known the list stays as it was.
 */
import {
  LINK_APPENDED,
  LINK_PRESENT,
  LINK_REFUSED,
  LINK_REWRITTEN,
  NEED_LIST,
  SPACE_METRIC,
  STATUS_DONE,
  STATUS_NEED,
  WALK_LINK_RESULT,
  WALK_NEED_COUNT,
  WALK_SELECTED,
  WALK_SELECTED_COUNT,
  WALK_SPACE,
} from '../layout';
import { detoursBegin, findDetours } from './detours';
import { addGathered, fetchGathered, gatheredDistance, keyAt, nodeAt } from './gather';
import { keyOf, nodeOf } from './key';
import { chosenAt, orderAt, prune, pruneBegin } from './prune';
import {
  CHOSEN_COUNT,
  GATHER_COUNT,
  GATHER_FOR_DETOURS,
  GATHER_FOR_LINK,
  GATHER_FOR_NONE,
  GATHER_LAYER,
  GATHER_NEW,
  GATHER_NODE,
  GATHER_OWNER,
  LOST_COUNT,
  need,
  OTHERS_COUNT,
} from './scratch';
import { capOf, listAddress } from './space';

/** Adds `newNode` to the list of `node`. WALK_LINK_RESULT says what was done. */
export function linkBack(walk: u32, layer: u32, node: u32, newNode: u32): u32 {
  store<u32>(walk, 0, WALK_NEED_COUNT);
  const space = load<u32>(walk, WALK_SPACE);
  const list = listAddress(space, layer, node);
  if (list == 0) {
    need(walk, NEED_LIST | (layer << 16), node);
    return STATUS_NEED;
  }
  const cap = capOf(space, layer);
  const least = (cap * 7) >> 3;
  const count = min(load<u32>(list), cap);
  const end = list + 4 + (count << 2);
  for (let at = list + 4; at < end; at += 4) {
    if (load<u32>(at) == newNode) return done(walk, LINK_PRESENT);
  }
  if (count < cap) {
    store<u32>(end, newNode);
    store<u32>(list, count + 1);
    return done(walk, LINK_APPENDED);
  }
  if (!isResumed(walk, layer, node, newNode)) beginRewrite(walk, list, count, layer, node, newNode);
  if (load<u32>(walk, GATHER_OWNER) == GATHER_FOR_LINK) {
    if (!fetchGathered(walk)) return STATUS_NEED;
    sortByDistance(walk, space);
    prune(walk, 0, count + 1, cap, 1);
    if (!beginDetours(walk, least)) return done(walk, LINK_REFUSED);
    store<u32>(walk, GATHER_FOR_DETOURS, GATHER_OWNER);
  }
  if (!findDetours(walk, layer)) return STATUS_NEED;
  rewrite(walk, list, cap, least);
  return done(walk, LINK_REWRITTEN);
}

@inline
function done(walk: u32, result: u32): u32 {
  store<u32>(walk, result, WALK_LINK_RESULT);
  store<u32>(walk, GATHER_FOR_NONE, GATHER_OWNER);
  return STATUS_DONE;
}

@inline
function isResumed(walk: u32, layer: u32, node: u32, newNode: u32): bool {
  const owner = load<u32>(walk, GATHER_OWNER);
  return (owner == GATHER_FOR_LINK || owner == GATHER_FOR_DETOURS)
    && load<u32>(walk, GATHER_LAYER) == layer
    && load<u32>(walk, GATHER_NODE) == node
    && load<u32>(walk, GATHER_NEW) == newNode;
}

/** Gathers the neighbours, the new node and, last, the node itself. */
function beginRewrite(
  walk: u32,
  list: u32,
  count: u32,
  layer: u32,
  node: u32,
  newNode: u32,
): void {
  store<u32>(walk, GATHER_FOR_LINK, GATHER_OWNER);
  store<u32>(walk, layer, GATHER_LAYER);
  store<u32>(walk, node, GATHER_NODE);
  store<u32>(walk, newNode, GATHER_NEW);
  pruneBegin(walk);
  for (let i: u32 = 0; i < count; i++) addGathered(walk, load<u32>(list + 4 + (i << 2)), 0);
  addGathered(walk, newNode, 0);
  addGathered(walk, node, 0);
}

/** Fills in the keys, and orders the gathered neighbours by them. */
function sortByDistance(walk: u32, space: u32): void {
  const metric = load<u32>(space, SPACE_METRIC);
  const own = load<u32>(walk, GATHER_COUNT) - 1;
  for (let i: u32 = 0; i < own; i++) {
    const distance = gatheredDistance(walk, i, own, metric);
    const key = keyOf(distance, load<u32>(nodeAt(walk, i)));
    store<u64>(keyAt(walk, i), key);
    let place = i;
    while (place > 0) {
      const before = load<u32>(orderAt(walk, place - 1));
      if (load<u64>(keyAt(walk, before)) <= key) break;
      store<u32>(orderAt(walk, place), before);
      place--;
    }
    store<u32>(orderAt(walk, place), i);
  }
}

/**
 * Moves those that were not chosen to the front of the order, and begins with the detours to them. The new node is
 * kept while there is room below `least`: false when it is not.
 */
function beginDetours(walk: u32, least: u32): bool {
  const own = load<u32>(walk, GATHER_COUNT) - 1;
  const added = own - 1;
  const chosen = load<u32>(walk, CHOSEN_COUNT);
  let kept: u32 = 0;
  let others: u32 = 0;
  let isAdded = false;
  // The chosen stand in the order of all.
  for (let place: u32 = 0; place < own; place++) {
    const position = load<u32>(orderAt(walk, place));
    const isChosen = kept < chosen && load<u32>(chosenAt(walk, kept)) == position;
    if (isChosen) kept++;
    else if (position != added) store<u32>(orderAt(walk, others++), position);
    if (isChosen && position == added) isAdded = true;
  }
  if (!isAdded) {
    if (kept >= least) return false;
    store<u32>(chosenAt(walk, kept), added);
    store<u32>(walk, kept + 1, CHOSEN_COUNT);
  }
  detoursBegin(walk, others);
  return true;
}

/** Writes the chosen, the others without a detour as far as there is room, and the nearest up to `least`. */
function rewrite(walk: u32, list: u32, cap: u32, least: u32): void {
  const chosen = load<u32>(walk, CHOSEN_COUNT);
  const lost = load<u32>(walk, LOST_COUNT);
  const others = load<u32>(walk, OTHERS_COUNT);
  const selected = load<u32>(walk, WALK_SELECTED);
  let count: u32 = 0;
  for (; count < chosen; count++) {
    store<u32>(list + 4 + (count << 2), load<u32>(nodeAt(walk, load<u32>(chosenAt(walk, count)))));
  }
  let homeless: u32 = 0;
  sortOrder(walk, 0, lost, true);
  for (let i: u32 = 0; i < lost; i++) {
    const node = load<u32>(nodeAt(walk, load<u32>(orderAt(walk, i))));
    if (count < cap) store<u32>(list + 4 + (count++ << 2), node);
    else store<u32>(selected + (homeless++ << 2), node);
  }
  sortOrder(walk, lost, others, false);
  for (let i = lost; i < others && count < least; i++) {
    store<u32>(list + 4 + (count++ << 2), load<u32>(nodeAt(walk, load<u32>(orderAt(walk, i)))));
  }
  store<u32>(list, count);
  store<u32>(walk, homeless, WALK_SELECTED_COUNT);
}

/** Sorts a part of the order by nodes or by distance, whatever the order of the list was. */
function sortOrder(walk: u32, from: u32, to: u32, isByNode: bool): void {
  for (let i = from + 1; i < to; i++) {
    const position = load<u32>(orderAt(walk, i));
    const key = load<u64>(keyAt(walk, position));
    let place = i;
    while (place > from) {
      const before = load<u32>(orderAt(walk, place - 1));
      const than = load<u64>(keyAt(walk, before));
      if (isByNode ? nodeOf(than) <= nodeOf(key) : than <= key) break;
      store<u32>(orderAt(walk, place), before);
      place--;
    }
    store<u32>(orderAt(walk, place), position);
  }
}
