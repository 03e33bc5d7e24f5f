/**
 * Neighbour lists in a tree: read as lists, written through a layout.
 *
 * Reads see the applied state, or a sequence. Changes go into a batch that the caller commits; those that
 * must know the list (`addEdges` of some layouts, `removeEdges`) read the applied state and not the batch,
 * so one batch holds at most one change of a list.
 */
import { assert } from '../../base/assert.ts';
import { CorruptionError } from '../../errors.ts';
import type { Scan, ScanRange } from '../engine-options.ts';
import { difference, toIdSet, union } from '../id-set.ts';
import { decodeList, listCount, MALFORMED, readList } from '../list-codec.ts';
import type { EdgeBatch, GraphLayout } from './graph-layout.ts';

/** What a graph needs of an engine. */
export interface GraphEngine {
  get(tree: number, hi: number, lo: number, sequence?: number): Uint8Array | undefined;
  scan(tree: number, range: ScanRange): Scan;
}

/** There is no such node. */
export const NO_NODE = -1;

const NO_IDS = new Uint32Array(0);
const NODE_MAX = 0xffffffff;

export class GraphStore {
  readonly #engine: GraphEngine;
  readonly #tree: number;
  readonly #layout: GraphLayout;

  /** `layout` writes to the tree `tree`. */
  constructor(engine: GraphEngine, tree: number, layout: GraphLayout) {
    this.#engine = engine;
    this.#tree = tree;
    this.#layout = layout;
  }

  /**
   * Writes the neighbours of a node, ascending, into `into`, which must have room for them, and returns
   * their number, or `NO_NODE` (-1).
   */
  neighbours(hi: number, node: number, into: Uint32Array, sequence?: number): number {
    const bytes = this.#engine.get(this.#tree, hi, node, sequence);
    return bytes === undefined ? NO_NODE : decodeNeighbours(bytes, into);
  }

  setNeighbours(batch: EdgeBatch, hi: number, node: number, ids: Uint32Array): void {
    this.#layout.writeList(batch, hi, node, ids);
  }

  /** A node that is not there begins with these edges; no edges make no node. */
  addEdges(batch: EdgeBatch, hi: number, node: number, added: Uint32Array): void {
    if (added.length === 0) return;
    const layout = this.#layout;
    const whole = layout.addsBlindly
      ? NO_IDS
      : union(this.#list(hi, node) ?? NO_IDS, toIdSet(added));
    layout.writeAdded(batch, hi, node, added, whole);
  }

  /** A node that is not there begins without edges. */
  removeEdges(batch: EdgeBatch, hi: number, node: number, removed: Uint32Array): void {
    const before = this.#list(hi, node);
    const whole = difference(before ?? NO_IDS, toIdSet(removed));
    this.#layout.writeReplaced(batch, hi, node, before, whole);
  }

  removeNode(batch: EdgeBatch, hi: number, node: number): void {
    this.#layout.removeNode(batch, hi, node);
  }

  /** All nodes of one graph and layer, ascending, with their lists. The caller closes the scan. */
  scan(hi: number, sequence?: number): GraphScan {
    const range = { fromHi: hi, fromLo: 0, toHi: hi, toLo: NODE_MAX, sequence };
    return new GraphScan(this.#engine.scan(this.#tree, range));
  }

  #list(hi: number, node: number): Uint32Array | undefined {
    const bytes = this.#engine.get(this.#tree, hi, node);
    if (bytes === undefined) return undefined;
    return readList(bytes) ?? malformed();
  }
}

export class GraphScan {
  readonly #scan: Scan;

  constructor(scan: Scan) {
    this.#scan = scan;
  }

  /** To the next node; false at the end. */
  next(): boolean {
    return this.#scan.next();
  }

  get node(): number {
    return this.#scan.lo;
  }

  /** As `GraphStore.neighbours`, of the present node. */
  neighbours(into: Uint32Array): number {
    return decodeNeighbours(this.#scan.value, into);
  }

  /** Idempotent. */
  close(): void {
    this.#scan.close();
  }
}

function decodeNeighbours(bytes: Uint8Array, into: Uint32Array): number {
  assert(listCount(bytes) <= into.length, 'the caller has room for every list of the graph');
  const count = decodeList(bytes, into);
  return count === MALFORMED ? malformed() : count;
}

function malformed(): never {
  throw new CorruptionError('malformed neighbour list', { file: 'value of an entry', offset: 0 });
}
