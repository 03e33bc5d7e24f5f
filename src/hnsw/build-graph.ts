/**
 * A whole graph from all vectors at once: an order of nearness, in which nodes get their numbers, then the
 * layers from the top down, each with lists of its own (`build-layer.ts`) and every node reachable
 * (`build-repair.ts`). Codes and lists stay in the module's memory until the result is released.
 *
 * Work is done in slices of the event loop's time. The same vectors, options and seed give the same graph.
 */
import { assert } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { FRAME_SIZE, SLOT_CODE } from '../kernels/layout.ts';
import {
  BuildJob,
  type BuildMemory,
  type BuildNodes,
  buildJobBytes,
  type LeafOptions,
  leafSize,
} from './build-job.ts';
import { buildLayer } from './build-layer.ts';
import { cutIntoLeaves } from './build-partition.ts';
import { repairLayer } from './build-repair.ts';
import type { Entry } from './entry.ts';
import { Slices } from './slices.ts';

/** With m = 16 one node in 16^12 would be higher. */
const LAYER_MAX = 12;
const ENCODE_STEP = 32;

/** The vectors of a build, numbered from 0. */
export interface BuildVectors {
  readonly count: number;
  /** Copies vector `index` to `target`, which has the dimension. */
  read(index: number, target: Float32Array): void;
}

export type BuildPhase = 'order' | 'layers' | 'graph' | 'repair';

export interface BuildGraphOptions {
  readonly m: number;
  readonly seed: number;
  /** Bytes of a slot with a code. */
  readonly codeStride: number;
  /** Nodes that lie on one page: neighbourhoods of that size get consecutive numbers. */
  readonly nodesPerPage: number;
  /** Members of a leaf at the most, rounds, and slack. Default: 400, 8 and 1.1. */
  readonly leafMax?: number | undefined;
  readonly rounds?: number | undefined;
  readonly alpha?: number | undefined;
  readonly sliceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((phase: BuildPhase, done: number, total: number) => void) | undefined;
}

/** Lists of one layer above 0, of its nodes, ascending. */
export interface BuiltLayer {
  readonly nodes: Uint32Array;
  readonly lists: readonly Uint32Array[];
}

export interface BuiltGraph {
  /** By node: the number of its vector. */
  readonly order: Uint32Array;
  /** Codes and lists of layer 0, by node. */
  readonly bottom: BuildNodes;
  /** Layer 1 first. */
  readonly upper: readonly BuiltLayer[];
  readonly entry: Entry;
  /** Gives codes and lists back. */
  release(): void;
}

/** How many vectors a build can take at once in so many bytes of the module's memory; perhaps none. */
export function buildCountMax(
  { dimension, capBottom }: { readonly dimension: number; readonly capBottom: number },
  bytes: number,
): number {
  const codeStride = SLOT_CODE + Math.ceil(dimension / 4) * 4;
  const scratch = buildJobBytes(dimension, capBottom, leafSize(dimension, LEAF_MAX));
  // Every run is rounded up to whole frames.
  const rest = bytes - scratch - 8 * FRAME_SIZE;
  return Math.max(0, Math.floor(rest / (codeStride + 4 + 4 * capBottom)));
}

const LEAF_MAX = 400;

/** `vectors` is not empty. ABORTED by the signal; RESOURCE_EXHAUSTED when memory is too small. */
export async function buildGraph(
  memory: BuildMemory,
  vectors: BuildVectors,
  options: BuildGraphOptions,
): Promise<BuiltGraph> {
  assert(vectors.count > 0, 'a graph has nodes');
  const build = new GraphBuild(memory, vectors, options);
  try {
    return await build.run();
  } catch (error) {
    build.release();
    throw error;
  }
}

class GraphBuild {
  readonly #memory: BuildMemory;
  readonly #vectors: BuildVectors;
  readonly #options: BuildGraphOptions;
  readonly #leaf: LeafOptions;
  readonly #slices: Slices;
  readonly #random: Random;
  readonly #onProgress: (phase: BuildPhase, done: number, total: number) => void;
  /** Runs that are held: address and bytes. */
  readonly #runs: Map<number, number> = new Map();

  constructor(memory: BuildMemory, vectors: BuildVectors, options: BuildGraphOptions) {
    this.#memory = memory;
    this.#vectors = vectors;
    this.#options = options;
    const { leafMax = LEAF_MAX, rounds = 8, alpha = 1.1, sliceMs = 5, signal } = options;
    this.#leaf = { leafMax: leafSize(memory.space.dimension, leafMax), rounds, alpha };
    this.#slices = new Slices(sliceMs, signal);
    this.#random = seededRandom(options.seed);
    this.#onProgress = options.onProgress ?? (() => {});
  }

  async run(): Promise<BuiltGraph> {
    const { count } = this.#vectors;
    const { codeStride, m } = this.#options;
    const codes = this.#take(count * codeStride);
    const order = await this.#order(codes);
    const { upper, entry } = await this.#upperLayers(order);
    const cap = 2 * m;
    const bottom = this.#nodes(codes, count, cap);
    await this.#encode(order, codes, 'order', count);
    await buildLayer(this.#memory, bottom, {
      options: this.#leaf,
      random: this.#random,
      slices: this.#slices,
      onProgress: (done) => this.#onProgress('graph', done, count * this.#leaf.rounds),
    });
    this.#onProgress('repair', 0, count);
    const { u32 } = this.#memory.kernels.memory;
    // From the entry alone: what walks on the layers above could reach besides does not count.
    await repairLayer(u32, bottom, [entry.node], this.#slices);
    this.#onProgress('repair', count, count);
    return { order, bottom, upper, entry, release: () => this.release() };
  }

  release(): void {
    for (const [address, bytes] of this.#runs) this.#memory.allocator.freeRun(address, bytes);
    this.#runs.clear();
  }

  /** By node, the vector that gets its number: in the order of leaves as large as a page. */
  async #order(codes: number): Promise<Uint32Array> {
    const { count } = this.#vectors;
    const ids = new Uint32Array(count);
    for (let i = 0; i < count; i++) ids[i] = i;
    await this.#encode(ids, codes, 'order', 0);
    const { kernels } = this.#memory;
    const nodes = { ...this.#emptyNodes(codes, count) };
    const job = new BuildJob(this.#memory, nodes, this.#leaf);
    try {
      const { nodesPerPage: leafMax } = this.#options;
      const random = this.#random;
      for (const _ of cutIntoLeaves(kernels, job, ids, { leafMax, random })) {
        if (this.#slices.isOver) await this.#slices.pause();
      }
    } finally {
      job.release();
    }
    return ids;
  }

  async #upperLayers(
    order: Uint32Array,
  ): Promise<{ readonly upper: readonly BuiltLayer[]; readonly entry: Entry }> {
    const { m } = this.#options;
    const layers: number[][] = [];
    for (let node = 0; node < order.length; node++) {
      const height = Math.floor(-Math.log(1 - this.#random()) / Math.log(m));
      for (let layer = 1; layer <= Math.min(height, LAYER_MAX); layer++) {
        layers[layer - 1] ??= [];
        layers[layer - 1].push(node);
      }
    }
    const top = layers.at(-1);
    const entry = { node: top?.[0] ?? 0, layer: layers.length };
    const upper: BuiltLayer[] = [];
    const total = layers.reduce((sum, nodes) => sum + nodes.length, 0);
    let done = 0;
    for (let i = layers.length - 1; i >= 0; i--) {
      upper[i] = await this.#upperLayer(order, Uint32Array.from(layers[i]), entry.node);
      done += layers[i].length;
      this.#onProgress('layers', done, total);
    }
    return { upper, entry };
  }

  async #upperLayer(order: Uint32Array, nodes: Uint32Array, root: number): Promise<BuiltLayer> {
    const { m, codeStride } = this.#options;
    const codes = this.#take(nodes.length * codeStride);
    const built = this.#nodes(codes, nodes.length, m);
    try {
      const vectors = nodes.map((node) => order[node]);
      await this.#encode(vectors, codes, 'layers', 0);
      await buildLayer(this.#memory, built, {
        options: this.#leaf,
        random: this.#random,
        slices: this.#slices,
        onProgress: () => {},
      });
      const { u32 } = this.#memory.kernels.memory;
      await repairLayer(u32, built, [nodes.indexOf(root)], this.#slices);
      const lists: Uint32Array[] = [];
      for (let i = 0; i < nodes.length; i++) {
        const list = (built.lists + i * built.listStride) >>> 2;
        lists.push(u32.slice(list + 1, list + 1 + u32[list]).map((id) => nodes[id]));
      }
      return { nodes, lists };
    } finally {
      this.#give(built.lists);
      this.#give(codes);
    }
  }

  /** Writes the codes of the vectors of that order, by place in it. */
  async #encode(
    order: Uint32Array,
    codes: number,
    phase: BuildPhase,
    before: number,
  ): Promise<void> {
    const { kernels, space, allocator } = this.#memory;
    const { codeStride } = this.#options;
    const bytes = 4 * space.dimension;
    const vector = allocator.allocateRun(bytes);
    const { f32 } = kernels.memory;
    const target = f32.subarray(vector >>> 2, (vector >>> 2) + space.dimension);
    if (phase === 'order') this.#onProgress(phase, before, 2 * order.length);
    try {
      for (let node = 0; node < order.length; node++) {
        this.#vectors.read(order[node], target);
        kernels.exports.encodeSq8(space.address, vector, codes + node * codeStride);
        if (node % ENCODE_STEP !== 0 || !this.#slices.isOver) continue;
        if (phase === 'order') this.#onProgress(phase, before + node, 2 * order.length);
        await this.#slices.pause();
      }
    } finally {
      allocator.freeRun(vector, bytes);
    }
  }

  #emptyNodes(codes: number, count: number): BuildNodes {
    const { codeStride } = this.#options;
    return { count, codes, codeStride, lists: 0, listStride: 0, cap: 1 };
  }

  #nodes(codes: number, count: number, cap: number): BuildNodes {
    const { codeStride } = this.#options;
    const listStride = 4 + 4 * cap;
    const lists = this.#take(count * listStride);
    this.#memory.kernels.memory.u8.fill(0, lists, lists + count * listStride);
    return { count, codes, codeStride, lists, listStride, cap };
  }

  #take(bytes: number): number {
    const address = this.#memory.allocator.allocateRun(bytes);
    this.#runs.set(address, bytes);
    return address;
  }

  #give(address: number): void {
    this.#memory.allocator.freeRun(address, this.#runs.get(address) ?? 0);
    this.#runs.delete(address);
  }
}
