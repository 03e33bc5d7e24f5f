/**
 * One column (codes, originals or bits) of the pages of one vector space, as far as it is in memory: a cell a
 * page, found by a directory of the space, read on demand and given up to the allocator's clock.
 *
 * A pinned cell is never given up: its page differs from what the tree says is on disk.
 * Addresses are valid until the next allocation by anyone, those of pinned cells until they are unpinned.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Directory } from '../kernels/directory.ts';
import type { KernelMemory, Kernels } from '../kernels/kernels.ts';
import { ENTRY_PINNED, ENTRY_REFERENCED } from '../kernels/layout.ts';
import { type CellKind, permanentKind } from '../kernels/size-class.ts';
import { UNIT_SIZE } from './geometry.ts';
import type { PageFile } from './page-file.ts';
import type { Place } from './page-map.ts';

export interface ColumnStats {
  /** Slices found in memory, and not. */
  readonly hits: number;
  readonly misses: number;
  /** Reads from the page file, whole slices and single slots, and their bytes. */
  readonly reads: number;
  readonly bytesRead: number;
}

/** `bits` is indexed by bit page. */
export type ColumnName = 'codes' | 'originals' | 'bits';

export interface PageColumnOptions {
  readonly name: ColumnName;
  readonly cellBytes: number;
  readonly directory: Directory;
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  readonly file: PageFile;
}

export class PageColumn {
  readonly name: ColumnName;
  /** Of a cell and of a slice on disk. */
  readonly cellBytes: number;
  readonly #directory: Directory;
  readonly #memory: KernelMemory;
  readonly #kernels: Kernels;
  readonly #allocator: CellAllocator;
  readonly #file: PageFile;
  /**
   * Originals come into memory that is free, and go before anything that walks read: a cell of them is long, and
   * spares one read of one vector. A use does not keep them.
   */
  readonly #isLast: boolean;
  readonly #kind: CellKind;
  readonly #copyKind: CellKind;
  #hits = 0;
  #misses = 0;
  #reads = 0;
  #bytesRead = 0;

  constructor(options: PageColumnOptions) {
    this.name = options.name;
    this.cellBytes = options.cellBytes;
    this.#directory = options.directory;
    this.#memory = options.kernels.memory;
    this.#kernels = options.kernels;
    this.#allocator = options.allocator;
    this.#file = options.file;
    const { directory, cellBytes } = options;
    const tryEvict = (page: number): boolean => directory.tryEvict(page);
    this.#isLast = options.name === 'originals';
    this.#kind = { name: options.name, cellBytes, tryEvict };
    this.#copyKind = permanentKind('frozen pages', cellBytes, true);
  }

  /** The address of the page's cell, or 0. Counts as a hit or a miss, and mostly as a use. */
  find(page: number): number {
    const address = this.#isLast ? this.peek(page) : this.#directory.cell(page);
    if (address === 0) this.#misses++;
    else this.#hits++;
    return address;
  }

  /** The same without counting anything. */
  peek(page: number): number {
    const entry = this.#directory.entry(page);
    return entry - (entry & 15);
  }

  /**
   * Reads the slice, which is not in memory, into a cell. `prepare` completes it: as soon as it is in the
   * directory, other threads read it.
   */
  load(page: number, place: Place, prepare?: (address: number) => void): number {
    assert(this.peek(page) === 0, 'a slice is loaded once');
    const address = this.#allocator.allocate(this.#kind, page);
    try {
      this.#read(place, address);
      this.countRead(this.cellBytes);
      prepare?.(address);
      this.#directory.setEntry(page, this.#isLast ? address : address | ENTRY_REFERENCED);
    } catch (error) {
      this.#allocator.free(this.#kind, address);
      throw error;
    }
    return address;
  }

  /** As `readSlice` of the file; what is in the module's memory is verified there. */
  #read(place: Place, address: number): void {
    const { checksum } = this.#kernels.exports;
    this.#file.readAt(place.unit * UNIT_SIZE, this.bytes(address));
    this.#file.verify(place, checksum(address, this.cellBytes, place.unit) >>> 0);
  }

  /** A pinned cell of zeros for a page that has no slice. */
  create(page: number): number {
    assert(this.peek(page) === 0, 'a new page is not in memory');
    const address = this.#allocator.allocate(this.#kind, page);
    this.bytes(address).fill(0);
    try {
      this.#directory.setEntry(page, address | ENTRY_PINNED);
    } catch (error) {
      this.#allocator.free(this.#kind, address);
      throw error;
    }
    return address;
  }

  /** Frees the cell of a page that ceased to be. */
  drop(page: number): void {
    const address = this.peek(page);
    if (address === 0) return;
    this.#directory.setEntry(page, 0);
    this.#allocator.free(this.#kind, address);
  }

  pin(page: number): void {
    this.#directory.setPinned(page, true);
  }

  unpin(page: number): void {
    this.#directory.setPinned(page, false);
  }

  /** A copy of the pinned cell of `page`, outside the directory; freed by `freeCopy`. */
  copy(page: number): number {
    const address = this.#allocator.allocate(this.#copyKind, page);
    const source = this.peek(page);
    assert(source !== 0, 'a copied page is in memory');
    this.#memory.u8.copyWithin(address, source, source + this.cellBytes);
    return address;
  }

  freeCopy(address: number): void {
    this.#allocator.free(this.#copyKind, address);
  }

  /** Whether `load` takes no cell from anybody, and others need not take this one soon. */
  hasRoom(page: number): boolean {
    if (!this.#allocator.hasPlenty) return false;
    return this.#allocator.hasFree(this.#kind, this.#directory.sparesFor(page));
  }

  /** The cell, or the copy, at `address`. */
  bytes(address: number): Uint8Array {
    return this.#memory.u8.subarray(address, address + this.cellBytes);
  }

  /** Counts a read of one slot, made by the caller. */
  countRead(bytes: number): void {
    this.#reads++;
    this.#bytesRead += bytes;
  }

  /** Frees every cell, and the directory. */
  release(): void {
    this.#directory.release((_, address) => this.#allocator.free(this.#kind, address));
  }

  stats(): ColumnStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      reads: this.#reads,
      bytesRead: this.#bytesRead,
    };
  }
}
