/**
 * The edge back to a new node. A list with room takes it at its end; a full one is chosen anew among
 * its edges and the new one, by the distances of their codes to the node's.
 *
 * The rule has no slack here. A full list was mostly chosen by the rule before: with slack nearly all of it would
 * be chosen again, the list be full again, and each edge to come be paid for by choosing anew. Without slack a
 * third goes, and the room serves the next edges. Recall wants longer lists than the strict rule leaves, so the
 * dropped fill three quarters of the cap: the new node first, which may have no other edge leading to it, then
 * the nearest.
 */
import {
  LINK_APPENDED,
  LINK_PRESENT,
  LINK_REWRITTEN,
  NEED_LIST,
  SPACE_METRIC,
  STATUS_DONE,
  STATUS_NEED,
  WALK_LINK_RESULT,
  WALK_NEED_COUNT,
  WALK_SPACE,
} from '../layout';
import { addGathered, fetchGathered, gatheredDistance, keyAt, nodeAt } from './gather';
import { keyOf, nodeOf } from './key';
import { chosenAt, orderAt, prune, pruneBegin, prunedAt } from './prune';
import {
  CHOSEN_COUNT,
  GATHER_COUNT,
  GATHER_FOR_LINK,
  GATHER_FOR_NONE,
  GATHER_LAYER,
  GATHER_NEW,
  GATHER_NODE,
  GATHER_OWNER,
  need,
  PRUNED_COUNT,
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
  if (!fetchGathered(walk)) return STATUS_NEED;
  sortByDistance(walk, space);
  prune(walk, 0, count + 1, cap, 1);
  rewrite(walk, list, cap, newNode);
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
  return load<u32>(walk, GATHER_OWNER) == GATHER_FOR_LINK
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

/** Writes the chosen, then what fills the list to three quarters of its cap. */
function rewrite(walk: u32, list: u32, cap: u32, newNode: u32): void {
  const chosen = load<u32>(walk, CHOSEN_COUNT);
  const pruned = load<u32>(walk, PRUNED_COUNT);
  let at = list + 4;
  for (let i: u32 = 0; i < chosen; i++) {
    store<u32>(at, load<u32>(nodeAt(walk, load<u32>(chosenAt(walk, i)))));
    at += 4;
  }
  const end = list + 4 + (((cap * 3) >> 2) << 2);
  for (let i: u32 = 0; i < pruned && at < end; i++) {
    if (nodeOf(load<u64>(prunedAt(walk, i))) != newNode) continue;
    store<u32>(at, newNode);
    at += 4;
  }
  for (let i: u32 = 0; i < pruned && at < end; i++) {
    const node = nodeOf(load<u64>(prunedAt(walk, i)));
    if (node == newNode) continue;
    store<u32>(at, node);
    at += 4;
  }
  store<u32>(list, (at - list - 4) >> 2);
}
