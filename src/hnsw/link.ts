/**
 * The second part of an insertion: the lists of the new node, and the edges back to it.
 *
 * A node is found only if an edge leads to it, and pruning does not care: the neighbours of a new node may
 * all drop it from their full lists, and a list that is chosen anew may drop the last edge to an older
 * node. Many equal vectors, and outliers, lose a quarter of the nodes like that. So
 *   - an edge that is dropped goes back into the list if none of the target's own neighbours leads to it;
 *   - a node that gets no edge at all is adopted by the nearest node with room.
 * By that every list has an edge leading to its node; edges in a circle are still possible.
 */
import { LINK_REWRITTEN, WALK_LINK_RESULT } from '../kernels/layout.ts';
import type { InsertOptions, InsertPlan } from './insert.ts';
import type { TouchedLists } from './touched-lists.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

const NO_NODES = new Uint32Array(0);

/** Writes the lists of a planned node and the edges back to it. Its code must be in memory. */
export function linkNode(
  context: WalkContext,
  touched: TouchedLists,
  node: number,
  plan: InsertPlan,
  options: InsertOptions,
): void {
  for (let layer = 0; layer <= plan.layer; layer++) {
    touched.create(layer, node, plan.neighbours[layer] ?? NO_NODES);
  }
  if (plan.neighbours.length === 0) return;
  const walk = new WalkDriver(context, options.efConstruction);
  try {
    const linker = new Linker(context, touched, walk, options.alpha);
    for (let layer = 0; layer < plan.neighbours.length; layer++) {
      const neighbours = plan.neighbours[layer];
      let edges = 0;
      for (const neighbour of neighbours) {
        if (linker.linkBack(layer, neighbour, node)) edges++;
      }
      const found = layer === 0 && plan.found.length > 0 ? plan.found : neighbours;
      if (edges === 0) linker.adopt(layer, node, found);
    }
  } finally {
    walk.close();
  }
}

/** How many nodes are looked at for room in their lists. */
const ADOPTERS_MAX = 256;

class Linker {
  readonly #context: WalkContext;
  readonly #touched: TouchedLists;
  readonly #walk: WalkDriver;
  readonly #alpha: number;

  constructor(context: WalkContext, touched: TouchedLists, walk: WalkDriver, alpha: number) {
    this.#context = context;
    this.#touched = touched;
    this.#walk = walk;
    this.#alpha = alpha;
  }

  /** Offers the edge `from` → `to`; whether it is there afterwards. */
  linkBack(layer: number, from: number, to: number): boolean {
    const { kernels, lists, space } = this.#context;
    const { u32 } = kernels.memory;
    const list = this.#touched.touch(layer, from);
    const isFull = u32[list >>> 2] === space.capOf(layer);
    const before = isFull ? lists.idsAt(list).slice() : NO_NODES;
    if (isFull) this.#touched.keepReplaced(layer, from);
    this.#walk.linkBack(layer, from, to, this.#alpha);
    if (u32[(this.#walk.address + WALK_LINK_RESULT) >>> 2] !== LINK_REWRITTEN) return true;
    for (const target of before) {
      if (!hasId(u32, list, target)) this.#keepReachable(layer, target, from);
    }
    return hasId(u32, list, to);
  }

  /**
   * Gives a node to which no edge leads one from the nearest node with room: of `nearest`, which is in that
   * order, else along the last edges from there, as lists fill up with age. As the last resort the
   * nearest gives up its last edge.
   */
  adopt(layer: number, node: number, nearest: Uint32Array): void {
    const { lists } = this.#context;
    if (nearest.length === 0) return;
    let adopter = nearest[0];
    for (let i = 0; i < ADOPTERS_MAX; i++) {
      if (adopter !== node && this.#append(layer, adopter, node)) return;
      const ids = lists.idsAt(lists.load(layer, adopter));
      if (i + 1 < nearest.length) adopter = nearest[i + 1];
      else if (ids.length > 0) adopter = ids[ids.length - 1];
    }
    const list = this.#touched.touch(layer, nearest[0]);
    this.#touched.keepReplaced(layer, nearest[0]);
    const ids = lists.idsAt(list);
    if (ids.length > 0) ids[ids.length - 1] = node;
  }

  /** `from` has dropped its edge to `target`. */
  #keepReachable(layer: number, target: number, from: number): void {
    const { kernels, lists } = this.#context;
    const { u32 } = kernels.memory;
    const neighbours = lists.idsAt(lists.load(layer, target)).slice();
    for (const neighbour of neighbours) {
      if (hasId(u32, lists.load(layer, neighbour), target)) return;
    }
    if (!this.#append(layer, from, target)) this.adopt(layer, target, neighbours);
  }

  /** False when the list is full. */
  #append(layer: number, from: number, to: number): boolean {
    const { kernels, lists, space } = this.#context;
    const { u32 } = kernels.memory;
    if (u32[lists.load(layer, from) >>> 2] === space.capOf(layer)) return false;
    const list = this.#touched.touch(layer, from);
    if (hasId(u32, list, to)) return true;
    const count = ++u32[list >>> 2];
    u32[(list >>> 2) + count] = to;
    return true;
  }
}

/** Whether the list at an address names `id`. */
function hasId(u32: Uint32Array, list: number, id: number): boolean {
  const first = (list >>> 2) + 1;
  const end = first + u32[list >>> 2];
  for (let i = first; i < end; i++) if (u32[i] === id) return true;
  return false;
}
