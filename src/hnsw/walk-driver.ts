/**
 * One walk of the module, from the caller's side: it owns the scratch, brings what the walk needs into
 * memory, and moves it into a larger scratch when it asks for one.
 *
 * Serving a need may evict what was served a moment ago. That only costs time: a walk keeps what it has
 * computed, and gets on as long as the last thing served is still there.
 *
 * Where reads are slow, all that a walk needs is read at once, while the event loop runs, and what it is likely
 * to need next with it (`look-ahead.ts`).
 */
import type { Kernels } from '../kernels/kernels.ts';
import {
  CODES_BITS,
  CODES_SLOTS,
  NEED_BITS,
  NEED_CODES,
  STATUS_DONE,
  STATUS_GROW,
  STATUS_NEED,
  STATUS_ORIGINALS,
  WALK_CODES,
  WALK_DISTANCES,
  WALK_ENTRIES,
  WALK_ENTRY_COUNT,
  WALK_EXPAND,
  WALK_FILTER,
  WALK_FILTER_BITS,
  WALK_HOPS,
  WALK_LINK_RESULT,
  WALK_NEED_COUNT,
  WALK_NEEDS,
  WALK_QUERY,
  WALK_REFINE,
  WALK_REFINE_BATCH,
  WALK_REFINED,
  WALK_REPLACED,
  WALK_RESULT_COUNT,
  WALK_RESULTS,
  WALK_SELECTED,
  WALK_SELECTED_COUNT,
  WALK_SIZE,
  WALK_SPARE,
  WALK_STOP_FACTOR,
  WALK_STOP_K,
} from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import type { Entry } from './entry.ts';
import type { ListCache } from './list-cache.ts';
import { likelyNeeds } from './look-ahead.ts';
import type { ParallelReads, VectorSource } from './sources.ts';
import type { Scratch, WalkPool } from './walk-pool.ts';

/** What all walks of one space share. */
export interface WalkContext {
  readonly kernels: Kernels;
  readonly space: Space;
  readonly lists: ListCache;
  readonly vectors: VectorSource;
  readonly pool: WalkPool;
  /** For where reads are slow. Default: they never are. */
  readonly reads?: ParallelReads | undefined;
  /** Whether walks are those of who links nodes. Default: of searches. */
  readonly isWriting?: boolean | undefined;
}

/** A bit set by record number in the module's memory, and its length in bits. */
export interface FilterBits {
  readonly address: number;
  readonly bits: number;
}

const NO_NODES = new Uint32Array(0);

/** Hops of one call, about half a millisecond. */
const HOPS_PER_CALL = 256;

/** Originals that are measured at a time. */
const BATCH = 16;

export class WalkDriver {
  listReads = 0;
  pageReads = 0;
  /** Time that walk and refinement took, where somebody has noted it. */
  walkMs = 0;
  refineMs = 0;
  /** The last `advance` has left needs, for `bring`. */
  isInNeed = false;
  /** They are originals. */
  #wantsOriginals = false;
  readonly #context: WalkContext;
  readonly #ef: number;
  readonly #spare: number;
  #scratch: Scratch;
  #hasGrown = false;

  /** Takes a scratch for `ef` results and `spare` ones behind them; `close` gives it back. */
  constructor(context: WalkContext, ef: number, spare = 0) {
    this.#context = context;
    this.#ef = ef;
    this.#spare = spare;
    this.#scratch = context.pool.acquire(context.space.address, ef + spare);
    context.kernels.memory.u32[(this.address + WALK_SPARE) >>> 2] = spare;
  }

  /** Whether it can be used again for another walk like one that is made so. A larger scratch takes longer to clear. */
  fits(ef: number, spare: number): boolean {
    return ef === this.#ef && spare === this.#spare && !this.#hasGrown;
  }

  /** Of the walk. Changes when it grows. */
  get address(): number {
    return this.#scratch.address;
  }

  get resultCount(): number {
    return this.field(WALK_RESULT_COUNT);
  }

  /** Where the results stand, in words: two for each key, the node and above it the distance. */
  get resultsIndex(): number {
    return this.field(WALK_RESULTS) >>> 2;
  }

  get queryAddress(): number {
    return this.field(WALK_QUERY);
  }

  get hops(): number {
    return this.field(WALK_HOPS);
  }

  get distances(): number {
    return this.field(WALK_DISTANCES);
  }

  /** Whether its results are to be, and at its end are, measured by originals. */
  get isRefined(): boolean {
    return this.field(WALK_REFINE) > 0;
  }

  get refined(): number {
    return this.field(WALK_REFINED);
  }

  /** The query is copied. `codes`: CODES_*, what the walk measures by; default CODES_SLOTS. */
  setQuery(query: Float32Array, filter?: FilterBits, codes: number = CODES_SLOTS): void {
    const { memory } = this.#context.kernels;
    memory.f32.set(query, this.queryAddress >>> 2);
    memory.u32[(this.address + WALK_CODES) >>> 2] = codes;
    memory.u32[(this.address + WALK_FILTER) >>> 2] = filter?.address ?? 0;
    memory.u32[(this.address + WALK_FILTER_BITS) >>> 2] = filter?.bits ?? 0;
  }

  /**
   * Lets the walk end with the nearest `limit` of its results, measured by originals. Said to a walk that is done, it
   * goes on. 0: it does not.
   */
  refine(limit: number): void {
    const { kernels, vectors } = this.#context;
    const { u32 } = kernels.memory;
    u32[(this.address + WALK_REFINE) >>> 2] = limit;
    u32[(this.address + WALK_REFINE_BATCH) >>> 2] = Math.min(BATCH, vectors.originalsAtOnce);
  }

  /** Whether nodes that do not pass the filter are walked through instead of measured. Until the walk begins. */
  set expand(isExpanding: boolean) {
    const { u32 } = this.#context.kernels.memory;
    u32[(this.address + WALK_EXPAND) >>> 2] = isExpanding ? 1 : 0;
  }

  /** Ends the walk at a candidate (1 + gamma) times as far as the k-th result; 0: not. Until the walk begins. */
  setStop(k: number, gamma: number): void {
    const { u32, f32 } = this.#context.kernels.memory;
    f32[(this.address + WALK_STOP_FACTOR) >>> 2] = gamma;
    u32[(this.address + WALK_STOP_K) >>> 2] = k;
  }

  /** Begins a walk down to layer 0, or begins it anew, whatever state it was left in. */
  begin(entry: Entry, ef: number): void {
    this.isInNeed = false;
    const { exports } = this.#context.kernels;
    exports.walkPrepare(this.address);
    exports.walkBegin(this.address, entry.node, entry.layer, 0, ef);
  }

  /** Runs a part of a walk that was begun, of so many hops; whether it is done. */
  step(hops: number = HOPS_PER_CALL): boolean {
    return this.serve(this.#context.kernels.exports.walkRun(this.address, hops));
  }

  /** As `step`, but where reads are slow it leaves what the walk needs to `bring`. */
  advance(): boolean {
    return this.serveOrLeave(this.#context.kernels.exports.walkRun(this.address, HOPS_PER_CALL));
  }

  /** As `serve`, but as `advance` says. */
  serveOrLeave(status: number): boolean {
    this.#wantsOriginals = status === STATUS_ORIGINALS;
    const isNeed = status === STATUS_NEED || this.#wantsOriginals;
    this.isInNeed = isNeed && this.#context.reads?.isSlow === true;
    return this.isInNeed ? false : this.serve(status);
  }

  /** Reads what the walk needs, and goes on as soon as it is there; whether the walk is done. */
  async bring(): Promise<boolean> {
    let isDone = false;
    this.isInNeed = false;
    const loads = this.#wantsOriginals ? this.#originalLoads() : this.#loads();
    await this.#context.reads?.together(loads, () => {
      // Where a read has to wait nothing has happened, and all of this is begun again.
      if (this.#wantsOriginals) this.#serveOriginals();
      isDone = this.advance();
    });
    return isDone;
  }

  /** Runs a walk to its end. */
  finish(): void {
    while (!this.step());
  }

  /** `selectNeighbours` of the module; the chosen nodes, nearest first. */
  selectNeighbours(m: number, alpha: number): Uint32Array {
    const { exports } = this.#context.kernels;
    while (!this.serve(exports.selectNeighbours(this.address, m, alpha)));
    return this.selectedNodes();
  }

  /** What the last call chose; a copy. */
  selectedNodes(): Uint32Array {
    const count = this.field(WALK_SELECTED_COUNT);
    if (count === 0) return NO_NODES;
    const first = this.field(WALK_SELECTED) >>> 2;
    return this.#context.kernels.memory.u32.slice(first, first + count);
  }

  /** `linkBack` of the module: LINK_*. After LINK_REWRITTEN `selectedNodes` need an edge from elsewhere. */
  linkBack(layer: number, node: number, newNode: number): number {
    const { exports } = this.#context.kernels;
    while (!this.serve(exports.linkBack(this.address, layer, node, newNode)));
    return this.field(WALK_LINK_RESULT);
  }

  /** Where the ids stand that the list had before the `linkBack` that rewrote it, until the next one. */
  get replacedAddress(): number {
    return this.field(WALK_REPLACED);
  }

  /** The nodes of the results, nearest first; a copy. */
  resultNodes(): Uint32Array {
    const { u32 } = this.#context.kernels.memory;
    const nodes = new Uint32Array(this.resultCount);
    const first = this.resultsIndex;
    for (let i = 0; i < nodes.length; i++) nodes[i] = u32[first + 2 * i];
    return nodes;
  }

  close(): void {
    this.#context.pool.give(this.#scratch);
  }

  /** A field of the walk, WALK_*. */
  field(offset: number): number {
    return this.#context.kernels.memory.u32[(this.#scratch.address + offset) >>> 2];
  }

  /** Does what a call of the module that returned this STATUS_* asks for; whether it was done. */
  serve(status: number): boolean {
    if (status === STATUS_DONE) return true;
    if (status === STATUS_NEED) this.#serveNeeds();
    else if (status === STATUS_ORIGINALS) this.#serveOriginals();
    else if (status === STATUS_GROW) this.#grow();
    return false;
  }

  /** Finds them, and has them measured before anything else can take their places. */
  #serveOriginals(): void {
    const { kernels, vectors } = this.#context;
    vectors.originals(this.field(WALK_ENTRIES), this.field(WALK_ENTRY_COUNT));
    kernels.exports.refineEntries(this.address);
    this.#wantsOriginals = false;
  }

  #originalLoads(): (() => void)[] {
    const { kernels, vectors } = this.#context;
    const { u32 } = kernels.memory;
    const first = this.field(WALK_ENTRIES) >>> 2;
    return Array.from({ length: this.field(WALK_ENTRY_COUNT) }, (_, i) => {
      const node = u32[first + 2 * i];
      return () => {
        vectors.original(node);
      };
    });
  }

  #serveNeeds(): void {
    const { kernels, lists, vectors, isWriting = false } = this.#context;
    const { u32 } = kernels.memory;
    const count = this.field(WALK_NEED_COUNT);
    const first = this.field(WALK_NEEDS) >>> 2;
    for (let at = first; at < first + 2 * count; at += 2) {
      const kind = u32[at];
      if (kind === NEED_CODES) {
        vectors.loadCodes(u32[at + 1]);
        this.pageReads++;
      } else if (kind === NEED_BITS) {
        vectors.loadBits(u32[at + 1]);
        this.pageReads++;
      } else {
        if (isWriting) lists.loadPage(kind >>> 16, u32[at + 1]);
        else lists.load(kind >>> 16, u32[at + 1]);
        this.listReads++;
      }
    }
  }

  /** What `#serveNeeds` does, as calls one by one, and what the walk is likely to need then. */
  #loads(): (() => void)[] {
    const { kernels, vectors } = this.#context;
    const { u32 } = kernels.memory;
    const count = this.field(WALK_NEED_COUNT);
    const first = this.field(WALK_NEEDS) >>> 2;
    const loadPage =
      this.field(WALK_CODES) === CODES_BITS
        ? (page: number) => this.#readPage(() => vectors.loadBits(page))
        : (page: number) => this.#readPage(() => vectors.loadCodes(page));
    const loads: (() => void)[] = [];
    const needed = new Set<number>();
    for (let at = first; at < first + 2 * count; at += 2) {
      const kind = u32[at];
      const what = u32[at + 1];
      if (kind !== NEED_CODES && kind !== NEED_BITS) {
        loads.push(() => this.#readList(kind >>> 16, what));
        continue;
      }
      needed.add(what);
      loads.push(() => loadPage(what));
    }
    const { lists, pages } = likelyNeeds(this.#context, this);
    for (const node of lists) loads.push(() => this.#readList(0, node));
    for (const page of pages) if (!needed.has(page)) loads.push(() => loadPage(page));
    return loads;
  }

  #readPage(load: () => void): void {
    load();
    this.pageReads++;
  }

  #readList(layer: number, node: number): void {
    const { lists } = this.#context;
    if (lists.find(layer, node) !== 0) return;
    lists.load(layer, node);
    this.listReads++;
  }

  #grow(): void {
    const { kernels, pool } = this.#context;
    const bytes = 2 * this.field(WALK_SIZE);
    const larger = pool.reserve(bytes);
    kernels.exports.walkMove(this.address, larger.address, bytes);
    pool.give(this.#scratch);
    this.#scratch = larger;
    this.#hasGrown = true;
  }
}
