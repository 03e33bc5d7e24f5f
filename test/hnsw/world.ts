/**
 * A graph with the simplest stores that could be right below it: lists and vectors in Maps. Code and
 * original cells come from the same allocator as everything else, so with little memory they are
 * taken back and loaded again all the time, as with real pages.
 */
import { seededRandom } from '../../src/base/random.ts';
import { GraphIndex } from '../../src/hnsw/graph-index.ts';
import type { NeighbourSource, ParallelReads, VectorSource } from '../../src/hnsw/sources.ts';
import type { WalkRunner } from '../../src/hnsw/walk-runner.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import type { Directory } from '../../src/kernels/directory.ts';
import { createKernels, type Kernels } from '../../src/kernels/kernels.ts';
import {
  ENTRY_PINNED,
  ENTRY_REFERENCED,
  FRAME_SIZE,
  SLOT_RECORD,
} from '../../src/kernels/layout.ts';
import type { CellKind } from '../../src/kernels/size-class.ts';
import {
  createSpace,
  type Metric,
  type SlotKind,
  type Space,
  slotStride,
} from '../../src/kernels/space.ts';

export interface WorldOptions {
  readonly dimension: number;
  readonly metric?: Metric;
  readonly slots?: SlotKind;
  readonly frames?: number;
  readonly m?: number;
  readonly efConstruction?: number;
  readonly seed?: number;
  readonly sliceMs?: number;
  /** Threads that share walks. Its readers do not keep cells: memory has to hold everything. */
  readonly runner?: (kernels: Kernels) => WalkRunner;
  /** Default: everything is at hand. */
  readonly reads?: ParallelReads;
}

const SLOTS_PER_PAGE = 8;

interface Placed {
  readonly vector: Float32Array;
  readonly record: number;
  isLiving: boolean;
}

export class World implements NeighbourSource, VectorSource {
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  readonly space: Space;
  readonly graph: GraphIndex;
  /** What the store has: lists by `layer:node`, ascending. */
  readonly lists: Map<string, Uint32Array> = new Map();
  readonly nodes: Map<number, Placed> = new Map();
  readonly counters: { pages: number } = { pages: 0 };
  listReads = 0;
  readonly #codeStride: number;
  readonly #codes: CellKind;
  readonly #originals: CellKind;
  readonly #pinned = new Set<number>();
  /** Nodes of the open plan, and ghosts it made. */
  #planned: number[] = [];
  #ghosts: number[] = [];
  #nextNode = 0;
  #nodesBefore = 0;

  constructor(options: WorldOptions) {
    const {
      dimension,
      metric = 'l2',
      slots = 'sq8',
      frames = 512,
      m = 16,
      efConstruction = 100,
    } = options;
    this.kernels = createKernels((frames + 1) * FRAME_SIZE);
    const { memory } = this.kernels;
    this.allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
    this.#codeStride = slotStride(dimension, slots);
    const originalStride = slots === 'vectors' ? this.#codeStride : 4 * dimension + 4;
    this.space = createSpace(this.kernels, this.allocator, {
      dimension,
      metric,
      geometry: {
        slots,
        slotsPerPage: SLOTS_PER_PAGE,
        pageMagic: 0,
        pageShift: 3,
        codeStride: this.#codeStride,
        codeSlotsOffset: 16,
        originalStride,
      },
      capBottom: 2 * m,
      capUpper: m,
    });
    const kind = (name: string, bytes: number, directory: Directory): CellKind => ({
      name,
      cellBytes: 16 * Math.ceil(bytes / 16),
      tryEvict: (page) => directory.tryEvict(page),
    });
    const { codes, originals } = this.space;
    this.#codes = kind('codes', 16 + SLOTS_PER_PAGE * this.#codeStride, codes);
    this.#originals = kind('originals', SLOTS_PER_PAGE * originalStride, originals);
    this.graph = new GraphIndex({
      kernels: this.kernels,
      allocator: this.allocator,
      space: this.space,
      lists: this,
      vectors: this,
      random: seededRandom(options.seed ?? 1),
      m,
      efConstruction,
      ...(options.sliceMs === undefined ? {} : { sliceMs: options.sliceMs }),
      runner: options.runner?.(this.kernels),
      reads: options.reads,
    });
  }

  read(layer: number, node: number, into: Uint32Array): number {
    this.listReads++;
    const list = this.lists.get(`${layer}:${node}`);
    if (list === undefined) return -1;
    into.set(list);
    return list.length;
  }

  readonly hasBits = false;
  readonly originalsAtOnce = 1;

  loadBits(): void {}

  loadCodes(page: number): void {
    if (this.space.codes.cell(page) !== 0) return;
    const { memory, exports } = this.kernels;
    const cell = this.allocator.allocate(this.#codes, page);
    memory.u8.fill(0, cell, cell + this.#codes.cellBytes);
    for (let slot = 0; slot < SLOTS_PER_PAGE; slot++) {
      const placed = this.nodes.get(page * SLOTS_PER_PAGE + slot);
      if (placed === undefined) continue;
      const address = cell + 16 + slot * this.#codeStride;
      memory.u32[(address + SLOT_RECORD) >>> 2] = placed.record;
      this.#setMasks(cell, slot, placed.isLiving);
      exports.encodeSlot(this.space.address, this.#scratchVector(placed.vector), address);
    }
    this.space.codes.setEntry(page, cell | ENTRY_REFERENCED);
  }

  original(node: number): number {
    const page = this.space.pageOf(node);
    const offset = this.space.slotOf(node) * this.space.originalStride;
    const found = this.space.originals.cell(page);
    if (found !== 0) return found + offset;
    if (!this.allocator.hasFree(this.#originals))
      return this.#scratchVector(this.nodes.get(node)!.vector);
    const cell = this.allocator.allocate(this.#originals, page);
    for (let slot = 0; slot < SLOTS_PER_PAGE; slot++) {
      const placed = this.nodes.get(page * SLOTS_PER_PAGE + slot);
      const target = (cell + slot * this.space.originalStride) >>> 2;
      if (placed !== undefined) this.kernels.memory.f32.set(placed.vector, target);
    }
    this.space.originals.setEntry(page, cell | ENTRY_REFERENCED);
    return cell + offset;
  }

  originals(entries: number, count: number): void {
    const { u32 } = this.kernels.memory;
    for (let at = entries >>> 2; at < (entries >>> 2) + 2 * count; at += 2) {
      u32[at + 1] = this.original(u32[at]);
    }
  }

  /** Inserts into the open plan; places go one after the other. Returns the node. */
  add(vector: Float32Array, layer: number = this.graph.randomLayer()): number {
    const plan = this.graph.planInsert(vector, layer);
    const node = this.#nextNode++;
    this.#planned.push(node);
    this.nodes.set(node, { vector, record: node, isLiving: true });
    this.#refresh(node);
    this.graph.link(node, layer, plan);
    return node;
  }

  /** Gives a living node another place, in the open plan; the old one becomes a ghost. */
  move(from: number): number {
    const to = this.#nextNode++;
    this.#planned.push(to);
    const { vector } = this.nodes.get(from)!;
    this.nodes.set(to, { vector, record: to, isLiving: true });
    this.#refresh(to);
    this.graph.move(from, to);
    this.makeGhost(from);
    return to;
  }

  /** Makes a living node a ghost, in the open plan. */
  makeGhost(node: number): void {
    this.nodes.get(node)!.isLiving = false;
    this.#ghosts.push(node);
    this.#refresh(node);
  }

  commit(): void {
    for (const { layer, node, list, before, rewritten } of this.graph.touched()) {
      const key = `${layer}:${node}`;
      const stored = this.lists.get(key);
      if (before >= 0 && !rewritten && stored !== undefined) {
        // What a delta layout relies on: only appended, behind the ids that are stored.
        const kept = [...list.subarray(0, before)].sort((a, b) => a - b);
        if (kept.join() !== stored.join()) throw new Error(`list ${key} was not only appended to`);
      }
      this.lists.set(key, Uint32Array.from(list).sort());
    }
    this.graph.commitPlan();
    for (const _ of this.graph.settlingPlan());
    this.#endPlan();
  }

  rollback(): void {
    this.graph.rollbackPlan();
    for (const node of this.#ghosts) this.nodes.get(node)!.isLiving = true;
    for (const node of this.#planned) this.nodes.delete(node);
    this.#nextNode = this.#nodesBefore;
    for (const node of [...this.#planned, ...this.#ghosts]) this.#drop(node);
    this.#endPlan();
  }

  addAll(vectors: readonly Float32Array[], batch = 100): void {
    for (let i = 0; i < vectors.length; i++) {
      this.add(vectors[i]);
      if (i % batch === batch - 1) this.commit();
    }
    this.commit();
  }

  /** The living nodes nearest to `query`, computed plainly: smallest distance first, then node. */
  nearest(query: Float32Array, k: number): { node: number; distance: number }[] {
    const found: { node: number; distance: number }[] = [];
    for (const [node, { vector, isLiving }] of this.nodes) {
      if (isLiving) found.push({ node, distance: distanceOf(this.space.metric, query, vector) });
    }
    return found.sort((a, b) => a.distance - b.distance || a.node - b.node).slice(0, k);
  }

  /** Share of the k nearest that a search finds, over the queries; by distance, so that ties count. */
  async recall(
    queries: readonly Float32Array[],
    options: { readonly k: number; readonly ef: number },
  ): Promise<number> {
    let hits = 0;
    let wanted = 0;
    for (const query of queries) {
      const truth = this.nearest(query, options.k);
      const limit = truth[truth.length - 1].distance;
      const { distances } = await this.graph.search(query, options);
      hits += distances.filter((d) => d <= limit + 1e-4 * Math.abs(limit) + 1e-6).length;
      wanted += truth.length;
    }
    return hits / wanted;
  }

  #endPlan(): void {
    for (const page of this.#pinned) this.space.codes.setPinned(page, false);
    this.#pinned.clear();
    this.#planned = [];
    this.#ghosts = [];
    this.#nodesBefore = this.#nextNode;
    this.counters.pages = Math.ceil(this.#nextNode / SLOTS_PER_PAGE);
  }

  /** The code cell of a node that has changed: loaded anew, and kept until the plan ends. */
  #refresh(node: number): void {
    this.#drop(node);
    const page = this.space.pageOf(node);
    this.loadCodes(page);
    this.space.codes.setEntry(page, this.space.codes.entry(page) | ENTRY_PINNED);
    this.#pinned.add(page);
  }

  #drop(node: number): void {
    const page = this.space.pageOf(node);
    const { codes, originals } = this.space;
    const free = (kind: CellKind, directory: Directory): void => {
      const cell = directory.cell(page);
      if (cell === 0) return;
      directory.setEntry(page, 0);
      this.allocator.free(kind, cell);
    };
    free(this.#codes, codes);
    free(this.#originals, originals);
    this.#pinned.delete(page);
  }

  #setMasks(cell: number, slot: number, isLiving: boolean): void {
    const { u32 } = this.kernels.memory;
    if (isLiving) u32[cell >>> 2] |= 1 << slot;
    u32[(cell >>> 2) + 1] |= 1 << slot;
  }

  /** A vector at an address, behind all cells: the allocator leaves the last frame's rest alone. */
  #scratchVector(vector: Float32Array): number {
    this.#scratch ??= this.allocator.allocateRun(4 * vector.length);
    this.kernels.memory.f32.set(vector, this.#scratch >>> 2);
    return this.#scratch;
  }
  #scratch: number | undefined;
}

/** Euclidean, 1 - cos, or -dot, in doubles. */
export function distanceOf(metric: Metric, a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let squared = 0;
  let normA = 0;
  let normB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    squared += (a[i] - b[i]) ** 2;
    normA += a[i] * a[i];
    normB += b[i] * b[i];
  }
  if (metric === 'l2') return Math.sqrt(squared);
  if (metric === 'dot') return -dot;
  return normA * normB === 0 ? 1 : 1 - dot / Math.sqrt(normA * normB);
}

/** Uniform in a cube around 0. */
export function uniformVectors(count: number, dimension: number, seed: number): Float32Array[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: dimension }, () => 2 * random() - 1),
  );
}

/** Around `clusters` centres, which are the same for each seed of one dimension. */
export function clusteredVectors(
  count: number,
  dimension: number,
  options: { readonly clusters: number; readonly seed: number },
): Float32Array[] {
  const centres = uniformVectors(options.clusters, dimension, 77);
  const random = seededRandom(options.seed);
  return Array.from({ length: count }, () => {
    const centre = centres[Math.floor(random() * centres.length)];
    return centre.map((x) => x + 0.2 * (random() + random() + random() - 1.5));
  });
}
