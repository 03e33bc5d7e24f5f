/**
 * Distance-adaptive early stop: a walk ends at a candidate that is more than (1 + gamma) times as far as the
 * k-th result so far, whatever `ef` still allows (Al-Jazzazi, Diwan, Gou, Musco, Musco and Suel,
 * "Distance adaptive beam search for provably accurate graph-based nearest neighbor search", 2025).
 *
 * Only distances that are none of the dot metric's can be compared so; keys hold squares of them.
 */
import {
  METRIC_DOT,
  SPACE_METRIC,
  WALK_ENTRIES,
  WALK_SPACE,
  WALK_STOP_FACTOR,
  WALK_STOP_K,
} from '../layout';
import { pushFarthest, replaceFarthest } from './heap';
import { distanceOf } from './key';
import { STOP_COUNT } from './scratch';

@inline
export function stopsEarly(walk: u32): bool {
  return load<f32>(walk, WALK_STOP_FACTOR) > 0
    && load<u32>(load<u32>(walk, WALK_SPACE), SPACE_METRIC) != METRIC_DOT;
}

/** Keeps the key of a result if it is one of the k nearest. */
export function offerStop(walk: u32, key: u64): void {
  const nearest = load<u32>(walk, WALK_ENTRIES);
  const count = load<u32>(walk, STOP_COUNT);
  if (count < load<u32>(walk, WALK_STOP_K)) {
    pushFarthest(nearest, count, key);
    store<u32>(walk, count + 1, STOP_COUNT);
  } else if (count > 0 && key < load<u64>(nearest)) {
    replaceFarthest(nearest, count, key);
  }
}

/** Whether a candidate is far enough behind the k-th result. */
export function isTooFar(walk: u32, key: u64): bool {
  const count = load<u32>(walk, STOP_COUNT);
  if (count == 0 || count < load<u32>(walk, WALK_STOP_K)) return false;
  const factor = 1 + <f64>load<f32>(walk, WALK_STOP_FACTOR);
  const farthest = <f64>distanceOf(load<u64>(load<u32>(walk, WALK_ENTRIES)));
  return <f64>distanceOf(key) > factor * factor * farthest;
}
