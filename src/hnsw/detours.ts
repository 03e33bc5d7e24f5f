/**
 * Which edges a list may lose: `from` → `target` may go when `from` keeps a neighbour that has an edge to
 * `target` and is no farther from it than `from` is. A greedy walk to `target` that comes to `from` then
 * still has a step that brings it nearer. A ghost is no detour: it goes with the next sweep.
 */
import { codeDistance } from './code-distance.ts';
import { isLiving } from './living.ts';
import type { WalkContext } from './walk-driver.ts';

export interface PrunedList {
  readonly layer: number;
  readonly from: number;
  /** The list now, and what it had before; disjoint. */
  readonly kept: Uint32Array;
  readonly dropped: readonly number[];
}

/** Marks of ids by their lowest bits: one look tells most ids that are no targets. */
const MARKS = 1024;
const marks = new Uint8Array(MARKS);

/** The dropped targets to which no detour leads, in their order. */
export function withoutDetour(context: WalkContext, pruned: PrunedList): number[] {
  const { kernels, lists } = context;
  const { u32 } = kernels.memory;
  const { layer, from, kept, dropped } = pruned;
  let lost = [...dropped];
  const limits = new Map(dropped.map((target) => [target, codeDistance(context, from, target)]));
  marks.fill(0);
  for (const target of dropped) marks[target & (MARKS - 1)] = 1;
  for (let i = 0; i < kept.length && lost.length > 0; i++) {
    const named = marked(u32, lists.load(layer, kept[i]));
    if (named.length === 0 || !isLiving(context, kept[i])) continue;
    lost = lost.filter((target) => {
      if (!named.includes(target)) return true;
      const limit = limits.get(target);
      return limit === undefined || codeDistance(context, kept[i], target) > limit;
    });
  }
  return lost;
}

/** The ids of a list that have a mark: the list may be taken away as soon as the codes are looked at. */
function marked(u32: Uint32Array, list: number): readonly number[] {
  const first = (list >>> 2) + 1;
  const end = first + u32[list >>> 2];
  let found: number[] | undefined;
  for (let i = first; i < end; i++) {
    if (marks[u32[i] & (MARKS - 1)] === 0) continue;
    found ??= [];
    found.push(u32[i]);
  }
  return found ?? NONE;
}

const NONE: readonly number[] = [];
