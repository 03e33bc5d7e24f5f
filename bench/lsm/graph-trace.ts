/**
 * A trace of what a proximity graph does to its neighbour lists, the same for every layout: inserts write a
 * list of their own and link back to each neighbour, a full list is pruned; deletes take a node and its
 * back-links away; most operations read one list. It is made once, with the expected lists beside it.
 */
import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';

/** One change of one list. `added` alone: edges are added; `before` is the list until then. */
export interface ListChange {
  readonly node: number;
  readonly added: Uint32Array | undefined;
  readonly before: Uint32Array | undefined;
  /** Undefined: the node goes. */
  readonly whole: Uint32Array | undefined;
}

/** `read` names the node of a list read; else `changes` is one commit. */
export type GraphOperation =
  | { readonly kind: 'read'; readonly node: number }
  | { readonly kind: 'insert' | 'delete'; readonly changes: readonly ListChange[] };

export interface GraphTrace {
  readonly operations: readonly GraphOperation[];
  /** The lists afterwards, ascending. */
  readonly lists: ReadonlyMap<number, Uint32Array>;
}

/** Neighbours that an insert links to. */
const LINKS = 16;
/** Degree beyond which a list is pruned, and the degree that pruning leaves. */
export const DEGREE_MAX = 32;
const DEGREE_PRUNED = 24;
const INSERT_SHARE = 0.2;
const DELETE_SHARE = 0.05;

/** `nodes` are inserted first, then `operations` follow: 20 % inserts, 5 % deletes, 75 % reads. */
export function makeGraphTrace(nodes: number, operations: number, seed: number): GraphTrace {
  const graph = new TraceGraph(seededRandom(seed));
  const all: GraphOperation[] = [];
  for (let i = 0; i < nodes; i++) all.push(graph.insert());
  for (let i = 0; i < operations; i++) all.push(graph.next());
  return { operations: all, lists: graph.lists };
}

class TraceGraph {
  readonly lists = new Map<number, Uint32Array>();
  readonly #random: Random;
  /** Living nodes, in any order. */
  readonly #living: number[] = [];
  #nextNode = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): GraphOperation {
    const share = this.#random();
    if (share < INSERT_SHARE || this.#living.length < 2) return this.insert();
    if (share < INSERT_SHARE + DELETE_SHARE) return this.#delete();
    return { kind: 'read', node: this.#living[this.#pick()] };
  }

  insert(): GraphOperation {
    const node = this.#nextNode++;
    const neighbours = new Set<number>();
    for (let i = 0; i < LINKS && this.#living.length > 0; i++) {
      neighbours.add(this.#living[this.#pick()]);
    }
    const whole = Uint32Array.from(neighbours).sort();
    const changes = [this.#change(node, undefined, whole)];
    for (const neighbour of whole) changes.push(this.#linkBack(neighbour, node));
    this.#living.push(node);
    return { kind: 'insert', changes };
  }

  #linkBack(node: number, fresh: number): ListChange {
    const before = this.#list(node);
    const grown = Uint32Array.from([...before, fresh]);
    if (grown.length <= DEGREE_MAX) return this.#change(node, Uint32Array.of(fresh), grown);
    const kept = [...grown];
    while (kept.length > DEGREE_PRUNED) kept.splice(Math.floor(this.#random() * kept.length), 1);
    return this.#change(node, undefined, Uint32Array.from(kept));
  }

  #delete(): GraphOperation {
    const position = this.#pick();
    const node = this.#living[position];
    const last = this.#living.pop() as number;
    if (position < this.#living.length) this.#living[position] = last;
    const changes: ListChange[] = [];
    for (const neighbour of this.#list(node)) {
      const before = this.lists.get(neighbour);
      if (before?.includes(node) !== true) continue;
      const whole = before.filter((id) => id !== node);
      changes.push(this.#change(neighbour, undefined, whole));
    }
    changes.push(this.#change(node, undefined, undefined));
    return { kind: 'delete', changes };
  }

  #change(
    node: number,
    added: Uint32Array | undefined,
    whole: Uint32Array | undefined,
  ): ListChange {
    const before = this.lists.get(node);
    if (whole === undefined) this.lists.delete(node);
    else this.lists.set(node, whole.sort());
    return { node, added, before, whole };
  }

  #list(node: number): Uint32Array {
    const list = this.lists.get(node);
    if (list === undefined) throw new Error(`node ${node} has no list`);
    return list;
  }

  #pick(): number {
    return Math.floor(this.#random() * this.#living.length);
  }
}
