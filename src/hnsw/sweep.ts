/**
 * The sweep of a graph: after it no list names a ghost that was there when it began, every living node is
 * named by some list, and a path on layer 0 leads from the entry to every living node. The caller (the
 * database) drives it, a piece a commit:
 *
 *   1. each list, in the order of the tree: `examine`, and `repair` of those that name a ghost
 *   2. `replaceEntry`, when the entry is such a ghost
 *   3. each node that `needsLink`, and each of `weakAbove`: `relink`
 *   4. `revisit` until it is empty; then no list names a ghost, and never will again:
 *      who links a node looks only at nodes that a walk can reach
 *   5. all lists of layer 0 again and again, `reach`, until nothing more is reached from the entry; each node
 *      that is not: `relink`. Nodes that name each other may be named by nobody else.
 *
 * Insertions and deletions go on between the pieces. Every commit of a plan tells the sweep which lists it
 * wrote, its own repairs too: a list that names a ghost again is revisited, and what a list names is
 * marked. Marks are of edges, and edges are dropped only where another way leads to their target
 * (`link.ts`), so that a mark stays true.
 */
import { assert } from '../base/assert.ts';
import type { Entry } from './entry.ts';
import type { InsertOptions } from './insert.ts';
import { planInsert } from './insert.ts';
import type { Linker } from './link.ts';
import { NodeBits } from './node-bits.ts';
import { type DamagedList, repairedList } from './sweep-repair.ts';
import type { TouchedLists } from './touched-lists.ts';
import type { WalkContext } from './walk-driver.ts';

export interface ListKey {
  readonly layer: number;
  readonly node: number;
}

export interface GraphSweepParts {
  readonly context: WalkContext;
  readonly touched: TouchedLists;
  readonly linker: Linker;
  readonly options: InsertOptions;
  readonly entry: () => Entry | undefined;
  readonly setEntry: (entry: Entry | undefined) => void;
}

/** Lists of upper layers are remembered one by one; a number takes about so many bytes. */
const KEY_BYTES = 8;

export class GraphSweep {
  /** Removed when the sweep ends; what becomes a ghost later waits for the next one. */
  readonly ghosts: NodeBits;
  readonly #parts: GraphSweepParts;
  /** Nodes that a list of layer 0 names. */
  readonly #named = new NodeBits();
  /** Nodes of layer 0 whose repaired lists are too short, or lost most of what they had. */
  readonly #weak = new NodeBits();
  /** Nodes to which a path leads on layer 0, as far as they were found. */
  #reached = new NodeBits();
  readonly #weakAbove: ListKey[] = [];
  /** By layer from 1 up: ghosts that have a list there, ascending. */
  readonly #ghostsAbove: number[][] = [];
  /** By layer: nodes that were written since they were looked at, and name a ghost. */
  readonly #revisit = new Map<number, Set<number>>();

  constructor(ghosts: NodeBits, parts: GraphSweepParts) {
    this.ghosts = ghosts;
    this.#parts = parts;
  }

  /** What it holds in memory. */
  get bytes(): number {
    const above = this.#ghostsAbove.reduce((sum, nodes) => sum + nodes.length, 0);
    const bits = this.ghosts.bytes + this.#named.bytes + this.#weak.bytes + this.#reached.bytes;
    return bits + KEY_BYTES * (above + 4 * this.#weakAbove.length);
  }

  /** A list of the tree, in the order of the tree. True: it must be repaired. */
  examine(layer: number, node: number, ids: Uint32Array, count: number): boolean {
    if (this.ghosts.has(node)) {
      if (layer > 0) this.#noteAbove(layer, node);
      return false;
    }
    return this.#note(layer, ids, count);
  }

  /** Within a plan: rewrites a list without its ghosts. */
  repair(layer: number, node: number): void {
    const { context, touched, options } = this.#parts;
    const { lists, space } = context;
    const list = touched.touch(layer, node);
    const ids = [...lists.idsAt(list)];
    const gone = ids.filter((id) => this.ghosts.has(id));
    if (gone.length === 0) return;
    const kept = ids.filter((id) => !this.ghosts.has(id));
    const damaged: DamagedList = { layer, node, gone, kept };
    const cap = space.capOf(layer);
    const { m, alpha } = options;
    const repaired = repairedList(context, damaged, { ghosts: this.ghosts, cap, m, alpha });
    touched.keepReplaced(layer, node);
    lists.fill(list, repaired);
    if (!isStrong(repaired.length, damaged, m)) this.#noteWeak(layer, node);
  }

  /** Within a plan: the entry of the graph, when the present one goes. Undefined: no node lives. */
  replaceEntry(entry: Entry | undefined): void {
    assert(entry === undefined || !this.ghosts.has(entry.node), 'the entry stays');
    this.#parts.setEntry(entry);
  }

  /**
   * Whether a living node of layer 0 is named by no list, or its repaired list has too few edges. `relink` does not take
   * that back: its commit may fail and be tried again.
   */
  needsLink(node: number): boolean {
    return !this.#named.has(node) || this.#weak.has(node);
  }

  /** Begins to look for paths: only the entry is reached. */
  beginReaching(): void {
    this.#reached = new NodeBits();
    const entry = this.#parts.entry();
    if (entry !== undefined) this.#reached.add(entry.node);
  }

  /** A list of layer 0: what it names is reached if its node is. Returns how many were not before. */
  reach(node: number, ids: Uint32Array, count: number): number {
    const reached = this.#reached;
    if (!reached.has(node)) return 0;
    const before = reached.count;
    for (let i = 0; i < count; i++) reached.add(ids[i]);
    return reached.count - before;
  }

  isReached(node: number): boolean {
    return this.#reached.has(node);
  }

  /** Lists of upper layers that are too short. */
  get weakAbove(): readonly ListKey[] {
    return this.#weakAbove;
  }

  /** Within a plan: links a living node as if it were new; of its edges it gives up only what a detour replaces. */
  relink({ layer, node }: ListKey, vector: Float32Array): void {
    const { context, linker, options, entry } = this.#parts;
    // One more than wanted: the node finds itself.
    const wanted = { ...options, m: options.m + 1, mBottom: options.mBottom + 1 };
    const plan = planInsert(context, entry(), { vector, layer }, wanted);
    const others = (ids: Uint32Array | undefined): Uint32Array =>
      (ids ?? new Uint32Array(0)).filter((id) => id !== node && !this.ghosts.has(id));
    linker.relink({ layer, node }, others(plan.neighbours[layer]), others(plan.found));
  }

  /** A commit wrote this list. */
  noteWritten(layer: number, node: number, ids: Uint32Array): void {
    if (this.ghosts.has(node)) return;
    if (layer === 0) this.reach(node, ids, ids.length);
    const nodes = this.#revisit.get(layer);
    if (!this.#note(layer, ids, ids.length)) nodes?.delete(node);
    else if (nodes === undefined) this.#revisit.set(layer, new Set([node]));
    else nodes.add(node);
  }

  /** Up to `most` lists to repair before the ghosts can go. */
  revisit(most: number): ListKey[] {
    const keys: ListKey[] = [];
    for (const [layer, nodes] of this.#revisit) {
      for (const node of nodes) {
        if (keys.length === most) return keys;
        keys.push({ layer, node });
      }
    }
    return keys;
  }

  /** The layers on which a ghost has a list, from 0 up. */
  layersOf(ghost: number): number[] {
    const layers = [0];
    for (let layer = 1; layer < this.#ghostsAbove.length; layer++) {
      if (includesSorted(this.#ghostsAbove[layer], ghost)) layers.push(layer);
    }
    return layers;
  }

  /** Marks what a list names; whether that is a ghost of the sweep. */
  #note(layer: number, ids: Uint32Array, count: number): boolean {
    const { ghosts } = this;
    const named = this.#named;
    let isDamaged = false;
    for (let i = 0; i < count; i++) {
      if (layer === 0) named.add(ids[i]);
      isDamaged ||= ghosts.has(ids[i]);
    }
    return isDamaged;
  }

  #noteWeak(layer: number, node: number): void {
    if (layer === 0) this.#weak.add(node);
    else this.#weakAbove.push({ layer, node });
  }

  /** Once, also when a piece that failed is done again. */
  #noteAbove(layer: number, node: number): void {
    while (this.#ghostsAbove.length <= layer) this.#ghostsAbove.push([]);
    const nodes = this.#ghostsAbove[layer];
    if (nodes.length === 0 || nodes[nodes.length - 1] < node) nodes.push(node);
  }
}

/** A list that lost half of its edges was chosen for a neighbourhood that is not there any more. */
function isStrong(length: number, { kept, gone }: DamagedList, m: number): boolean {
  const before = kept.length + gone.length;
  return 2 * length >= Math.min(before, m) && 2 * kept.length >= before;
}

function includesSorted(nodes: readonly number[], node: number): boolean {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (nodes[middle] < node) low = middle + 1;
    else high = middle;
  }
  return nodes[low] === node;
}
