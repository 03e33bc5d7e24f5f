/**
 * The proximity graph of one vector space: search, exact search, insertion and its check. The lists are
 * the store's; here is only what of them is in memory (`list-cache.ts`) and what a plan has changed.
 *
 * One plan at a time: `planInsert` and `link` for each new node, then the caller writes `touched()` and
 * says `commitPlan`, or `rollbackPlan`, after which everything is as it was. Searches may run meanwhile.
 * Deleted nodes stay in the graph as ghosts; nothing has to be told of them.
 */
import { assert } from '../base/assert.ts';
import { joined } from '../base/joined.ts';
import type { Random } from '../base/random.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Space } from '../kernels/space.ts';
import { type Candidates, noCandidates } from './candidates.ts';
import { checkGraph, type GraphReport } from './check-graph.ts';
import { codeDistance } from './code-distance.ts';
import type { Entry } from './entry.ts';
import { type ExactSearchOptions, searchExactly } from './exact-search.ts';
import { type InsertOptions, type InsertPlan, planningInsert } from './insert.ts';
import { Linker } from './link.ts';
import { ListCache } from './list-cache.ts';
import { type Measured, measureNodes, measureNow } from './measure.ts';
import { movedNeighbours, moveLists } from './move.ts';
import type { NodeBits } from './node-bits.ts';
import {
  type SearchesTogether,
  type SearchNowOptions,
  type SearchOptions,
  type SearchTogether,
  searchGraph,
  searchGraphNow,
  searchGraphTogether,
} from './search.ts';
import type { NeighbourSource, ParallelReads, VectorSource } from './sources.ts';
import { atOnce } from './steps.ts';
import { GraphSweep } from './sweep.ts';
import { type TouchedList, TouchedLists } from './touched-lists.ts';
import type { WalkAdmission } from './walk-admission.ts';
import type { WalkContext } from './walk-driver.ts';
import { WalkPool } from './walk-pool.ts';
import type { SearchContext, WalkRunner } from './walk-runner.ts';

export interface GraphIndexOptions {
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  readonly space: Space;
  readonly lists: NeighbourSource;
  readonly vectors: VectorSource;
  /** For the layers of new nodes. */
  readonly random: Random;
  /** Default 16, 100 and 1.2. */
  readonly m?: number;
  readonly efConstruction?: number;
  readonly alpha?: number;
  /** Scratches to share with other spaces over the same memory. Default: a pool of its own. */
  readonly pool?: WalkPool;
  /** Threads that searches share. Default: none. */
  readonly runner?: WalkRunner | undefined;
  /** See `WalkContext`. */
  readonly reads?: ParallelReads | undefined;
  readonly admission?: WalkAdmission | undefined;
  /** See `SearchContext`. */
  readonly beamOnBits?: SearchContext['beamOnBits'];
  /** As `pool`, for insertions. Default: `pool`. */
  readonly insertPool?: WalkPool;
  /** Whether `touched()` says what rewritten lists were before. Default: true. */
  readonly keepsReplaced?: boolean;
  /** How long a search may hold the event loop. Default: 5. */
  readonly sliceMs?: number;
}

/** With m = 16 one node in 16^12 would be higher. */
const LAYER_MAX = 12;
/** What took too long is done again from the start: where searches are slow that is to be rare. */
const NOT_NOW = 64;
/** Of the module's memory, what lists and codes can have at most. */
const CACHED_SHARE = 0.9;

export class GraphIndex {
  /** Persisted by the caller with the lists. Undefined: there are no nodes, or none that count. */
  entry: Entry | undefined;
  readonly #context: SearchContext;
  readonly #insertContext: WalkContext;
  readonly #lists: ListCache;
  readonly #touched: TouchedLists;
  readonly #insert: InsertOptions;
  readonly #linker: Linker;
  readonly #source: NeighbourSource;
  readonly #random: Random;
  readonly #sliceMs: number;
  readonly #ownPool: WalkPool | undefined;
  /** The entry before the plan; undefined outside of plans. */
  #before: { readonly entry: Entry | undefined } | undefined;
  /** Planned and not linked yet. */
  #planned: InsertPlan | undefined;
  #sweep: GraphSweep | undefined;
  readonly #ids: Uint32Array;
  /** So many calls of `searchNow` are not tried: the last one that was took too long. */
  #notNow = 0;

  constructor(options: GraphIndexOptions) {
    const { kernels, allocator, space, vectors } = options;
    this.#lists = new ListCache(kernels, allocator, space, options.lists, () =>
      outgrows(allocator.totalBytes, space, vectors),
    );
    this.#touched = new TouchedLists(this.#lists, options.keepsReplaced ?? true);
    const pool = options.pool ?? new WalkPool(kernels, allocator);
    this.#ownPool = options.pool === undefined ? pool : undefined;
    const { runner, reads, admission, beamOnBits } = options;
    const shared = { kernels, space, lists: this.#lists, vectors, pool };
    this.#context = { ...shared, runner, reads, admission, beamOnBits };
    this.#insertContext = { ...shared, pool: options.insertPool ?? pool, isWriting: true };
    this.#source = options.lists;
    this.#ids = new Uint32Array(4 * Math.max(space.capBottom, space.capUpper));
    this.#random = options.random;
    this.#sliceMs = options.sliceMs ?? 5;
    const { m = 16, efConstruction = 100, alpha = 1.2 } = options;
    assert(m >= 2 && m <= space.capBottom && m <= space.capUpper, 'm neighbours fit a list');
    const mBottom = Math.min(Math.round(1.5 * m), space.capBottom);
    this.#insert = { m, mBottom, efConstruction: Math.max(efConstruction, m), alpha };
    this.#linker = new Linker(this.#insertContext, this.#touched, this.#insert);
  }

  /**
   * The nearest living nodes, best first: up to `limit`, measured by their originals. ABORTED when the
   * signal is raised; CORRUPTION and IO from the sources.
   */
  async search(query: Float32Array, options: SearchOptions): Promise<Candidates> {
    assert(query.length === this.#context.space.dimension, 'the query has the dimension');
    assert(options.k > 0, 'a search asks for something');
    const entry = options.entry ?? this.entry;
    if (entry === undefined) return noCandidates;
    return searchGraph(this.#context, entry, query, joined(options, { sliceMs: this.#sliceMs }));
  }

  /**
   * As `search` without a filter, in this turn of the event loop. Undefined when it would take longer than a slice, or
   * when threads share it with others.
   */
  searchNow(query: Float32Array, { k, ef, stop }: SearchNowOptions): Candidates | undefined {
    assert(query.length === this.#context.space.dimension, 'the query has the dimension');
    assert(k > 0, 'a search asks for something');
    if (this.entry === undefined) return noCandidates;
    if (this.#notNow > 0) {
      this.#notNow--;
      return undefined;
    }
    if (this.#context.runner?.isAlone(0) === false) return undefined;
    const options = { k, ef, stop, sliceMs: this.#sliceMs };
    const found = searchGraphNow(this.#context, this.entry, query, options);
    if (found === undefined) this.#notNow = NOT_NOW;
    return found;
  }

  /**
   * As `searchNow` for what `next` gives, one after the other, with walks shared among threads; `found` is told of each
   * that came to its end in this turn. Without threads, or where reads are slow, of none.
   */
  searchTogether<Ask extends SearchTogether>(searches: SearchesTogether<Ask>): void {
    const { runner, reads } = this.#context;
    if (runner === undefined || this.entry === undefined || reads?.isSlow === true) return;
    const at = { context: this.#context, runner, entry: this.entry };
    searchGraphTogether(at, searches);
  }

  /** As `search`, but over all pages and without mistakes. O(nodes). */
  async searchExact(query: Float32Array, options: ExactSearchOptions): Promise<Candidates> {
    assert(query.length === this.#context.space.dimension, 'the query has the dimension');
    assert(options.k > 0, 'a search asks for something');
    return searchExactly(this.#context, query, joined(options, { sliceMs: this.#sliceMs }));
  }

  /** Exact distances of nodes, ghosts included, in their order. ABORTED when the signal is raised. */
  async distancesTo(
    query: Float32Array,
    nodes: Uint32Array,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    return measureNodes(this.#context, query, nodes, { sliceMs: this.#sliceMs, signal });
  }

  /** As `distancesTo`, in this turn of the event loop; false when it would take longer than a slice. */
  distancesNow(query: Float32Array, measured: Measured): boolean {
    return measureNow(this.#context, query, measured, this.#sliceMs);
  }

  /** Lists that were not in memory and were read from the store, since the index was made. */
  get listReads(): number {
    return this.#lists.reads;
  }

  /** The topmost layer of a new node: geometric, a share of 1 / m goes one up. */
  randomLayer(): number {
    const layer = Math.floor(-Math.log(1 - this.#random()) / Math.log(this.#insert.m));
    return Math.min(layer, LAYER_MAX);
  }

  /**
   * Finds the neighbours of a new node, and opens a plan if none is open. `neighbours[0]`, nearest first,
   * hints at a good place. RESOURCE_EXHAUSTED when memory cannot hold the plan: then roll it back.
   */
  planInsert(vector: Float32Array, layer: number): InsertPlan {
    return atOnce(this.planningInsert(vector, layer));
  }

  /** As `planInsert`, with pauses in which others may search. */
  *planningInsert(vector: Float32Array, layer: number): Generator<void, InsertPlan> {
    assert(vector.length === this.#context.space.dimension, 'the vector has the dimension');
    assert(this.#planned === undefined, 'a node is linked before the next one is planned');
    this.#before ??= { entry: this.entry };
    const node = { vector, layer };
    this.#planned = yield* planningInsert(this.#insertContext, this.entry, node, this.#insert);
    return this.#planned;
  }

  /** Writes the lists of the planned node, whose code is in memory now, and the edges back to it. */
  link(node: number, layer: number, plan: InsertPlan): void {
    atOnce(this.linking(node, layer, plan));
  }

  /** As `link`, with pauses in which others may search. */
  *linking(node: number, layer: number, plan: InsertPlan): Generator<void, void> {
    assert(plan === this.#planned && plan.layer === layer, 'the plan is the last one');
    yield* this.#linker.linking(node, plan);
    this.#planned = undefined;
    if (this.entry === undefined || layer > this.entry.layer) {
      this.entry = { node, layer };
    }
  }

  /**
   * The neighbours of `node` for a copy of it at another place, nearest first, with the copies of those
   * that were moved before: they hint at a good place.
   */
  neighboursForMove(node: number): Uint32Array {
    const context = this.#insertContext;
    const ids = [...movedNeighbours(context, 0, node)];
    const measured = ids.map((id) => ({ id, distance: codeDistance(context, node, id) }));
    measured.sort((a, b) => a.distance - b.distance || a.id - b.id);
    return Uint32Array.from(measured, ({ id }) => id);
  }

  /** In a plan: gives the copy `to`, whose code is in memory, the lists of `from`, which becomes a ghost. */
  move(from: number, to: number): void {
    this.#before ??= { entry: this.entry };
    const isOn = (layer: number): boolean => this.#source.read(layer, from, this.#ids) >= 0;
    moveLists(this.#insertContext, this.#touched, { from, to, isOn });
    if (this.entry?.node === from) this.entry = { node: to, layer: this.entry.layer };
  }

  /** Begins a sweep that removes `ghosts`. One at a time; `endSweep` ends it, finished or not. */
  beginSweep(ghosts: NodeBits): GraphSweep {
    assert(this.#sweep === undefined, 'one sweep at a time');
    this.#sweep = new GraphSweep(ghosts, {
      context: this.#insertContext,
      touched: this.#touched,
      linker: this.#linker,
      options: this.#insert,
      entry: () => this.entry,
      setEntry: (entry) => {
        this.#before ??= { entry: this.entry };
        this.entry = entry;
      },
    });
    return this.#sweep;
  }

  endSweep(): void {
    this.#sweep = undefined;
  }

  /** What a sweep under way holds in memory. */
  get sweepBytes(): number {
    return this.#sweep?.bytes ?? 0;
  }

  /** The list of a place that was freed is not there any more. */
  forget(layer: number, node: number): void {
    this.#lists.drop(layer, node);
  }

  /** As `forget`, for layer 0 of a whole page. */
  forgetPage(page: number): void {
    this.#lists.dropPage(page);
  }

  /** The lists that the open plan has changed, for the caller's batch. */
  touched(): IterableIterator<TouchedList> {
    return this.#touched.entries();
  }

  /** After the batch was applied: the sources have the lists now. */
  commitPlan(): void {
    assert(this.#planned === undefined, 'a planned node is linked before the commit');
    if (this.#sweep !== undefined) {
      for (const { layer, node, list } of this.#touched.entries()) {
        this.#sweep.noteWritten(layer, node, list);
      }
    }
    this.#touched.commit();
    this.#before = undefined;
  }

  /** After `commitPlan`, and before the next plan: gives memory of the plan back, with pauses. */
  settlingPlan(): Generator<void, void> {
    return this.#touched.settling();
  }

  /** Restores lists and entry. Also after an error in the middle of a call. */
  rollbackPlan(): void {
    this.#touched.rollback();
    if (this.#before !== undefined) this.entry = this.#before.entry;
    this.#before = undefined;
    this.#planned = undefined;
  }

  /** Every list against the rules, and how many nodes a walk can reach. No plan is open. */
  check(): Promise<GraphReport> {
    assert(this.#before === undefined, 'a graph is checked between plans');
    const graph = { ...this.#context, source: this.#source, entry: this.entry };
    return checkGraph(graph, this.#sliceMs);
  }

  /** Gives all memory back: no search is running, and the index is not used again. */
  release(): void {
    this.#touched.rollback();
    this.#lists.release();
    this.#ownPool?.release();
  }
}

/** Whether what walks read of all pages, lists and codes, takes more than the module's memory has room for. */
function outgrows(memoryBytes: number, space: Space, { counters, hasBits }: VectorSource): boolean {
  const nodeBytes = space.listStride + (hasBits ? space.bitStride : space.codeStride);
  return counters.pages * space.slotsPerPage * nodeBytes > CACHED_SHARE * memoryBytes;
}
