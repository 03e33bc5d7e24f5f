/**
 * The neighbours of a new node, from the results of its walk. Results are gathered and judged window by
 * window, so that the scratch need not hold the codes of all of them.
 */
import {
  STATUS_DONE,
  STATUS_NEED,
  WALK_NEED_COUNT,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SELECTED,
  WALK_SELECTED_COUNT,
  WALK_SPACE,
} from '../layout';
import { addGathered, fetchGathered, isGhost, keyAt, nodeAt } from './gather';
import { nodeOf } from './key';
import { chosenAt, orderAt, packChosen, prune, pruneBegin, prunedAt, slackOf } from './prune';
import {
  CHOSEN_COUNT,
  GATHER_COUNT,
  GATHER_FOR_NONE,
  GATHER_FOR_SELECT,
  GATHER_OWNER,
  largestCap,
  NEAREST,
  PRUNED_COUNT,
  SELECT_IS_SLACK,
  SELECT_NEXT,
  selectWindow,
} from './scratch';

/**
 * Chooses at most `m` living results that lie in different directions, nearest first. All are judged without slack
 * before any is judged with it: in dense places the near ones that slack lets in would leave no room for the far. The
 * nearest ghost when the walk found nothing living: the graph has to hang together.
 */
export function selectNeighbours(walk: u32, m: u32, alpha: f32): u32 {
  store<u32>(walk, 0, WALK_NEED_COUNT);
  const limit = min(m, largestCap(load<u32>(walk, WALK_SPACE)));
  if (load<u32>(walk, GATHER_OWNER) != GATHER_FOR_SELECT) {
    store<u32>(walk, GATHER_FOR_SELECT, GATHER_OWNER);
    store<u32>(walk, 0, SELECT_NEXT);
    store<u32>(walk, 0, SELECT_IS_SLACK);
    pruneBegin(walk);
    addWindow(walk);
  }
  for (;;) {
    if (!fetchGathered(walk)) return STATUS_NEED;
    const chosen = load<u32>(walk, CHOSEN_COUNT);
    const isSlack = load<u32>(walk, SELECT_IS_SLACK) != 0;
    prune(walk, chosen, orderLiving(walk, chosen), limit, isSlack ? alpha : 1);
    if (load<u32>(walk, CHOSEN_COUNT) == limit) break;
    packChosen(walk);
    if (addWindow(walk)) continue;
    if (isSlack || slackOf(load<u32>(walk, WALK_SPACE), alpha) == 1) break;
    store<u32>(walk, 1, SELECT_IS_SLACK);
    store<u32>(walk, 0, SELECT_NEXT);
    store<u32>(walk, 0, PRUNED_COUNT);
    addWindow(walk);
  }
  sortChosen(walk);
  if (load<u32>(walk, WALK_RESULT_COUNT) == 0) emitGhost(walk);
  else emit(walk, limit);
  store<u32>(walk, GATHER_FOR_NONE, GATHER_OWNER);
  return STATUS_DONE;
}

/** Adds the next results behind the chosen; false when there are none left. */
function addWindow(walk: u32): bool {
  const results = load<u32>(walk, WALK_RESULTS);
  const first = load<u32>(walk, SELECT_NEXT);
  const end = min(load<u32>(walk, WALK_RESULT_COUNT), first + selectWindow(load<u32>(walk, WALK_SPACE)));
  for (let i = first; i < end; i++) {
    const key = load<u64>(results + (i << 3));
    addGathered(walk, nodeOf(key), key);
  }
  store<u32>(walk, end, SELECT_NEXT);
  return end > first;
}

/** Lists the positions from `first` on that are not ghosts; returns the end of the list. */
function orderLiving(walk: u32, first: u32): u32 {
  const count = load<u32>(walk, GATHER_COUNT);
  let place = first;
  for (let i = first; i < count; i++) {
    if (!isGhost(walk, i) && !isChosen(walk, i, first)) store<u32>(orderAt(walk, place++), i);
  }
  return place;
}

/** Whether one of the first positions, which are those of the chosen, is of the same node. */
function isChosen(walk: u32, position: u32, chosen: u32): bool {
  const node = load<u32>(nodeAt(walk, position));
  for (let i: u32 = 0; i < chosen; i++) if (load<u32>(nodeAt(walk, i)) == node) return true;
  return false;
}

/** Nearest first. */
function sortChosen(walk: u32): void {
  const count = load<u32>(walk, CHOSEN_COUNT);
  for (let i: u32 = 1; i < count; i++) {
    const position = load<u32>(chosenAt(walk, i));
    const key = load<u64>(keyAt(walk, position));
    let place = i;
    for (; place > 0; place--) {
      const before = load<u32>(chosenAt(walk, place - 1));
      if (load<u64>(keyAt(walk, before)) <= key) break;
      store<u32>(chosenAt(walk, place), before);
    }
    store<u32>(chosenAt(walk, place), position);
  }
}

function emitGhost(walk: u32): void {
  const nearest = load<u64>(walk, NEAREST);
  const isMet = nearest != u64.MAX_VALUE;
  if (isMet) store<u32>(load<u32>(walk, WALK_SELECTED), nodeOf(nearest));
  store<u32>(walk, isMet ? 1 : 0, WALK_SELECTED_COUNT);
}

/** Merges the chosen with as many of the pruned as the minimum asks for, both in order. */
function emit(walk: u32, limit: u32): void {
  const selected = load<u32>(walk, WALK_SELECTED);
  const chosen = load<u32>(walk, CHOSEN_COUNT);
  const least = limit >> 1;
  const fill: u32 = chosen < least ? min(least - chosen, load<u32>(walk, PRUNED_COUNT)) : 0;
  let i: u32 = 0;
  let j: u32 = 0;
  for (let count: u32 = 0; count < chosen + fill; count++) {
    const own = i < chosen ? load<u64>(keyAt(walk, load<u32>(chosenAt(walk, i)))) : u64.MAX_VALUE;
    const other = j < fill ? load<u64>(prunedAt(walk, j)) : u64.MAX_VALUE;
    if (own < other) i++;
    else j++;
    store<u32>(selected + (count << 2), nodeOf(min(own, other)));
  }
  store<u32>(walk, chosen + fill, WALK_SELECTED_COUNT);
}
