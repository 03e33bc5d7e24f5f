/**
 * The first part of an insertion: the neighbours of a new node, found by a walk and chosen for diversity
 * (Malkov and Yashunin, algorithms 1 and 4). The place of the node depends on them, so the lists are
 * written later (`link.ts`).
 *
 * Ghosts are neighbours only where nothing living was found, so that a graph whose nodes were all deleted
 * grows on from its ghosts.
 */
import type { Entry } from './entry.ts';
import { atOnce } from './steps.ts';
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
  /** Neighbours to choose on the layers above 0. */
  readonly m: number;
  /**
   * On layer 0, where lists have room for twice m. More than m: the strict rule of back edges (`kernels/assembly/link.ts`)
   * takes long edges from old lists, which those of new nodes make up for.
   */
  readonly mBottom: number;
  readonly efConstruction: number;
  /** Slack of the diversity rule, 1 or more. */
  readonly alpha: number;
}

/** Neighbours that a new node chooses. */
function degreeOf({ m, mBottom }: InsertOptions, layer: number): number {
  return layer === 0 ? mBottom : m;
}

const NO_NODES = new Uint32Array(0);

/** How far a walk goes in one step, about a twentieth of a millisecond. */
const HOPS_PER_STEP = 32;

export function planInsert(
  context: WalkContext,
  entry: Entry | undefined,
  node: { readonly vector: Float32Array; readonly layer: number },
  options: InsertOptions,
): InsertPlan {
  return atOnce(planningInsert(context, entry, node, options));
}

/** As `planInsert`, in steps: in between others may search. */
export function* planningInsert(
  context: WalkContext,
  entry: Entry | undefined,
  node: { readonly vector: Float32Array; readonly layer: number },
  options: InsertOptions,
): Generator<void, InsertPlan> {
  if (entry === undefined) return { layer: node.layer, neighbours: [], found: NO_NODES };
  const { efConstruction, alpha } = options;
  const { exports } = context.kernels;
  const neighbours: Uint32Array[] = [];
  let found: Uint32Array = NO_NODES;
  const walk = new WalkDriver(context, efConstruction);
  try {
    walk.setQuery(node.vector);
    const top = Math.min(node.layer, entry.layer);
    exports.walkPrepare(walk.address);
    exports.walkBegin(walk.address, entry.node, entry.layer, top, efConstruction);
    for (let layer = top; layer >= 0; layer--) {
      if (layer < top) exports.walkContinue(walk.address, layer, efConstruction);
      while (!walk.step(HOPS_PER_STEP)) yield;
      yield;
      if (layer === 0) found = walk.resultNodes();
      neighbours[layer] = walk.selectNeighbours(degreeOf(options, layer), alpha);
      yield;
    }
  } finally {
    walk.close();
  }
  return { layer: node.layer, neighbours, found };
}
