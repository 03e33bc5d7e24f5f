/**
 * The second part of an insertion: the lists of the new node, and the edges back to it.
 *
 * A node is found only if a path leads to it, and pruning by itself does not care: the neighbours of a new
 * node may all drop it from their full lists, and a list that is chosen anew may drop the last edge to
 * an older node. Many equal vectors, and outliers, lose a quarter of the nodes like that. So
 *   - an edge is dropped only if a detour of two edges remains, over a neighbour that stays and is no
 *     farther from the target, so that a narrow walk takes it too (`detours.ts`);
 *   - a new node to which neither its nearest neighbour nor such a detour leads is adopted by the nearest
 *     node with room; so is the target of a dropped edge that finds its list full.
 * By that whatever could be reached from the entry still can be.
 */
import { LINK_REWRITTEN, WALK_LINK_RESULT } from '../kernels/layout.ts';
import { codeDistance } from './code-distance.ts';
import { withoutDetour } from './detours.ts';
import type { InsertOptions, InsertPlan } from './insert.ts';
import { hasId } from './list-cache.ts';
import type { TouchedLists } from './touched-lists.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

const NO_NODES = new Uint32Array(0);

/** How many nodes are looked at for room in their lists. */
const ADOPTERS_MAX = 64;

export class Linker {
  readonly #context: WalkContext;
  readonly #touched: TouchedLists;
  readonly #options: InsertOptions;

  constructor(context: WalkContext, touched: TouchedLists, options: InsertOptions) {
    this.#context = context;
    this.#touched = touched;
    this.#options = options;
  }

  /** Writes the lists of a planned node and the edges back to it. Its code must be in memory. */
  link(node: number, plan: InsertPlan): void {
    for (let layer = 0; layer <= plan.layer; layer++) {
      this.#touched.create(layer, node, plan.neighbours[layer] ?? NO_NODES);
    }
    if (plan.neighbours.length === 0) return;
    const walk = new WalkDriver(this.#context, this.#options.efConstruction);
    try {
      for (let layer = 0; layer < plan.neighbours.length; layer++) {
        const neighbours = plan.neighbours[layer];
        for (const neighbour of neighbours) this.#linkBack(walk, layer, neighbour, node);
        if (neighbours.length === 0 || this.#leadsTo(layer, neighbours[0], node)) continue;
        const found = layer === 0 && plan.found.length > 0 ? plan.found : neighbours;
        this.#adopt(layer, node, found);
      }
    } finally {
      walk.close();
    }
  }

  /** Offers an edge back to the new node. */
  #linkBack(walk: WalkDriver, layer: number, from: number, to: number): void {
    const { kernels, lists, space } = this.#context;
    const { u32 } = kernels.memory;
    const list = this.#touched.touch(layer, from);
    const isFull = u32[list >>> 2] === space.capOf(layer);
    const before = isFull ? lists.idsAt(list).slice() : NO_NODES;
    if (isFull) this.#touched.keepReplaced(layer, from);
    walk.linkBack(layer, from, to, this.#options.alpha);
    if (u32[(walk.address + WALK_LINK_RESULT) >>> 2] !== LINK_REWRITTEN) return;
    const dropped: number[] = [];
    for (let i = 0; i < before.length; i++) {
      if (!hasId(u32, list, before[i])) dropped.push(before[i]);
    }
    if (dropped.length === 0) return;
    const kept = lists.idsAt(list).slice();
    const lost = withoutDetour(this.#context, { layer, from, kept, dropped });
    // In one order, whatever the order of the list was: memory must not change a graph.
    lost.sort((a, b) => a - b);
    for (const target of lost) {
      if (!this.#append(layer, from, target)) this.#adopt(layer, target, lists.idsAt(list).slice());
    }
  }

  /** Whether an edge or a detour leads from the nearest neighbour to the new node. */
  #leadsTo(layer: number, from: number, to: number): boolean {
    const { kernels, lists } = this.#context;
    const list = lists.load(layer, from);
    if (hasId(kernels.memory.u32, list, to)) return true;
    const kept = lists.idsAt(list).slice();
    return withoutDetour(this.#context, { layer, from, kept, dropped: [to] }).length === 0;
  }

  /**
   * Gives a node to which no path leads an edge from the nearest node with room, as far as a short search
   * from `near` can tell. If that finds none, the first of `near` gives up an edge.
   */
  #adopt(layer: number, node: number, near: Uint32Array): void {
    const { lists } = this.#context;
    if (near.length === 0) return;
    const nearest = new NearestFirst(this.#context, node);
    for (const id of near) nearest.add(id);
    for (let i = 0; i < ADOPTERS_MAX; i++) {
      const adopter = nearest.take();
      if (adopter === undefined) break;
      if (this.#append(layer, adopter, node)) return;
      for (const id of lists.idsAt(lists.load(layer, adopter)).slice()) nearest.add(id);
    }
    const list = this.#touched.touch(layer, near[0]);
    this.#touched.keepReplaced(layer, near[0]);
    const ids = lists.idsAt(list);
    if (ids.length > 0) ids[highestOf(ids)] = node;
  }

  /** Whether the edge is there afterwards: not when the list is full. */
  #append(layer: number, from: number, to: number): boolean {
    const { kernels, lists, space } = this.#context;
    const { u32 } = kernels.memory;
    const present = lists.load(layer, from);
    if (hasId(u32, present, to)) return true;
    if (u32[present >>> 2] === space.capOf(layer)) return false;
    const list = this.#touched.touch(layer, from);
    const count = ++u32[list >>> 2];
    u32[(list >>> 2) + count] = to;
    return true;
  }
}

/** Nodes that are taken in the order of their distances to one. */
class NearestFirst {
  readonly #context: WalkContext;
  readonly #target: number;
  readonly #seen = new Set<number>();
  readonly #waiting: { readonly node: number; readonly distance: number }[] = [];

  constructor(context: WalkContext, target: number) {
    this.#context = context;
    this.#target = target;
    this.#seen.add(target);
  }

  add(node: number): void {
    if (this.#seen.has(node)) return;
    this.#seen.add(node);
    this.#waiting.push({ node, distance: codeDistance(this.#context, node, this.#target) });
  }

  /** Equal distances: the highest node first, which is mostly the newest and has room. */
  take(): number | undefined {
    const waiting = this.#waiting;
    let best = 0;
    for (let i = 1; i < waiting.length; i++) {
      const { node, distance } = waiting[i];
      const than = waiting[best];
      if (distance < than.distance || (distance === than.distance && node > than.node)) best = i;
    }
    return waiting.splice(best, 1)[0]?.node;
  }
}

function highestOf(ids: Uint32Array): number {
  let highest = 0;
  for (let i = 1; i < ids.length; i++) if (ids[i] > ids[highest]) highest = i;
  return highest;
}
