/**
 * Which edges a list may lose: `from` → `target` may go when `from` keeps a neighbour that has an edge to
 * `target` and is no farther from it than `from` is. A greedy walk to `target` that comes to `from` then
 * still has a step that brings it nearer.
 */
import { codeDistance } from './code-distance.ts';
import type { WalkContext } from './walk-driver.ts';

export interface PrunedList {
  readonly layer: number;
  readonly from: number;
  /** The list now, and what it had before; disjoint. */
  readonly kept: Uint32Array;
  readonly dropped: Uint32Array;
}

/** Places of the sieve that says at once of most nodes that they were not dropped. A power of two. */
const SIEVE_PLACES = 1024;

export class Detours {
  readonly #context: WalkContext;
  readonly #sieve = new Uint8Array(SIEVE_PLACES);

  constructor(context: WalkContext) {
    this.#context = context;
  }

  /** The dropped targets to which no detour leads, in their order. */
  without({ layer, from, kept, dropped }: PrunedList): Uint32Array {
    const edges = this.#edges(layer, kept, dropped);
    const lost = new Uint8Array(dropped.length).fill(1);
    for (let i = 0; i < edges.length; i += 2) {
      const target = edges[i + 1];
      if (lost[target] === 0) continue;
      const limit = codeDistance(this.#context, from, dropped[target]);
      const detour = codeDistance(this.#context, kept[edges[i]], dropped[target]);
      if (detour <= limit) lost[target] = 0;
    }
    return dropped.filter((_, i) => lost[i] === 1);
  }

  /** Edges from the kept to the dropped, as pairs of positions in the two. */
  #edges(layer: number, kept: Uint32Array, dropped: Uint32Array): number[] {
    const { kernels, lists } = this.#context;
    const { u32 } = kernels.memory;
    const sieve = this.#sieve;
    const edges: number[] = [];
    for (let i = 0; i < dropped.length; i++) sieve[dropped[i] & (SIEVE_PLACES - 1)] = 1;
    for (let i = 0; i < kept.length; i++) {
      const list = lists.load(layer, kept[i]) >>> 2;
      const last = list + u32[list];
      for (let at = list + 1; at <= last; at++) {
        if (sieve[u32[at] & (SIEVE_PLACES - 1)] === 0) continue;
        const target = dropped.indexOf(u32[at]);
        if (target >= 0) edges.push(i, target);
      }
    }
    for (let i = 0; i < dropped.length; i++) sieve[dropped[i] & (SIEVE_PLACES - 1)] = 0;
    return edges;
  }
}
