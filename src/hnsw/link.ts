/**
 * The second part of an insertion: the lists of the new node, and the edges back to it.
 *
 * A node is found only if a path leads to it, and pruning by itself does not care: the neighbours of a new
 * node may all drop it from their full lists, and a list that is chosen anew may drop the last edge to
 * an older node. Many equal vectors, and outliers, lose a quarter of the nodes like that. So
 *   - an edge is dropped only if a detour of two edges remains, over a neighbour that stays and is no
 *     farther from the target, so that a narrow walk takes it too (`detours.ts`, `kernels/assembly/detours.ts`);
 *   - a new node to which neither its nearest neighbour nor such a detour leads is adopted by the nearest
 *     node with room; so is the target of a dropped edge that finds its list full.
 * By that whatever could be reached from the entry still can be.
 */
import { LINK_REWRITTEN } from '../kernels/layout.ts';
import { codeDistance } from './code-distance.ts';
import { withoutDetour } from './detours.ts';
import type { InsertOptions, InsertPlan } from './insert.ts';
import { hasId } from './list-cache.ts';
import { isLiving } from './living.ts';
import { atOnce } from './steps.ts';
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
    atOnce(this.linking(node, plan));
  }

  /** As `link`, in steps: in between others may search. */
  *linking(node: number, plan: InsertPlan): Generator<void, void> {
    for (let layer = 0; layer <= plan.layer; layer++) {
      this.#touched.create(layer, node, plan.neighbours[layer] ?? NO_NODES);
    }
    if (plan.neighbours.length === 0) return;
    const walk = new WalkDriver(this.#context, this.#options.efConstruction);
    try {
      for (let layer = 0; layer < plan.neighbours.length; layer++) {
        yield* this.#offer(walk, layer, node, {
          neighbours: plan.neighbours[layer],
          found: plan.found,
        });
      }
    } finally {
      walk.close();
    }
  }

  /**
   * Links a node that is in the graph again: `neighbours`, nearest first, are offered to its list as back edges are, and
   * get edges back. `found` is what a search found on layer 0.
   */
  relink(
    { layer, node }: { readonly layer: number; readonly node: number },
    neighbours: Uint32Array,
    found: Uint32Array,
  ): void {
    const walk = new WalkDriver(this.#context, this.#options.efConstruction);
    try {
      for (const id of neighbours) this.#linkBack(walk, { layer, from: node, to: id });
      atOnce(this.#offer(walk, layer, node, { neighbours, found }));
    } finally {
      walk.close();
    }
  }

  /** Edges back from the neighbours, and if pruning drops them all, one that stays. */
  *#offer(
    walk: WalkDriver,
    layer: number,
    node: number,
    { neighbours, found }: { readonly neighbours: Uint32Array; readonly found: Uint32Array },
  ): Generator<void, void> {
    if (neighbours.length === 0) return;
    for (const neighbour of neighbours) {
      this.#linkBack(walk, { layer, from: neighbour, to: node });
      yield;
    }
    const nearest = neighbours[0];
    if (isLiving(this.#context, nearest) && this.#leadsTo(layer, nearest, node)) return;
    this.#adopt(layer, node, layer === 0 && found.length > 0 ? found : neighbours);
  }

  /**
   * Offers an edge back to the new node. Older nodes that would be without a path when it is taken keep their edge
   * if there is room, or are adopted elsewhere. A list that does not take it stays as it is.
   */
  #linkBack(
    walk: WalkDriver,
    { layer, from, to }: { readonly layer: number; readonly from: number; readonly to: number },
  ): void {
    const { lists } = this.#context;
    const list = this.#touched.touch(layer, from);
    if (walk.linkBack(layer, from, to) !== LINK_REWRITTEN) return;
    this.#touched.keepReplaced(layer, from, walk.replacedAddress);
    for (const target of walk.selectedNodes()) {
      this.#adopt(layer, target, lists.idsAt(list).slice());
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
   * from `near` can tell; a ghost only where nothing lives. If that finds none, the first of `near` gives
   * up an edge.
   */
  #adopt(layer: number, node: number, near: Uint32Array): void {
    const { lists } = this.#context;
    if (near.length === 0) return;
    const nearest = new NearestFirst(this.#context, node);
    for (const id of near) nearest.add(id);
    let ghost: number | undefined;
    for (let i = 0; i < ADOPTERS_MAX; i++) {
      const adopter = nearest.take();
      if (adopter === undefined) break;
      if (!isLiving(this.#context, adopter)) ghost ??= adopter;
      else if (this.#append(layer, adopter, node)) return;
      for (const id of lists.idsAt(lists.load(layer, adopter)).slice()) nearest.add(id);
    }
    if (ghost !== undefined && this.#append(layer, ghost, node)) return;
    const living = near.find((id) => isLiving(this.#context, id));
    this.#replaceEdge(layer, living ?? near[0], node);
  }

  /** Gives up the edge that is missed least: to a ghost, or one with a detour, or to the newest node. */
  #replaceEdge(layer: number, from: number, to: number): void {
    const { kernels, lists } = this.#context;
    if (hasId(kernels.memory.u32, lists.load(layer, from), to)) return;
    const list = this.#touched.touch(layer, from);
    this.#touched.keepReplaced(layer, from);
    const ids = lists.idsAt(list);
    if (ids.length === 0) return;
    const all = ids.slice();
    const hasDetour = (target: number): boolean => {
      const kept = all.filter((id) => id !== target);
      const pruned = { layer, from, kept, dropped: [target] };
      return withoutDetour(this.#context, pruned).length === 0;
    };
    let given = all.findIndex((id) => !isLiving(this.#context, id));
    if (given < 0) given = all.findIndex(hasDetour);
    ids[given < 0 ? highestOf(all) : given] = to;
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
