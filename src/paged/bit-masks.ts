/**
 * Which slots of bit pages live: the mask at the head of each bit cell. Invariant: the mask of a cell in memory equals
 * the slot states of its pages, the plan's, else the tree's.
 */
import type { BitGeometry } from './bit-geometry.ts';
import type { Geometry } from './geometry.ts';
import type { PageColumn } from './page-column.ts';
import type { PageStates } from './page-states.ts';
import type { PageStore } from './page-store.ts';
import type { PlaceBook } from './place-book.ts';
import { countBits } from './slot-states.ts';

export interface BitMasksOptions {
  readonly geometry: Geometry;
  readonly bits: BitGeometry;
  readonly column: PageColumn;
  readonly store: PageStore;
  readonly book: PlaceBook;
  readonly states: PageStates;
}

export class BitMasks {
  readonly #options: BitMasksOptions;
  /** 1 for each bit page all of whose slots are known to live by the tree: else each load asks for all its pages. */
  #isWhole = new Uint8Array(0);

  constructor(options: BitMasksOptions) {
    this.#options = options;
  }

  /** The numbers of the pages of `bitPage`. */
  pagesOf(bitPage: number): { readonly first: number; readonly end: number } {
    const { bits, book } = this.#options;
    const first = bitPage * bits.pagesPerBitPage;
    const end = Math.min(first + bits.pagesPerBitPage, book.counters.pages);
    return { first, end };
  }

  /** The states of `page` show in the mask of its bit cell, if that is in memory. */
  show(page: number, live: Uint32Array): void {
    const { bits, column, geometry } = this.#options;
    const address = column.peek(Math.floor(page / bits.pagesPerBitPage));
    if (address === 0) return;
    const first = (page % bits.pagesPerBitPage) * geometry.slotsPerPage;
    copyBits(live, geometry.slotsPerPage, this.of(address), first);
  }

  /** Writes the mask of the cell at `address`, which is that of `bitPage`. May read the tree. */
  fill(bitPage: number, address: number): void {
    const mask = this.of(address);
    const { first, end } = this.pagesOf(bitPage);
    const { states, geometry } = this.#options;
    const slots = (end - first) * geometry.slotsPerPage;
    const isSettled = states.plan === undefined;
    if (isSettled && this.#isWhole[bitPage] === 1) {
      mask.fill(0);
      for (let slot = 0; slot < slots; slot++) mask[slot >>> 5] |= 1 << (slot & 31);
      return;
    }
    mask.set(this.#read(bitPage));
    if (isSettled && countBits(mask) === slots) this.#noteWhole(bitPage);
  }

  /** What the tree says of the states of `page` may be new. */
  forget(page: number): void {
    const bitPage = Math.floor(page / this.#options.bits.pagesPerBitPage);
    if (bitPage < this.#isWhole.length) this.#isWhole[bitPage] = 0;
  }

  /** The same of all pages. */
  forgetAll(): void {
    this.#isWhole = new Uint8Array(0);
  }

  /** The mask of the cell at `address`: a view, valid as long as the cell. */
  of(address: number): Uint32Array {
    const { u32 } = this.#options.store.kernels.memory;
    return u32.subarray(address >>> 2, (address >>> 2) + this.#options.bits.maskWords);
  }

  /** Whether the mask of the cell at `address` is what the slot states say. */
  isRight(bitPage: number, address: number): boolean {
    const mask = this.of(address);
    return this.#read(bitPage).every((word, i) => word === mask[i]);
  }

  #noteWhole(bitPage: number): void {
    if (bitPage >= this.#isWhole.length) {
      const isWhole = new Uint8Array(Math.max(64, 2 * bitPage));
      isWhole.set(this.#isWhole);
      this.#isWhole = isWhole;
    }
    this.#isWhole[bitPage] = 1;
  }

  #read(bitPage: number): Uint32Array {
    const { states, geometry, bits } = this.#options;
    const { first, end } = this.pagesOf(bitPage);
    const mask = new Uint32Array(bits.maskWords);
    for (let page = first; page < end; page++) {
      const { live } = states.read(page);
      copyBits(live, geometry.slotsPerPage, mask, (page - first) * geometry.slotsPerPage);
    }
    return mask;
  }
}

/** Writes the first `count` bits of `source` to `target`, from bit `first` on. */
function copyBits(source: Uint32Array, count: number, target: Uint32Array, first: number): void {
  for (let i = 0; i < count; i++) {
    const bit = (source[i >>> 5] >>> (i & 31)) & 1;
    const at = first + i;
    target[at >>> 5] = (target[at >>> 5] & ~(1 << (at & 31))) | (bit << (at & 31));
  }
}
