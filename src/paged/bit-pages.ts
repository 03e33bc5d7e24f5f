/**
 * The column of 1-bit codes of one space, in bit pages of its own (`bit-geometry.ts`). It begins with the
 * training, which fixes the centroid; until then there is none, and searches walk on SQ8.
 *
 * Bits are a function of the SQ8 slot and the centroid, so they can always be made again. Invariant: since
 * the training every bit page has a place on disk or is pinned (dirty or frozen). Who lives is shown beside the
 * bits (`bit-masks.ts`).
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';
import { BIT_RECORD, SLOT_RECORD } from '../kernels/layout.ts';
import type { Space } from '../kernels/space.ts';
import { BitCentroid } from './bit-centroid.ts';
import { BitCheckpoint } from './bit-checkpoint.ts';
import type { BitGeometry } from './bit-geometry.ts';
import { BitMasks } from './bit-masks.ts';
import type { Geometry } from './geometry.ts';
import { MeanVector } from './mean-vector.ts';
import type { PageColumn } from './page-column.ts';
import { BITS_CENTROID } from './page-map.ts';
import type { PageResidence } from './page-residence.ts';
import type { PageStates } from './page-states.ts';
import type { PageStore } from './page-store.ts';
import type { PlaceBook } from './place-book.ts';
import type { SpacePlan } from './space-plan.ts';
import type { VectorReader } from './vector-reader.ts';

/** More vectors hardly move their mean. */
const SAMPLE_MAX = 2048;

export interface BitPagesOptions {
  readonly spaceId: number;
  readonly space: Space;
  readonly geometry: Geometry;
  readonly bits: BitGeometry;
  readonly column: PageColumn;
  readonly store: PageStore;
  readonly book: PlaceBook;
  readonly states: PageStates;
  readonly residence: PageResidence;
  readonly reader: VectorReader;
}

export class BitPages {
  readonly geometry: BitGeometry;
  readonly column: PageColumn;
  readonly checkpoint: BitCheckpoint;
  readonly masks: BitMasks;
  readonly #options: BitPagesOptions;
  readonly #centroid: BitCentroid;
  /** The plan under way trains, or a bulk load does. */
  #isTraining = false;
  /** Opened, and dropped, by the plan under way. */
  readonly #opened = new Set<number>();
  #dropped: number[] = [];

  constructor(options: BitPagesOptions) {
    const { spaceId, space, geometry, bits, column, store, book } = options;
    this.geometry = bits;
    this.column = column;
    this.#options = options;
    this.masks = new BitMasks(options);
    this.#centroid = new BitCentroid(store, space, geometry.dimension);
    this.checkpoint = new BitCheckpoint({
      spaceId,
      column,
      maskBytes: 4 * bits.maskWords,
      map: store.map,
      file: store.file.path,
      countPages: () => (this.isReady ? this.#pagesFor(book.counters.pages) : 0),
      countPinned: (bytes) => store.countPinned(bytes),
    });
    store.ring.fit(4 * bits.count);
    store.register(this.checkpoint);
  }

  /** Whether searches can walk on bits: a committed training was there. */
  get isReady(): boolean {
    return this.#centroid.isSet && !this.#isTraining;
  }

  /** The space has counters: it is not new. Reads the centroid, if there is one. */
  open(): void {
    const { spaceId, store } = this.#options;
    this.checkpoint.reload();
    this.masks.forgetAll();
    this.endBulk();
    this.#centroid.read(spaceId, store.map, store.file.path);
  }

  /** A bulk load fills the space from outside: the centroid for `encodeCode`, until `endBulk` or `open`. */
  beginBulk(centroid: Float32Array): void {
    this.#isTraining = true;
    this.#centroid.set(centroid);
  }

  /** The slot for the node whose code slot, with its record number, is at `code`. Borrowed for a moment. */
  encodeCode(code: number): Uint8Array {
    const { kernels, ring } = this.#options.store;
    const { stride } = this.geometry;
    const slot = ring.next(stride);
    this.#encodeAt(code, slot);
    return kernels.memory.u8.subarray(slot, slot + stride);
  }

  endBulk(): void {
    this.#isTraining = false;
    this.#centroid.clear();
  }

  /** The address of the bit cell, masks filled; reads it if need be. CORRUPTION when it is damaged. */
  load(bitPage: number): number {
    const found = this.column.find(bitPage);
    if (found !== 0) return found;
    const place = this.checkpoint.place(bitPage);
    if (place === undefined) {
      const { spaceId, store } = this.#options;
      const what = `bit page ${bitPage} of space ${spaceId} has no place in the page file`;
      throw new CorruptionError(what, { file: store.file.path, offset: 0 });
    }
    return this.column.load(bitPage, place, (address) => this.masks.fill(bitPage, address));
  }

  /** The address of a node's bits, its record number first; 0 when they are not in memory. */
  slotInMemory(node: number): number {
    const address = this.column.peek(this.#bitPageOf(node));
    return address === 0 ? 0 : this.#slotOf(address, node);
  }

  /** Writes the bits of a node whose code slot was just written, if there are bits yet. */
  put(node: number, plan: SpacePlan): void {
    if (!this.#centroid.isSet) return;
    assert(!this.#isTraining, 'a plan trains after its last vector');
    const bitPage = this.#bitPageOf(node);
    this.#makeWritable(bitPage, plan);
    const slot = this.#slotOf(this.column.peek(bitPage), node);
    plan.save(this.#options.store.kernels.memory, slot, this.geometry.stride);
    this.#encode(node, slot);
  }

  /** Recovery: the same. Bit pages that no checkpoint has written are made by `finishReplay`. */
  replay(node: number): void {
    const bitPage = this.#bitPageOf(node);
    if (!this.#centroid.isSet || bitPage >= this.checkpoint.placedEnd) return;
    this.#makeWritable(bitPage, undefined);
    this.#encode(node, this.#slotOf(this.column.peek(bitPage), node));
  }

  /** Recovery: makes what no checkpoint has written, out of the codes. */
  finishReplay(): void {
    if (!this.isReady) return;
    const end = this.#pagesFor(this.#options.book.counters.pages);
    for (let bitPage = this.checkpoint.placedEnd; bitPage < end; bitPage++) {
      this.#derive(bitPage, false);
    }
  }

  /**
   * In a plan that puts nothing more: fixes the centroid, the mean of the first vectors as their codes have
   * them, and makes the bits of all nodes, a page between two steps. Searches walk on them from the commit on.
   */
  *train(): Iterable<void> {
    assert(!this.#centroid.isSet, 'a space is trained once');
    const { book, geometry, reader, store } = this.#options;
    const mean = new MeanVector(geometry.dimension);
    const end = this.#pagesFor(book.counters.pages);
    for (let bitPage = 0; bitPage < end && mean.count < SAMPLE_MAX; bitPage++) {
      for (const node of this.#usedNodes(bitPage)) {
        const page = Math.floor(node / geometry.slotsPerPage);
        const vector = reader.decode(reader.codeSlot(page, node % geometry.slotsPerPage)) >>> 2;
        mean.add(store.kernels.memory.f32.subarray(vector, vector + geometry.dimension));
      }
      yield;
    }
    this.#isTraining = true;
    this.#centroid.set(mean.value());
    for (let bitPage = 0; bitPage < end; bitPage++) {
      this.#derive(bitPage, true);
      yield;
    }
  }

  /** What the commit of a plan that trains writes to the tree `pages`. */
  get trainedEntry(): { readonly hi: number; readonly lo: number; readonly value: Uint8Array } {
    assert(this.#isTraining, 'there is an entry after a training');
    return { hi: this.checkpoint.id, lo: BITS_CENTROID, value: this.#centroid.encode() };
  }

  /** In a plan: the space is about to have `pages` pages only. May throw RESOURCE_EXHAUSTED. */
  dropFrom(pages: number, pagesBefore: number): void {
    if (!this.isReady) return;
    for (let i = this.#pagesFor(pagesBefore) - 1; i >= this.#pagesFor(pages); i--) {
      this.checkpoint.protect(i);
      this.#dropped.push(i);
    }
  }

  /** Lets the next checkpoint write a bit page to other units, if its slice ends beyond `unit`. */
  relocate(page: number, unit: number): boolean {
    const { pagesPerBitPage, sliceBytes } = this.geometry;
    if (!this.isReady || page % pagesPerBitPage !== 0) return false;
    const bitPage = page / pagesPerBitPage;
    const place = this.checkpoint.place(bitPage);
    if (place === undefined || this.checkpoint.pages.isPinned(bitPage)) return false;
    const isBeyond = place.unit + this.#options.store.unitsIn(sliceBytes) > unit;
    if (isBeyond) this.#pin(bitPage, true);
    return isBeyond;
  }

  commitPlan(): void {
    this.#isTraining = false;
    this.#opened.clear();
    this.checkpoint.pages.commitPlan();
    for (const bitPage of this.#dropped) this.checkpoint.drop(bitPage);
    this.#dropped = [];
    this.checkpoint.recount();
  }

  /** After the bytes of slots were put back, and with the masks as `show` says afterwards. */
  rollbackPlan(): void {
    this.checkpoint.pages.rollbackPlan((bitPage) => {
      if (this.#opened.has(bitPage)) this.column.drop(bitPage);
      else this.column.unpin(bitPage);
    });
    if (this.#isTraining) this.#centroid.clear();
    this.#isTraining = false;
    this.#opened.clear();
    this.#dropped = [];
    this.checkpoint.recount();
  }

  /**
   * The first used slot of a bit page, counted from its start, whose bits in `bytes` (a cell or a slice) are
   * not those of its code; -1 when all are right. For checks.
   */
  firstWrong(bitPage: number, bytes: Uint8Array): number {
    const { kernels, ring } = this.#options.store;
    const { slotsPerPage, slotsOffset, stride } = this.geometry;
    for (const node of this.#usedNodes(bitPage)) {
      const start = slotsOffset + (node - bitPage * slotsPerPage) * stride;
      const expected = ring.next(stride);
      this.#encode(node, expected);
      const right = kernels.memory.u8.subarray(expected, expected + stride);
      if (Buffer.compare(right, bytes.subarray(start, start + stride)) !== 0) {
        return node - bitPage * slotsPerPage;
      }
    }
    return -1;
  }

  release(): void {
    this.#options.store.unregister(this.checkpoint);
    this.checkpoint.release();
    this.column.release();
    this.#centroid.clear();
  }

  #pagesFor(pages: number): number {
    return Math.ceil(pages / this.geometry.pagesPerBitPage);
  }

  #bitPageOf(node: number): number {
    return Math.floor(node / this.geometry.slotsPerPage);
  }

  #slotOf(cell: number, node: number): number {
    const { slotsOffset, slotsPerPage, stride } = this.geometry;
    return cell + slotsOffset + (node % slotsPerPage) * stride;
  }

  *#usedNodes(bitPage: number): Generator<number> {
    const { states, geometry } = this.#options;
    const { slotsPerPage } = geometry;
    const { first, end } = this.masks.pagesOf(bitPage);
    for (let page = first; page < end; page++) {
      const read = states.read(page);
      for (let slot = 0; slot < slotsPerPage; slot++) {
        if (read.isUsed(slot)) yield page * slotsPerPage + slot;
      }
    }
  }

  /** Makes a bit page that is nowhere, dirty. */
  #derive(bitPage: number, planned: boolean): void {
    const address = this.column.create(bitPage);
    try {
      for (const node of this.#usedNodes(bitPage)) this.#encode(node, this.#slotOf(address, node));
      this.masks.fill(bitPage, address);
    } catch (error) {
      this.column.drop(bitPage);
      throw error;
    }
    if (planned) this.#opened.add(bitPage);
    this.checkpoint.pages.add(bitPage, planned);
    this.checkpoint.recount();
  }

  /** Reads the code of `node`, whose page it may load; `slot` is pinned, or of the ring. */
  #encode(node: number, slot: number): void {
    const { reader, geometry } = this.#options;
    const page = Math.floor(node / geometry.slotsPerPage);
    this.#encodeAt(reader.codeSlot(page, node % geometry.slotsPerPage), slot);
  }

  #encodeAt(code: number, slot: number): void {
    const { store, reader, space } = this.#options;
    const { kernels, ring } = store;
    const { u32 } = kernels.memory;
    u32[(slot + BIT_RECORD) >>> 2] = u32[(code + SLOT_RECORD) >>> 2];
    const vector = reader.decode(code);
    const work = ring.next(4 * this.geometry.count);
    kernels.exports.encodeBits(space.address, vector, slot, work);
  }

  /** In memory, pinned and dirty; a frozen one that has still to be written is copied. */
  #makeWritable(bitPage: number, plan: SpacePlan | undefined): void {
    const { pages } = this.checkpoint;
    if (pages.has(bitPage)) return;
    if (pages.isPinned(bitPage)) {
      this.checkpoint.protect(bitPage);
      pages.add(bitPage, plan !== undefined);
      this.checkpoint.recount();
    } else if (plan?.opened.has(bitPage * this.geometry.pagesPerBitPage)) {
      this.#derive(bitPage, true);
    } else {
      this.#pin(bitPage, plan !== undefined);
    }
  }

  #pin(bitPage: number, planned: boolean): void {
    if (this.column.peek(bitPage) === 0) this.load(bitPage);
    this.column.pin(bitPage);
    this.checkpoint.pages.add(bitPage, planned);
    this.checkpoint.recount();
  }
}
