/**
 * Neighbour lists in a tree: read as lists, written through a layout.
 *
 * Reads see the applied state, or a sequence. Changes go into a batch that the caller commits; those that
 * must know the list (`addEdges` of some layouts, `removeEdges`) read the applied state and not the batch,
 * so one batch holds at most one change of a list.
 */
import { assert } from '../../base/assert.ts';
import { CorruptionError } from '../../errors.ts';
import type { EngineIterator, IteratorOptions, Scan, ScanRange } from '../engine-options.ts';
import { difference, toIdSet, union } from '../id-set.ts';
import { decodeList, listCount, MALFORMED, readList } from '../list-codec.ts';
import type { EdgeBatch, GraphLayout } from './graph-layout.ts';

/** What a graph needs of an engine. */
export interface GraphEngine {
  get(tree: number, hi: number, lo: number, sequence?: number): Uint8Array | undefined;
  getInto(tree: number, hi: number, lo: number, into: Uint8Array, sequence?: number): number;
  scan(tree: number, range: ScanRange): Scan;
  iterator(tree: number, options?: IteratorOptions): EngineIterator;
}

/** As `IteratorOptions`, for the nodes of one graph and layer. */
export interface GraphIteratorOptions {
  /** The smallest node. Default: 0. */
  readonly from?: number | undefined;
  /** The largest node. Default: the largest u32. */
  readonly to?: number | undefined;
  /** Turns the order round. Default: false. */
  readonly reverse?: boolean | undefined;
  /** As `IteratorOptions.sequence`. */
  readonly sequence?: number | undefined;
}

/** There is no such node. */
export const NO_NODE = -1;

const NO_IDS = new Uint32Array(0);
const NODE_MAX = 0xffffffff;

/** What the last read found, before it was decoded. Reads run to their end, so all stores share it. */
let encoded = new Uint8Array(1024);

/** The neighbour lists of one tree, by (`hi`, node): `hi` names the graph and its layer. */
export class GraphStore {
  readonly #engine: GraphEngine;
  readonly #tree: number;
  readonly #layout: GraphLayout;

  /** `tree` is the id of the tree that `layout` writes to. */
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
    let length = this.#engine.getInto(this.#tree, hi, node, encoded, sequence);
    if (length > encoded.length) {
      encoded = new Uint8Array(2 * length);
      length = this.#engine.getInto(this.#tree, hi, node, encoded, sequence);
    }
    return length < 0 ? NO_NODE : decodeNeighbours(encoded, length, into);
  }

  /** As `neighbours` of each node from `first` to `last` that there is, in ascending order: `take` gets it in `into`. */
  neighboursOfRange(
    hi: number,
    range: { readonly first: number; readonly last: number },
    into: Uint32Array,
    take: (node: number, count: number) => void,
  ): void {
    const { first: fromLo, last: toLo } = range;
    const scan = this.#engine.scan(this.#tree, { fromHi: hi, fromLo, toHi: hi, toLo });
    try {
      while (scan.next()) {
        const { lo, value } = scan;
        take(lo, decodeNeighbours(value, value.length, into));
      }
    } finally {
      scan.close();
    }
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

  /** The nodes of one graph and layer, with their lists, both ways. The caller closes it. */
  iterator(hi: number, options: GraphIteratorOptions = {}): GraphIterator {
    const { from = 0, to = NODE_MAX, reverse, sequence } = options;
    const range = { from: { hi, lo: from }, to: { hi, lo: to }, reverse, sequence };
    return new GraphIterator(hi, this.#engine.iterator(this.#tree, range));
  }

  #list(hi: number, node: number): Uint32Array | undefined {
    const bytes = this.#engine.get(this.#tree, hi, node);
    if (bytes === undefined) return undefined;
    return readList(bytes) ?? malformed();
  }
}

/** A walk over the nodes of one graph and layer, ascending. */
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
    const { value } = this.#scan;
    return decodeNeighbours(value, value.length, into);
  }

  /** Idempotent. */
  close(): void {
    this.#scan.close();
  }
}

/** Moves as an `EngineIterator` does, over nodes. */
export class GraphIterator implements Disposable {
  readonly #hi: number;
  readonly #iterator: EngineIterator;

  constructor(hi: number, iterator: EngineIterator) {
    this.#hi = hi;
    this.#iterator = iterator;
  }

  get valid(): boolean {
    return this.#iterator.valid;
  }

  get node(): number {
    return this.#iterator.lo;
  }

  /** As `GraphStore.neighbours`, of the present node. */
  neighbours(into: Uint32Array): number {
    const { value } = this.#iterator;
    return decodeNeighbours(value, value.length, into);
  }

  first(): boolean {
    return this.#iterator.first();
  }

  last(): boolean {
    return this.#iterator.last();
  }

  seek(node: number): boolean {
    return this.#iterator.seek(this.#hi, node);
  }

  next(): boolean {
    return this.#iterator.next();
  }

  prev(): boolean {
    return this.#iterator.prev();
  }

  /** Idempotent. */
  close(): void {
    this.#iterator.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function decodeNeighbours(bytes: Uint8Array, length: number, into: Uint32Array): number {
  assert(
    listCount(bytes, length) <= into.length,
    'the caller has room for every list of the graph',
  );
  const count = decodeList(bytes, into, length);
  return count === MALFORMED ? malformed() : count;
}

function malformed(): never {
  throw new CorruptionError('malformed neighbour list', { file: 'value of an entry', offset: 0 });
}
