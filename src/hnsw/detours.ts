/**
 * Which edges a list may lose: `from` → `target` may go when `from` keeps a neighbour that has an edge to
 * `target` and is no farther from it than `from` is. A greedy walk to `target` that comes to `from` then
 * still has a step that brings it nearer. A ghost is no detour: it goes with the next sweep.
 */
import { codeDistance } from './code-distance.ts';
import { hasId } from './list-cache.ts';
import { isLiving } from './living.ts';
import type { WalkContext } from './walk-driver.ts';

export interface PrunedList {
  readonly layer: number;
  readonly from: number;
  /** The list now, and what it had before; disjoint. */
  readonly kept: Uint32Array;
  readonly dropped: readonly number[];
}

/** The dropped targets to which no detour leads, in their order. */
export function withoutDetour(context: WalkContext, pruned: PrunedList): number[] {
  return pruned.dropped.filter((target) => !hasDetour(context, pruned, target));
}

function hasDetour(
  context: WalkContext,
  { layer, from, kept }: PrunedList,
  target: number,
): boolean {
  const { kernels, lists } = context;
  const { u32 } = kernels.memory;
  const limit = codeDistance(context, from, target);
  for (let i = 0; i < kept.length; i++) {
    if (!hasId(u32, lists.load(layer, kept[i]), target)) continue;
    if (!isLiving(context, kept[i])) continue;
    if (codeDistance(context, kept[i], target) <= limit) return true;
  }
  return false;
}
