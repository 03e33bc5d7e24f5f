/**
 * The diversity rule (Malkov and Yashunin, algorithm 4, with the slack of Vamana's robust pruning):
 * going from the nearest to the farthest, a candidate is dropped when one that was chosen
 * before is nearer to it than the node is, by the factor alpha; or is its duplicate. So an edge leads
 * into each direction, and many equal vectors cannot fill a list.
 *
 * When few survive, the nearest of the dropped fill the list to a minimum: without that, nodes of tight
 * clusters end with two or three edges and the graph falls apart.
 */
import { METRIC_DOT, METRIC_L2, SPACE_METRIC, WALK_SPACE } from '../layout';
import { gatheredDistance, isDuplicate, keyAt, moveGathered } from './gather';
import { distanceOf } from './key';
import {
  CHOSEN,
  CHOSEN_COUNT,
  GATHER_COUNT,
  GATHER_ORDER,
  largestCap,
  PRUNED,
  PRUNED_COUNT,
} from './scratch';

@inline
export function orderAt(walk: u32, place: u32): u32 {
  return load<u32>(walk, GATHER_ORDER) + (place << 2);
}

@inline
export function chosenAt(walk: u32, place: u32): u32 {
  return load<u32>(walk, CHOSEN) + (place << 2);
}

@inline
export function prunedAt(walk: u32, place: u32): u32 {
  return load<u32>(walk, PRUNED) + (place << 3);
}

/** What distances between candidates are multiplied by: squared where distances are; none where they may be negative. */
export function slackOf(space: u32, alpha: f32): f32 {
  const metric = load<u32>(space, SPACE_METRIC);
  return metric == METRIC_L2 ? alpha * alpha : metric == METRIC_DOT ? 1 : alpha;
}

export function pruneBegin(walk: u32): void {
  store<u32>(walk, 0, GATHER_COUNT);
  store<u32>(walk, 0, CHOSEN_COUNT);
  store<u32>(walk, 0, PRUNED_COUNT);
}

/**
 * Chooses at most `limit` among the gathered codes at places [from, to) of the order, which are
 * sorted by their keys and are no nearer than those that were chosen before, in the same pass.
 */
export function prune(walk: u32, from: u32, to: u32, limit: u32, alpha: f32): void {
  const space = load<u32>(walk, WALK_SPACE);
  const metric = load<u32>(space, SPACE_METRIC);
  const factor = slackOf(space, alpha);
  const room = largestCap(space);
  let chosen = load<u32>(walk, CHOSEN_COUNT);
  let pruned = load<u32>(walk, PRUNED_COUNT);
  for (let place = from; place < to && chosen < limit; place++) {
    const position = load<u32>(orderAt(walk, place));
    const key = load<u64>(keyAt(walk, position));
    if (isCrowded(walk, position, distanceOf(key), chosen, metric, factor)) {
      if (pruned < room) store<u64>(prunedAt(walk, pruned++), key);
    } else {
      store<u32>(chosenAt(walk, chosen++), position);
    }
  }
  store<u32>(walk, chosen, CHOSEN_COUNT);
  store<u32>(walk, pruned, PRUNED_COUNT);
}

function isCrowded(
  walk: u32,
  position: u32,
  distance: f32,
  chosen: u32,
  metric: u32,
  factor: f32,
): bool {
  for (let i: u32 = 0; i < chosen; i++) {
    const other = load<u32>(chosenAt(walk, i));
    if (factor * gatheredDistance(walk, position, other, metric) < distance) return true;
    if (isDuplicate(walk, position, other)) return true;
  }
  return false;
}

/** Moves the chosen codes to the front, in their order, so that others can be gathered behind them. */
export function packChosen(walk: u32): void {
  const chosen = load<u32>(walk, CHOSEN_COUNT);
  for (let i: u32 = 0; i < chosen; i++) {
    moveGathered(walk, load<u32>(chosenAt(walk, i)), i);
    store<u32>(chosenAt(walk, i), i);
  }
  store<u32>(walk, chosen, GATHER_COUNT);
}
