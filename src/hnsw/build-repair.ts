/**
 * Makes every node of a layer reachable. The lists are flooded from the roots; a node that stays dry gets an
 * edge from a wet one near it: one of its own neighbours, or theirs, or the node before it (nodes are in an order of
 * nearness). The edge takes free room, or the place of an edge that the flood did not come by, so that
 * nothing falls dry for it.
 */
import { assert } from '../base/assert.ts';
import type { BuildArea } from './build-area.ts';
import type { BuildNodes } from './build-job.ts';
import type { Slices } from './slices.ts';

const DRY = 0xffffffff;
const ROOT = 0xfffffffe;
/** Wet nodes that are asked for free room before an edge is replaced. */
const ROOM_ASKED = 64;
const STEP = 4096;

/** Of the module's memory for each node, beside the lists. */
export const REPAIR_BYTES = 8;

/** Returns how many edges were added. `roots` is not empty; they are reached from elsewhere. */
export async function repairLayer(
  area: BuildArea,
  nodes: BuildNodes,
  roots: Iterable<number>,
): Promise<number> {
  const run = area.take(REPAIR_BYTES * nodes.count);
  const flood = new Flood(area.memory.kernels.memory.u32, nodes, run);
  await flood.dry(area.slices);
  for (const root of roots) flood.wet(root, ROOT);
  await flood.run(area.slices);
  let added = 0;
  for (let node = 0; node < nodes.count; node++) {
    if (node % STEP === 0 && area.slices.isOver) await area.slices.pause();
    if (flood.isWet(node)) continue;
    flood.adopt(node);
    added++;
    await flood.run(area.slices);
  }
  area.give(run);
  return added;
}

class Flood {
  readonly #u32: Uint32Array;
  readonly #lists: number;
  readonly #stride: number;
  readonly #cap: number;
  /** By node: from which other it was reached. */
  readonly #parents: Uint32Array;
  /** Each node comes here once. */
  readonly #pending: Uint32Array;
  #pendingCount = 0;

  /** `run` has REPAIR_BYTES for each node. */
  constructor(u32: Uint32Array, nodes: BuildNodes, run: number) {
    this.#u32 = u32;
    this.#lists = nodes.lists >>> 2;
    this.#stride = nodes.listStride >>> 2;
    this.#cap = nodes.cap;
    const start = run >>> 2;
    this.#parents = u32.subarray(start, start + nodes.count);
    this.#pending = u32.subarray(start + nodes.count, start + 2 * nodes.count);
  }

  async dry(slices: Slices): Promise<void> {
    const parents = this.#parents;
    for (let start = 0; start < parents.length; start += 64 * STEP) {
      parents.fill(DRY, start, start + 64 * STEP);
      if (slices.isOver) await slices.pause();
    }
  }

  isWet(node: number): boolean {
    return this.#parents[node] !== DRY;
  }

  wet(node: number, parent: number): void {
    if (this.isWet(node)) return;
    this.#parents[node] = parent;
    this.#pending[this.#pendingCount++] = node;
  }

  async run(slices: Slices): Promise<void> {
    for (let i = 0; this.#pendingCount > 0; i++) {
      const node = this.#pending[--this.#pendingCount];
      const list = this.#listOf(node);
      const count = this.#u32[list];
      for (let at = list + 1; at <= list + count; at++) this.wet(this.#u32[at], node);
      if ((i & 255) === 255 && slices.isOver) await slices.pause();
    }
  }

  /** Gives a dry node an edge from a wet one. */
  adopt(node: number): void {
    const near = this.#wetNear(node);
    const asked = new Set<number>(near);
    for (let i = 0; i < near.length; i++) {
      const wet = near[i];
      const list = this.#listOf(wet);
      const count = this.#u32[list];
      if (count < this.#cap) {
        this.#u32[list] = count + 1;
        this.#u32[list + 1 + count] = node;
        this.wet(node, wet);
        return;
      }
      if (i >= ROOM_ASKED && near.slice(0, i).some((other) => this.#replace(other, node))) return;
      for (const id of this.#u32.subarray(list + 1, list + 1 + count)) {
        if (asked.has(id)) continue;
        asked.add(id);
        near.push(id);
      }
    }
    const isAdopted = near.some((other) => this.#replace(other, node));
    assert(isAdopted, 'lists have more room than a tree has edges');
  }

  /** Wet neighbours of a dry node, or else the nearest wet node before or behind it. */
  #wetNear(node: number): number[] {
    const list = this.#listOf(node);
    const ids = [...this.#u32.subarray(list + 1, list + 1 + this.#u32[list])];
    const wet = ids.filter((id) => this.isWet(id));
    if (wet.length > 0) return wet;
    for (let distance = 1; ; distance++) {
      if (node >= distance && this.isWet(node - distance)) return [node - distance];
      const next = node + distance;
      if (next < this.#parents.length && this.isWet(next)) return [next];
    }
  }

  /** Puts the edge in the place of the farthest one that the flood did not come by. */
  #replace(wet: number, node: number): boolean {
    const list = this.#listOf(wet);
    for (let at = list + this.#u32[list]; at > list; at--) {
      if (this.#parents[this.#u32[at]] === wet) continue;
      this.#u32[at] = node;
      this.wet(node, wet);
      return true;
    }
    return false;
  }

  #listOf(node: number): number {
    return this.#lists + node * this.#stride;
  }
}
