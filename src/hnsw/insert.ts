/**
 * Insertion, in two parts, because the place of a node depends on its neighbours: `planInsert` finds
 * them, `linkNode` writes the lists once the place is known (Malkov and Yashunin, algorithm 1).
 *
 * A node must be found by its own vector, so one edge of layer 0 at least leads to it. Selection does
 * not promise that: all neighbours may drop the new node from their full lists, as many equal vectors
 * do. Then the nearest found node with room takes the edge.
 *
 * Ghosts are neighbours only where nothing living was found, so that a graph whose nodes were all deleted
 * grows on from its ghosts.
 */
import { LINK_REWRITTEN, WALK_LINK_RESULT } from '../kernels/layout.ts';
import type { Entry } from './entry.ts';
import type { TouchedLists } from './touched-lists.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

/** The neighbours of a node that has no place yet. */
export interface InsertPlan {
  readonly layer: number;
  /** By layer, from 0 up to the lower of the node's layer and the entry's; nearest first. */
  readonly neighbours: readonly Uint32Array[];
  /** All that was found on layer 0, nearest first. */
  readonly found: Uint32Array;
}

export interface InsertOptions {
  /** Neighbours to choose on each layer. */
  readonly m: number;
  readonly efConstruction: number;
  /** Slack of the diversity rule, 1 or more. */
  readonly alpha: number;
}

const NO_NODES = new Uint32Array(0);

export function planInsert(
  context: WalkContext,
  entry: Entry | undefined,
  node: { readonly vector: Float32Array; readonly layer: number },
  options: InsertOptions,
): InsertPlan {
  if (entry === undefined) return { layer: node.layer, neighbours: [], found: NO_NODES };
  const { efConstruction, m, alpha } = options;
  const { exports } = context.kernels;
  const neighbours: Uint32Array[] = [];
  let found: Uint32Array = NO_NODES;
  const walk = new WalkDriver(context, efConstruction);
  try {
    walk.setQuery(node.vector);
    const top = Math.min(node.layer, entry.layer);
    exports.walkBegin(walk.address, entry.node, entry.layer, top, efConstruction);
    for (let layer = top; layer >= 0; layer--) {
      if (layer < top) exports.walkContinue(walk.address, layer, efConstruction);
      walk.finish();
      if (layer === 0) found = walk.resultNodes();
      neighbours[layer] = walk.selectNeighbours(m, alpha);
    }
  } finally {
    walk.close();
  }
  return { layer: node.layer, neighbours, found };
}

/** Writes the node's lists and the edges back to it. Its code must be in memory. */
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
    for (let layer = 0; layer < plan.neighbours.length; layer++) {
      let edges = 0;
      for (const neighbour of plan.neighbours[layer]) {
        if (linkBack(context, touched, walk, { layer, from: neighbour, to: node }, options.alpha)) {
          edges++;
        }
      }
      if (layer === 0 && edges === 0) adopt(context, touched, node, plan);
    }
  } finally {
    walk.close();
  }
}

interface Edge {
  readonly layer: number;
  readonly from: number;
  readonly to: number;
}

/** Whether the edge is there afterwards. */
function linkBack(
  { kernels, lists, space }: WalkContext,
  touched: TouchedLists,
  walk: WalkDriver,
  { layer, from, to }: Edge,
  alpha: number,
): boolean {
  const { u32 } = kernels.memory;
  const list = touched.touch(layer, from);
  if (u32[list >>> 2] === space.capOf(layer)) touched.keepReplaced(layer, from);
  walk.linkBack(layer, from, to, alpha);
  const result = u32[(walk.address + WALK_LINK_RESULT) >>> 2];
  return result !== LINK_REWRITTEN || lists.idsAt(list).includes(to);
}

/** How many nodes are looked at for room in their lists. */
const ADOPTERS_MAX = 256;

/**
 * Gives a node that no neighbour kept an edge from the nearest node with room, first among those that the
 * search found, then along the newest edges from there: lists fill up with age. As the last resort a
 * node gives up the edge it got last.
 */
function adopt(context: WalkContext, touched: TouchedLists, node: number, plan: InsertPlan): void {
  const { lists, space } = context;
  const nearest = plan.found.length > 0 ? plan.found : plan.neighbours[0];
  if (nearest.length === 0) return;
  let adopter = nearest[0];
  for (let i = 0; i < ADOPTERS_MAX; i++) {
    const ids = lists.idsAt(lists.load(0, adopter));
    if (ids.length < space.capBottom && adopter !== node) {
      lists.fill(touched.touch(0, adopter), Uint32Array.of(...ids, node));
      return;
    }
    adopter = i + 1 < nearest.length ? nearest[i + 1] : ids[ids.length - 1];
  }
  const list = touched.touch(0, nearest[0]);
  touched.keepReplaced(0, nearest[0]);
  const ids = lists.idsAt(list);
  ids[ids.length - 1] = node;
}
