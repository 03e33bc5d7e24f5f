/**
 * Which edges a list may lose: `node` -> `target` may go when `node` keeps a living neighbour that has an edge to
 * `target` and is no farther from it than `node` is. A greedy walk to `target` that comes to `node` then still has
 * a step that brings it nearer. A ghost is no detour: it goes with the next sweep.
 *
 * The codes are those that the pruning has gathered; the lists of the kept neighbours are read where they lie.
 * What was found stays found: a list may be taken away as soon as it was read, and the order is of no account.
 */
import { NEED_LIST, SPACE_METRIC, WALK_SPACE } from '../layout';
import { gatheredDistance, isGhost, keyAt, nodeAt } from './gather';
import { distanceOf } from './key';
import { chosenAt, orderAt } from './prune';
import { CHOSEN_COUNT, LOST_COUNT, need, OTHERS_COUNT, PRUNED, UNREAD_COUNT } from './scratch';
import { capOf, listAddress } from './space';

/** Positions of kept neighbours whose lists are not read yet, in the place of the pruned keys. */
@inline
function unreadAt(walk: u32, place: u32): u32 {
  return load<u32>(walk, PRUNED) + (place << 2);
}

/** Begins with the chosen, which are kept, and `others`, the first of the order. Ghosts need not be read. */
export function detoursBegin(walk: u32, others: u32): void {
  const kept = load<u32>(walk, CHOSEN_COUNT);
  let unread: u32 = 0;
  for (let i: u32 = 0; i < kept; i++) {
    const position = load<u32>(chosenAt(walk, i));
    if (!isGhost(walk, position)) store<u32>(unreadAt(walk, unread++), position);
  }
  store<u32>(walk, unread, UNREAD_COUNT);
  store<u32>(walk, others, LOST_COUNT);
  store<u32>(walk, others, OTHERS_COUNT);
}

/**
 * Moves those of the others that have a detour behind the rest, which count as lost. False when lists are missing that
 * may show one: they are asked for.
 */
export function findDetours(walk: u32, layer: u32): bool {
  const space = load<u32>(walk, WALK_SPACE);
  const cap = capOf(space, layer);
  const marks = marksOf(walk);
  const unread = load<u32>(walk, UNREAD_COUNT);
  let left: u32 = 0;
  for (let i: u32 = 0; i < unread; i++) {
    if (load<u32>(walk, LOST_COUNT) == 0) return true;
    const position = load<u32>(unreadAt(walk, i));
    const list = listAddress(space, layer, load<u32>(nodeAt(walk, position)));
    if (list == 0) store<u32>(unreadAt(walk, left++), position);
    else readList(walk, list, cap, position, marks);
  }
  store<u32>(walk, left, UNREAD_COUNT);
  if (left == 0 || load<u32>(walk, LOST_COUNT) == 0) return true;
  for (let i: u32 = 0; i < left; i++) {
    need(walk, NEED_LIST | (layer << 16), load<u32>(nodeAt(walk, load<u32>(unreadAt(walk, i)))));
  }
  return false;
}

/** A bit for each lost node by its lowest bits: one look tells most ids that are none of them. */
function marksOf(walk: u32): u64 {
  const lost = load<u32>(walk, LOST_COUNT);
  let marks: u64 = 0;
  for (let i: u32 = 0; i < lost; i++) {
    marks |= <u64>1 << <u64>(load<u32>(nodeAt(walk, load<u32>(orderAt(walk, i)))) & 63);
  }
  return marks;
}

@inline
function readList(walk: u32, list: u32, cap: u32, position: u32, marks: u64): void {
  const end = list + 4 + (min(load<u32>(list), cap) << 2);
  for (let at = list + 4; at < end; at += 4) {
    const id = load<u32>(at);
    if (((marks >> <u64>(id & 63)) & 1) != 0) offerDetour(walk, position, id);
  }
}

/** A kept neighbour has an edge to `id`: if that counts as lost and is near enough, it has a detour. */
function offerDetour(walk: u32, position: u32, id: u32): void {
  const lost = load<u32>(walk, LOST_COUNT);
  const metric = load<u32>(load<u32>(walk, WALK_SPACE), SPACE_METRIC);
  for (let i: u32 = 0; i < lost; i++) {
    const target = load<u32>(orderAt(walk, i));
    if (load<u32>(nodeAt(walk, target)) != id) continue;
    const limit = distanceOf(load<u64>(keyAt(walk, target)));
    if (gatheredDistance(walk, position, target, metric) > limit) return;
    store<u32>(orderAt(walk, i), load<u32>(orderAt(walk, lost - 1)));
    store<u32>(orderAt(walk, lost - 1), target);
    store<u32>(walk, lost - 1, LOST_COUNT);
    return;
  }
}
