/**
 * The vectors of one vector space, in pages: choosing places, writing and reading vectors, slot states.
 *
 * Changes belong to a plan, of which a space has at most one: `beginPlan`, then places, vectors and ghosts,
 * then `changedStates` for the commit's batch, then `commitPlan`; or `rollbackPlan`, which restores cells,
 * masks and counters exactly. In memory a change shows at once.
 *
 * Invariants: the masks of a code cell equal the newest slot states (the plan's, else the tree's); a page
 * that differs from its slices on disk is pinned; a used slot has a record, a code and an original.
 */
import { assert } from '../base/assert.ts';
import { BIT_RECORD, SLOT_RECORD } from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import type { BitPages } from './bit-pages.ts';
import type { Geometry } from './geometry.ts';
import type { ColumnStats } from './page-column.ts';
import type { PageResidence } from './page-residence.ts';
import type { PageStates } from './page-states.ts';
import type { PageStore } from './page-store.ts';
import type { PageCounters, PlaceBook } from './place-book.ts';
import type { PlaceCache } from './place-cache.ts';
import type { PlaceGiver } from './place-giver.ts';
import type { PlacePolicy } from './place-policy.ts';
import { countBits, encodeStates, hasBit } from './slot-states.ts';
import type { SlotWriter } from './slot-writer.ts';
import type { Columns, SpaceCheckpoint } from './space-checkpoint.ts';
import { makeSpaceParts, type PagedSpaceOptions } from './space-parts.ts';
import { SpacePlan } from './space-plan.ts';
import type { VectorReader } from './vector-reader.ts';

export interface PagedSpaceStats extends PageCounters {
  /** Share of the slots of all pages that are used. */
  readonly fill: number;
  /** Bytes of all slices of a column on disk, once every page is written. */
  readonly codeBytes: number;
  readonly originalBytes: number;
  readonly codes: ColumnStats;
  readonly originals: ColumnStats | undefined;
  readonly bitBytes: number;
  readonly bits: ColumnStats | undefined;
}

export class PagedSpace {
  readonly id: number;
  readonly geometry: Geometry;
  readonly columns: Columns;
  readonly checkpoint: SpaceCheckpoint;
  readonly states: PageStates;
  /** Undefined in a space that is to have none. */
  readonly bits: BitPages | undefined;
  readonly #space: Space;
  readonly #store: PageStore;
  readonly #book: PlaceBook;
  readonly #residence: PageResidence;
  readonly #reader: VectorReader;
  readonly #writer: SlotWriter;
  readonly #places: PlaceGiver;
  readonly #placeCache: PlaceCache;
  #plan: SpacePlan | undefined;

  /** Reads nothing. Counters of a space that is not new come through `importCounters`. */
  constructor(options: PagedSpaceOptions) {
    const { id, space, geometry, store } = options;
    this.id = id;
    this.geometry = geometry;
    this.#space = space;
    this.#store = store;
    const parts = makeSpaceParts(options);
    this.columns = parts.columns;
    this.checkpoint = parts.checkpoint;
    this.states = parts.states;
    this.bits = parts.bits;
    this.#book = parts.book;
    this.#residence = parts.residence;
    this.#reader = parts.reader;
    this.#writer = parts.writer;
    this.#places = parts.places;
    this.#placeCache = parts.placeCache;
  }

  beginPlan(): void {
    assert(this.#plan === undefined, 'one plan at a time');
    this.#plan = new SpacePlan();
    this.states.plan = this.#plan;
    this.#book.save();
  }

  /**
   * Reserves a slot for a vector whose chosen neighbours are `neighbours`, nearest first, and returns its
   * node. RESOURCE_EXHAUSTED when the space has no more node numbers.
   */
  place(neighbours: Uint32Array, policy: PlacePolicy = 'affinity'): number {
    assert(this.#plan !== undefined, 'a place is taken within a plan');
    return this.#places.take(neighbours, policy, this.#plan);
  }

  /** Writes code and original of a reserved node, which lives from now on. `vector` is copied. */
  put(node: number, record: number, vector: Float32Array): void {
    const page = this.#space.pageOf(node);
    const slot = this.#space.slotOf(node);
    const plan = this.#plan;
    assert(plan !== undefined, 'a vector is put within a plan');
    const states = this.states.change(page);
    assert(!states.isLive(slot), 'a node is put once');
    this.#residence.makeWritable(page, { isNew: plan.opened.has(page), planned: true });
    this.#writer.write(node, { record, vector }, plan);
    this.bits?.put(node, plan);
    states.setLive(slot);
    this.states.show(page);
    this.#book.count({ live: 1 });
  }

  /** A living node is deleted by the commit whose sequence is `sequence`. Touches no slice. */
  setGhost(node: number, sequence: number): void {
    const page = this.#space.pageOf(node);
    this.states.change(page).setGhost(this.#space.slotOf(node), sequence);
    this.states.show(page);
    this.#book.count({ live: -1, ghosts: 1 });
  }

  /** The slot of a ghost, to which no edge leads any more, can be given again. Touches no slice. */
  setFree(node: number): void {
    this.#places.load();
    const page = this.#space.pageOf(node);
    this.states.change(page).setFree(this.#space.slotOf(node));
    this.states.show(page);
    this.#book.count({ nodes: -1, ghosts: -1 });
    this.#book.noteFree(page, this.states.freeSlots(page));
  }

  /**
   * Gives the last pages up as long as they are empty, `most` at most; returns their numbers, whose states
   * entries the plan's commit deletes. The plan changes nothing else. May throw RESOURCE_EXHAUSTED.
   */
  dropLast(most: number, which: 'empty' | 'used too' = 'empty'): readonly number[] {
    const plan = this.#plan;
    assert(plan !== undefined, 'pages are dropped within a plan');
    const before = this.counters.pages;
    while (plan.dropped.length < most) {
      const page = this.counters.pages - 1;
      if (page < 0) break;
      const { used, ghosts } = this.states.read(page);
      const nodes = countBits(used);
      if (nodes > 0 && which === 'empty') break;
      this.checkpoint.protect(page);
      plan.dropped.push(page);
      const live = nodes - ghosts.size;
      this.#book.count({ pages: -1, nodes: -nodes, live: -live, ghosts: -ghosts.size });
    }
    this.bits?.dropFrom(this.counters.pages, before);
    this.#places.keepBelow(this.counters.pages);
    return plan.dropped;
  }

  /** See `setCeiling`; infinity when there is none, or when the space had to grow in spite of it. */
  get ceiling(): number {
    return this.#book.ceiling;
  }

  /** Until it is set to infinity, no place is given on pages from `ceiling` on. */
  setCeiling(ceiling: number): void {
    assert(this.#plan === undefined, 'a ceiling is set between plans');
    this.#book.ceiling = ceiling;
    this.#places.keepBelow(Math.min(ceiling, this.counters.pages));
  }

  /** Lets the next checkpoint write a page to other units, if it has slices that end beyond `unit`. */
  relocate(page: number, unit: number): boolean {
    const isBitsBeyond = this.bits?.relocate(page, unit) ?? false;
    const places = this.checkpoint.places(page);
    if (places === undefined || this.checkpoint.pages.isPinned(page)) return isBitsBeyond;
    const isBeyond = this.checkpoint.runs(places).some((run) => run.unit + run.count > unit);
    if (isBeyond) this.#residence.makeWritable(page, { isNew: false, planned: true });
    return isBeyond || isBitsBeyond;
  }

  /** The states entries that the plan's commit must write: page and value. Every reserved node was put. */
  changedStates(): [page: number, value: Uint8Array][] {
    const plan = this.#plan;
    assert(plan !== undefined, 'states change within a plan');
    return [...plan.changed()].map(([page, { states }]) => [
      page,
      encodeStates(states, this.geometry.slotsPerPage),
    ]);
  }

  /** The plan's states are in the tree. */
  commitPlan(): void {
    const plan = this.#plan;
    assert(plan !== undefined, 'a plan is under way');
    this.#endPlan();
    this.#forgetStates(plan);
    this.checkpoint.pages.commitPlan();
    this.columns.newOriginals?.commitPlan();
    this.bits?.commitPlan();
    if (plan.dropped.length === 0) return;
    for (const page of plan.dropped) this.checkpoint.drop(page);
    this.checkpoint.recount();
  }

  /** Nothing of the plan happened. Never fails. */
  rollbackPlan(): void {
    const plan = this.#plan;
    assert(plan !== undefined, 'a plan is under way');
    this.#endPlan();
    this.#forgetStates(plan);
    plan.restore(this.#store.kernels.memory);
    this.states.rollback(plan);
    this.checkpoint.pages.rollbackPlan((page) => {
      if (plan.opened.has(page)) this.#residence.drop(page);
      else this.checkpoint.unpin(page);
    });
    this.columns.newOriginals?.rollbackPlan();
    this.checkpoint.recount();
    this.bits?.rollbackPlan();
    this.#book.restore();
  }

  /**
   * Recovery: `put` of a commit that the log still has. The states in the tree and the counters are those
   * after the whole log already, so that a place may be free by now, or its page given up.
   */
  replay(node: number, record: number, vector: Float32Array): void {
    const page = this.#space.pageOf(node);
    assert(this.#plan === undefined, 'recovery makes no plans');
    this.#places.load();
    if (page >= this.counters.pages) return;
    if (!this.states.ofTree(page).isUsed(this.#space.slotOf(node))) return;
    const isNew = this.columns.codes.peek(page) === 0 && this.checkpoint.places(page) === undefined;
    this.#residence.makeWritable(page, { isNew, planned: false });
    this.#writer.write(node, { record, vector }, undefined);
    this.bits?.replay(node);
    this.#book.noteFree(page, this.states.freeSlots(page));
  }

  /** Brings the page's codes into memory, if they are not there. CORRUPTION when they are damaged. */
  loadCodes(page: number): void {
    this.#residence.codes(page);
  }

  /** Whether searches walk on 1-bit codes. */
  get hasBits(): boolean {
    return this.bits?.isReady ?? false;
  }

  /** As `loadCodes`, for a bit page. */
  loadBits(bitPage: number): void {
    assert(this.bits !== undefined, 'only a space with bits is asked for them');
    this.bits.load(bitPage);
  }

  /**
   * The address of the node's vector, f32[dimension], valid until the next allocation or the next few
   * calls. A read of one slot when the page is not in memory and memory is full.
   */
  original(node: number): number {
    return this.#reader.original(this.#space.pageOf(node), this.#space.slotOf(node));
  }

  /** The same of `count` nodes, `originalsAtOnce` at most: their entries (u32 node, u32 address) get the addresses. */
  originals(entries: number, count: number): void {
    this.#reader.originals(entries, count);
  }

  /** How many vectors, asked for one after the other, are valid together. */
  get originalsAtOnce(): number {
    return this.#reader.originalsAtOnce;
  }

  /** A copy of the node's vector. */
  readVector(node: number): Float32Array {
    const start = this.original(node) >>> 2;
    return this.#store.kernels.memory.f32.slice(start, start + this.geometry.dimension);
  }

  /** The record number of a used node. May read the page's codes; not after a walk on bits. */
  recordOf(node: number): number {
    const { u32 } = this.#store.kernels.memory;
    const bits = this.bits?.slotInMemory(node) ?? 0;
    if (bits !== 0) return u32[(bits + BIT_RECORD) >>> 2];
    return u32[(this.#codeSlot(node) + SLOT_RECORD) >>> 2];
  }

  /** Whether the node lives in the newest states. May read the tree, never the page file. */
  isLive(node: number): boolean {
    const page = this.#space.pageOf(node);
    if (page >= this.counters.pages) return false;
    const slot = this.#space.slotOf(node);
    const address = this.columns.codes.peek(page);
    if (address !== 0) return hasBit(this.states.liveMask(address), slot);
    return this.states.read(page).isLive(slot);
  }

  get counters(): PageCounters {
    return this.#book.counters;
  }

  /** The counters as bytes: to be stored in each commit that changes them. */
  exportCounters(): Uint8Array {
    return this.#book.encodeCounters();
  }

  /** Takes over what `exportCounters` gave; before anything else is done with the space. */
  importCounters(bytes: Uint8Array): void {
    this.#book.decodeCounters(bytes, this.#store.file.path);
    this.bits?.open();
  }

  /** As `importCounters`, after the space was filled from outside (`bulk-pages.ts`); it had no pages. */
  adopt(bytes: Uint8Array): void {
    assert(this.counters.pages === 0, 'only an empty space is filled from outside');
    this.#book.decodeCounters(bytes, this.#store.file.path);
    this.#places.reload();
    this.checkpoint.reload();
    this.bits?.open();
  }

  stats(): PagedSpaceStats {
    const { pages } = this.counters;
    const { codes, originals } = this.columns;
    const bitPages = this.bits?.checkpoint.placedEnd ?? 0;
    return {
      ...this.counters,
      fill: this.#book.fill,
      codeBytes: pages * codes.cellBytes,
      originalBytes: pages * (originals?.cellBytes ?? 0),
      codes: codes.stats(),
      originals: originals?.stats(),
      bitBytes: bitPages * (this.bits?.column.cellBytes ?? 0),
      bits: this.bits?.column.stats(),
    };
  }

  /** Gives all cells back, dirty ones too. The space must not be used any more. */
  release(): void {
    this.bits?.release();
    this.#store.unregister(this.checkpoint);
    this.checkpoint.release();
    this.columns.codes.release();
    this.columns.originals?.release();
    this.columns.newOriginals?.release();
    this.#placeCache.clear();
  }

  /** What the tree says of their states may be new. */
  #forgetStates(plan: SpacePlan): void {
    for (const [page] of plan.changed()) this.#forgetStatesOf(page);
    for (const page of plan.dropped) this.#forgetStatesOf(page);
  }

  #forgetStatesOf(page: number): void {
    this.#placeCache.forget(page);
    this.bits?.masks.forget(page);
  }

  #endPlan(): void {
    this.#plan = undefined;
    this.states.plan = undefined;
  }

  #codeSlot(node: number): number {
    return this.#reader.codeSlot(this.#space.pageOf(node), this.#space.slotOf(node));
  }
}
