/**
 * The check of a graph: each stored list by itself (no repeated edge, no edge to itself, no more edges
 * than the layer allows, no edge to a free place, none to a node that is not on the layer), against its
 * copy in memory, and all of them together: which nodes a walk from the entry can reach. Reads every code
 * page once and every list twice.
 */
import type { Kernels } from '../kernels/kernels.ts';
import type { Space } from '../kernels/space.ts';
import type { Entry } from './entry.ts';
import type { ListCache } from './list-cache.ts';
import { NodeBits } from './node-bits.ts';
import { Slices } from './slices.ts';
import type { NeighbourSource, VectorSource } from './sources.ts';

export interface GraphReport {
  /** Sentences that name layer and node; empty for a sound graph. Not more than a thousand. */
  readonly problems: readonly string[];
  /** Lists and edges of layer 0. */
  readonly nodes: number;
  readonly edges: number;
  readonly living: number;
  /** Living nodes that no list of layer 0 names, the entry aside. */
  readonly unnamed: number;
  /** Share of the living nodes that can be reached from the entry: 1 when there are none. */
  readonly reachable: number;
}

interface Graph {
  readonly kernels: Kernels;
  readonly source: NeighbourSource;
  readonly vectors: VectorSource;
  readonly lists: ListCache;
  readonly space: Space;
  readonly entry: Entry | undefined;
}

const PROBLEMS_MAX = 1000;

export async function checkGraph(graph: Graph, sliceMs: number): Promise<GraphReport> {
  const slices = new Slices(sliceMs, undefined);
  const places = new Places(graph);
  for (let page = 0; page < graph.vectors.counters.pages; page++) {
    places.load(page);
    if (slices.isOver) await slices.pause();
  }
  const check = new GraphCheck(graph, places);
  let living = 0;
  for (let node = 0; node < places.nodeLimit; node++) {
    if (places.isLiving(node)) living++;
    if (places.isUsed(node)) check.checkNode(node);
    if (slices.isOver) await slices.pause();
  }
  let unnamed = 0;
  for (let node = 0; node < places.nodeLimit; node++) {
    const isNamed = check.named.has(node) || node === graph.entry?.node;
    if (places.isLiving(node) && !isNamed) unnamed++;
  }
  const reached = await check.reach(slices);
  const { problems, nodes, edges } = check;
  const reachable = living === 0 ? 1 : reached / living;
  return { problems, nodes, edges, living, unnamed, reachable };
}

/** Bits by node of what the places hold, from the masks at the head of the code cells. */
class Places {
  readonly nodeLimit: number;
  readonly #graph: Graph;
  readonly #live: Uint32Array;
  readonly #used: Uint32Array;
  readonly #wordsPerPage: number;

  constructor(graph: Graph) {
    const { pages } = graph.vectors.counters;
    this.#graph = graph;
    this.nodeLimit = pages * graph.space.slotsPerPage;
    this.#wordsPerPage = Math.ceil(graph.space.slotsPerPage / 32);
    this.#live = new Uint32Array(pages * this.#wordsPerPage);
    this.#used = new Uint32Array(pages * this.#wordsPerPage);
  }

  load(page: number): void {
    const { kernels, space, vectors } = this.#graph;
    vectors.loadCodes(page);
    const words = this.#wordsPerPage;
    const first = space.codes.cell(page) >>> 2;
    const { u32 } = kernels.memory;
    this.#live.set(u32.subarray(first, first + words), page * words);
    this.#used.set(u32.subarray(first + words, first + 2 * words), page * words);
  }

  /** Holds a node, living or ghost. */
  isUsed(node: number): boolean {
    return node < this.nodeLimit && this.#bit(this.#used, node);
  }

  isLiving(node: number): boolean {
    return node < this.nodeLimit && this.#bit(this.#live, node);
  }

  #bit(masks: Uint32Array, node: number): boolean {
    const { space } = this.#graph;
    const slot = space.slotOf(node);
    const word = masks[space.pageOf(node) * this.#wordsPerPage + (slot >>> 5)];
    return ((word >>> (slot & 31)) & 1) !== 0;
  }
}

class GraphCheck {
  readonly problems: string[] = [];
  nodes = 0;
  edges = 0;
  /** What lists of layer 0 name. */
  readonly named: NodeBits = new NodeBits();
  readonly #graph: Graph;
  readonly #places: Places;
  readonly #ids: Uint32Array;
  readonly #other: Uint32Array;

  constructor(graph: Graph, places: Places) {
    this.#graph = graph;
    this.#places = places;
    const idsMax = 4 * Math.max(graph.space.capBottom, graph.space.capUpper);
    this.#ids = new Uint32Array(idsMax);
    this.#other = new Uint32Array(idsMax);
  }

  /** The lists of a used place, from layer 0 up. */
  checkNode(node: number): void {
    const { source } = this.#graph;
    for (let layer = 0; ; layer++) {
      const count = source.read(layer, node, this.#ids);
      if (count < 0) {
        if (layer === 0) this.#add(layer, node, 'has no list');
        return;
      }
      if (layer === 0) {
        this.nodes++;
        this.edges += count;
      }
      this.#checkList(layer, node, count);
    }
  }

  /** How many living nodes a walk can reach: layer by layer, from all that was reached above. */
  async reach(slices: Slices): Promise<number> {
    const { entry, source } = this.#graph;
    if (entry === undefined) return 0;
    if (source.read(entry.layer, entry.node, this.#ids) < 0) {
      this.#add(entry.layer, entry.node, 'is the entry and has no list');
    }
    const seen = new Uint8Array(Math.ceil(this.#places.nodeLimit / 8));
    const reached: number[] = [];
    this.#reachNode(entry.node, seen, reached);
    for (let layer = entry.layer; layer >= 0; layer--) {
      for (let i = 0; i < reached.length; i++) {
        const count = source.read(layer, reached[i], this.#ids);
        for (let j = 0; j < count; j++) this.#reachNode(this.#ids[j], seen, reached);
        if (slices.isOver) await slices.pause();
      }
    }
    return reached.filter((node) => this.#places.isLiving(node)).length;
  }

  #checkList(layer: number, node: number, count: number): void {
    const { source, space } = this.#graph;
    const seen = new Set<number>();
    for (let i = 0; i < count; i++) {
      const target = this.#ids[i];
      if (layer === 0) this.named.add(target);
      if (seen.has(target)) this.#add(layer, node, `names node ${target} twice`);
      seen.add(target);
      if (target === node) this.#add(layer, node, 'names itself');
      else if (!this.#places.isUsed(target)) this.#add(layer, node, `names free place ${target}`);
      else if (layer > 0 && source.read(layer, target, this.#other) < 0) {
        this.#add(layer, node, `names node ${target}, which is not on the layer`);
      }
    }
    if (count > space.capOf(layer)) this.#add(layer, node, `has ${count} neighbours`);
    this.#compareWithMemory(layer, node, seen);
  }

  #reachNode(node: number, seen: Uint8Array, reached: number[]): void {
    if (node >= this.#places.nodeLimit) return;
    const bit = 1 << (node & 7);
    if ((seen[node >>> 3] & bit) !== 0) return;
    seen[node >>> 3] |= bit;
    reached.push(node);
  }

  #compareWithMemory(layer: number, node: number, stored: ReadonlySet<number>): void {
    const { lists } = this.#graph;
    const list = lists.find(layer, node);
    if (list === 0) return;
    const ids = lists.idsAt(list);
    const isSame = ids.length === stored.size && ids.every((id) => stored.has(id));
    if (!isSame) this.#add(layer, node, 'has another list in memory than in the tree');
  }

  #add(layer: number, node: number, what: string): void {
    if (this.problems.length >= PROBLEMS_MAX) return;
    this.problems.push(`node ${node} on layer ${layer} ${what}`);
  }
}
