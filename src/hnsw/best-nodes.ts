/** The nearest so many nodes of those that are offered, sorted by (distance, node). */
import { assert } from '../base/assert.ts';

export class BestNodes {
  #limit: number;
  readonly #nodes: Uint32Array;
  readonly #distances: Float32Array;
  #count = 0;

  /** Room for `size`. */
  constructor(size: number) {
    this.#limit = size;
    this.#nodes = new Uint32Array(size);
    this.#distances = new Float32Array(size);
  }

  /** Begins anew, to keep `limit` nodes. */
  reset(limit: number): void {
    assert(limit <= this.#nodes.length, 'there is room for what is kept');
    this.#limit = limit;
    this.#count = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** How many there are too few. */
  get missing(): number {
    return this.#limit - this.#count;
  }

  /** The distance that an offer must not exceed to be taken; infinite until there are enough. */
  get worst(): number {
    return this.#count < this.#limit ? Number.POSITIVE_INFINITY : this.#distances[this.#limit - 1];
  }

  /** What was kept, nearest first, in arrays of its own. */
  copy(): {
    readonly count: number;
    readonly nodes: Uint32Array;
    readonly distances: Float32Array;
  } {
    const count = this.#count;
    return {
      count,
      nodes: this.#nodes.slice(0, count),
      distances: this.#distances.slice(0, count),
    };
  }

  offer(node: number, distance: number): void {
    const nodes = this.#nodes;
    const distances = this.#distances;
    let hole = this.#count;
    if (hole === this.#limit) {
      if (hole === 0 || !isBefore(node, distance, nodes[hole - 1], distances[hole - 1])) return;
      hole--;
    } else {
      this.#count++;
    }
    for (; hole > 0 && isBefore(node, distance, nodes[hole - 1], distances[hole - 1]); hole--) {
      nodes[hole] = nodes[hole - 1];
      distances[hole] = distances[hole - 1];
    }
    nodes[hole] = node;
    distances[hole] = distance;
  }
}

function isBefore(node: number, distance: number, otherNode: number, other: number): boolean {
  return distance < other || (distance === other && node < otherNode);
}
