/**
 * The pages of a space that has none, all at once: full ones, written front to back, codes first and then
 * originals, to fresh units. Like a checkpoint it changes nothing that a version names: the entries go into
 * the tree `pages` with whatever commit they belong to, then `installed` is called, or else `failed`.
 *
 * Requires that no checkpoint runs from the first slice to `installed` or `failed`.
 */
import { assert } from '../base/assert.ts';
import type { BitGeometry } from './bit-geometry.ts';
import type { UnitRun } from './free-units.ts';
import { type Geometry, UNIT_SIZE } from './geometry.ts';
import { OpenPages } from './open-pages.ts';
import {
  BITS_CENTROID,
  BITS_END,
  bitsHi,
  encodeEnd,
  encodePlace,
  encodePlaces,
  OPEN_PAGES,
  type Place,
  pageKey,
} from './page-map.ts';
import type { PageStore } from './page-store.ts';
import { PlaceBook } from './place-book.ts';
import { SliceWriter } from './slice-writer.ts';
import { encodeStates, SlotStates } from './slot-states.ts';

export interface BulkPagesOptions {
  readonly store: PageStore;
  /** The vector space. */
  readonly id: number;
  /** Of the tree `pages`. */
  readonly tree: number;
  readonly geometry: Geometry;
  /** Living nodes: they take places 0 to `nodes` - 1. */
  readonly nodes: number;
  /** Write 1-bit codes, too. */
  readonly bits?: BulkBits | undefined;
}

/** 1-bit codes of a bulk load. */
export interface BulkBits {
  readonly geometry: BitGeometry;
  readonly centroid: Float32Array;
}

export class BulkPages {
  readonly pages: number;
  readonly #options: BulkPagesOptions;
  readonly #writer: SliceWriter;
  readonly #slice: Uint8Array;
  readonly #view: DataView;
  readonly #codes: Place[] = [];
  readonly #originals: Place[] = [];
  readonly #bits: Place[] = [];
  readonly #bitSlice: Uint8Array;
  #bitSlots = 0;
  readonly #fresh: UnitRun[] = [];

  constructor(options: BulkPagesOptions) {
    const { geometry, nodes, store } = options;
    this.#options = options;
    this.pages = Math.ceil(nodes / geometry.slotsPerPage);
    this.#writer = new SliceWriter(store.file);
    const { codeSliceBytes, originalSliceBytes } = geometry;
    this.#slice = new Uint8Array(Math.max(codeSliceBytes, originalSliceBytes));
    this.#bitSlice = new Uint8Array(options.bits?.geometry.sliceBytes ?? 0);
    this.#view = new DataView(this.#slice.buffer);
  }

  /** Writes the next page's codes: the bytes of its slots, as many as it has nodes. Copied. */
  addCodes(slots: Uint8Array): void {
    const { geometry } = this.#options;
    assert(
      slots.length === this.#nodesOn(this.#codes.length) * geometry.codeStride,
      'a whole page',
    );
    const slice = this.#slice.subarray(0, geometry.codeSliceBytes).fill(0);
    slice.set(slots, geometry.codeSlotsOffset);
    this.#codes.push(this.#write(slice));
  }

  /** Writes the next page's originals: `read` copies the vector of a node to `target`. */
  addOriginals(read: (node: number, target: Float32Array) => void): void {
    const { geometry, store } = this.#options;
    const { dimension, originalStride, slotsPerPage, originalSliceBytes } = geometry;
    const slice = this.#slice.subarray(0, originalSliceBytes).fill(0);
    const page = this.#originals.length;
    for (let slot = 0; slot < this.#nodesOn(page); slot++) {
      const start = slot * originalStride;
      const node = page * slotsPerPage + slot;
      read(node, new Float32Array(slice.buffer, start, dimension));
      const checksum = store.hasher.hash32(slice.subarray(start, start + 4 * dimension), node);
      this.#view.setUint32(start + 4 * dimension, checksum, true);
    }
    this.#originals.push(this.#write(slice));
  }

  get bitPages(): number {
    const { bits } = this.#options;
    return bits === undefined ? 0 : Math.ceil(this.pages / bits.geometry.pagesPerBitPage);
  }

  get hasBits(): boolean {
    return this.#options.bits !== undefined;
  }

  /** Adds the bits of the next node, a slot of a bit page; a page is written with its last one. Copied. */
  addBits(slot: Uint8Array): void {
    const { bits, nodes } = this.#options;
    assert(bits !== undefined, 'bits are written where there are some');
    const { slotsPerPage, slotsOffset, stride } = bits.geometry;
    const at = this.#bitSlots % slotsPerPage;
    if (at === 0) this.#bitSlice.fill(0);
    this.#bitSlice.set(slot, slotsOffset + at * stride);
    this.#bitSlots++;
    const isLast = this.#bitSlots === nodes || this.#bitSlots % slotsPerPage === 0;
    if (isLast) this.#bits.push(this.#write(this.#bitSlice));
  }

  /** Resolves when the pages are on the device. */
  async synced(): Promise<void> {
    assert(this.#codes.length === this.pages, 'every page was written');
    assert(this.#bits.length === this.bitPages, 'every bit page was written');
    this.#writer.flush();
    await this.#options.store.file.datasync();
  }

  /** What `PagedSpace.importCounters` takes. */
  counters(): Uint8Array {
    const book = new PlaceBook(this.#options.geometry.slotsPerPage);
    const { nodes } = this.#options;
    book.count({ pages: this.pages, nodes, live: nodes });
    return book.encodeCounters();
  }

  /** The entries for the tree `pages`, sorted. Values are borrowed until the next one. */
  *entries(): Generator<{ readonly hi: number; readonly lo: number; readonly value: Uint8Array }> {
    const { id: hi, geometry, nodes, store, tree } = this.#options;
    for (let page = 0; page < this.pages; page++) {
      const places = { codes: this.#codes[page], originals: this.#originals.at(page) };
      yield { hi, lo: pageKey(page, 'places'), value: encodePlaces(places) };
      yield { hi, lo: pageKey(page, 'states'), value: this.#states(page) };
    }
    yield { hi, lo: pageKey(OPEN_PAGES, 'places'), value: encodeEnd(this.pages) };
    const open = new OpenPages();
    open.note(this.pages - 1, this.pages * geometry.slotsPerPage - nodes);
    yield { hi, lo: pageKey(OPEN_PAGES, 'states'), value: open.encode() };
    yield* this.#bitEntries();
    for (const { hi: key, lo, value } of store.units.entries(tree)) {
      assert(value !== undefined, 'entries of free units are never deleted');
      yield { hi: key, lo, value };
    }
  }

  *#bitEntries(): Generator<{
    readonly hi: number;
    readonly lo: number;
    readonly value: Uint8Array;
  }> {
    const { bits, id } = this.#options;
    if (bits === undefined) return;
    const hi = bitsHi(id);
    for (let lo = 0; lo < this.#bits.length; lo++) {
      yield { hi, lo, value: encodePlace(this.#bits[lo]) };
    }
    const { buffer, byteOffset, byteLength } = bits.centroid;
    yield { hi, lo: BITS_CENTROID, value: new Uint8Array(buffer, byteOffset, byteLength) };
    yield { hi, lo: BITS_END, value: encodeEnd(this.#bits.length) };
  }

  /** The entries are in the tree. */
  installed(): void {
    this.#options.store.units.installed();
  }

  /** The entries will never be in the tree: the units are free again. */
  failed(): void {
    const { units } = this.#options.store;
    this.#writer.discard();
    units.failed();
    for (const run of this.#fresh) units.release(run);
  }

  #states(page: number): Uint8Array {
    const { geometry } = this.#options;
    const states = new SlotStates(geometry.maskWords);
    for (let slot = 0; slot < this.#nodesOn(page); slot++) {
      states.reserve(slot);
      states.setLive(slot);
    }
    return encodeStates(states, geometry.slotsPerPage);
  }

  #nodesOn(page: number): number {
    const { geometry, nodes } = this.#options;
    return Math.min(geometry.slotsPerPage, nodes - page * geometry.slotsPerPage);
  }

  #write(slice: Uint8Array): Place {
    const count = slice.length / UNIT_SIZE;
    const unit = this.#options.store.units.allocate(count);
    this.#fresh.push({ unit, count });
    return this.#writer.add(unit, slice, 0);
  }
}
