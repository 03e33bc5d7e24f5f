/**
 * Where the slices of pages are, as numbers in the module's memory: a walk with little memory reads hundreds
 * of pages, and each would cost two look-ups in the tree `pages`, whose blocks take more memory than this.
 *
 * A cell for each run of pages, evicted like all others. Holds what the tree says, or nothing: who changes
 * the tree forgets here. Beside the places it is noted whether all slots of a page are known to live.
 */
import { isDatabaseError } from '../errors.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import type { CellKind } from '../kernels/size-class.ts';
import type { Place, Places } from './page-map.ts';

/** Of a run; a page has codes unit, codes checksum, originals unit, originals checksum. */
const PAGE_SHIFT = 6;
const PAGES = 1 << PAGE_SHIFT;
const WORDS = 4;

/**
 * A use keeps a cell for so many rounds of the clock. It is looked up only for pages that are not in memory, and as large
 * as an eighth of one page, but spares two look-ups in the tree for each of its 64.
 */
const ROUNDS = 8;

const NOT_KNOWN = 0xffffffff;
/** In the unit of codes: all slots of the page live. Units beyond it, of files of 8 TiB, are not kept. */
const WHOLE = 0x80000000;

export class PlaceCache {
  readonly #memory: KernelMemory;
  readonly #allocator: CellAllocator;
  readonly #kind: CellKind;
  /** Addresses of cells by run, 0: none; and how many times more the clock asks for each in vain. */
  #cells = new Uint32Array(16);
  #rounds = new Uint8Array(16);

  constructor(memory: KernelMemory, allocator: CellAllocator) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.#kind = {
      name: 'places',
      cellBytes: 4 * WORDS * PAGES,
      isPrivate: true,
      tryEvict: (run, address) => this.#tryEvict(run, address),
    };
  }

  codes(page: number): Place | undefined {
    const at = this.#find(page);
    if (at === 0) return undefined;
    const { u32 } = this.#memory;
    return { unit: (u32[at] & ~WHOLE) >>> 0, checksum: u32[at + 1] };
  }

  /** Undefined, too, for a page that has no originals. */
  originals(page: number): Place | undefined {
    const at = this.#find(page);
    const { u32 } = this.#memory;
    if (at === 0 || u32[at + 2] === NOT_KNOWN) return undefined;
    return { unit: u32[at + 2], checksum: u32[at + 3] };
  }

  /** Keeps what the tree says of a page; `mayEvict`: at the cost of cells of others. */
  keep(page: number, { codes, originals }: Places, mayEvict: boolean): void {
    if (codes === undefined || codes.unit >= WHOLE - 1 || originals?.unit === NOT_KNOWN) return;
    const at = this.#room(page, mayEvict);
    if (at === 0) return;
    const { u32 } = this.#memory;
    u32[at] = codes.unit;
    u32[at + 1] = codes.checksum;
    u32[at + 2] = originals?.unit ?? NOT_KNOWN;
    u32[at + 3] = originals?.checksum ?? 0;
  }

  /** Whether the tree says that all slots of the page live, as far as it was noted. */
  isWhole(page: number): boolean {
    const at = this.#find(page);
    return at !== 0 && (this.#memory.u32[at] & WHOLE) !== 0;
  }

  /** Notes that the tree says so; only of a page whose places are kept. */
  noteWhole(page: number): void {
    const at = this.#find(page);
    if (at !== 0) this.#memory.u32[at] |= WHOLE;
  }

  /** Places or states of the page are others from now on. */
  forget(page: number): void {
    const at = this.#find(page);
    if (at !== 0) this.#memory.u32[at] = NOT_KNOWN;
  }

  /** Gives all memory back; what is kept later begins anew. */
  clear(): void {
    for (const address of this.#cells) if (address !== 0) this.#allocator.free(this.#kind, address);
    this.#cells.fill(0);
  }

  /** The index of the page's words, or 0 when nothing is kept of it. */
  #find(page: number): number {
    const run = page >>> PAGE_SHIFT;
    if (run >= this.#cells.length || this.#cells[run] === 0) return 0;
    this.#rounds[run] = ROUNDS;
    const at = this.#wordOf(page);
    return this.#memory.u32[at] === NOT_KNOWN ? 0 : at;
  }

  #wordOf(page: number): number {
    return (this.#cells[page >>> PAGE_SHIFT] >>> 2) + WORDS * (page & (PAGES - 1));
  }

  #room(page: number, mayEvict: boolean): number {
    const run = page >>> PAGE_SHIFT;
    if (run >= this.#cells.length) this.#grow(run);
    if (this.#cells[run] === 0) {
      const address = mayEvict || this.#allocator.hasFree(this.#kind) ? this.#allocate(run) : 0;
      if (address === 0) return 0;
      this.#memory.u32.fill(NOT_KNOWN, address >>> 2, (address + this.#kind.cellBytes) >>> 2);
      this.#cells[run] = address;
      this.#rounds[run] = ROUNDS;
    }
    return this.#wordOf(page);
  }

  /** 0 when nothing can go: the caller does without. */
  #allocate(run: number): number {
    try {
      return this.#allocator.allocate(this.#kind, run);
    } catch (error) {
      if (!isDatabaseError(error) || error.code !== 'RESOURCE_EXHAUSTED') throw error;
      return 0;
    }
  }

  #grow(run: number): void {
    const size = 2 ** (32 - Math.clz32(run));
    const cells = new Uint32Array(size);
    const rounds = new Uint8Array(size);
    cells.set(this.#cells);
    rounds.set(this.#rounds);
    this.#cells = cells;
    this.#rounds = rounds;
  }

  #tryEvict(run: number, address: number): boolean {
    if (this.#cells[run] !== address) return false;
    if (this.#rounds[run] !== 0) {
      this.#rounds[run]--;
      return false;
    }
    this.#cells[run] = 0;
    return true;
  }
}
