/**
 * A table indexed by page whose pieces come with their first use (`layout.ts`): page → entry, the
 * address of a cell with its flags. A piece that has only empty entries may be taken back.
 *
 * While a directory names fewer pages than one chunk, its only chunk is shorter: ten thousand small
 * spaces must not cost 4 KB for each of their directories.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from './cell-allocator.ts';
import type { KernelMemory } from './kernels.ts';
import {
  DIRECTORY_CHUNK_ENTRIES,
  DIRECTORY_CHUNK_SHIFT,
  ENTRY_FLAGS,
  ENTRY_PINNED,
  ENTRY_REFERENCED,
} from './layout.ts';
import { type CellKind, permanentKind } from './size-class.ts';

const PAGES_AT_FIRST = 16;

/** For a longer root, a wider chunk and one more. */
const FRAMES_TO_GROW = 3;

export class Directory {
  readonly #memory: KernelMemory;
  readonly #allocator: CellAllocator;
  /** Indexes of the two fields of the space's descriptor, in words. */
  readonly #rootField: number;
  readonly #pagesField: number;
  #root = 0;
  #rootKind: CellKind | undefined;
  #chunkKind: CellKind;
  /** Of each chunk, how many entries are not 0. */
  #used = new Uint16Array(0);
  #pages = 0;

  /** The two fields, of a descriptor in `memory`, are kept up to date from now on. */
  constructor(
    memory: KernelMemory,
    allocator: CellAllocator,
    rootFieldAddress: number,
    pagesFieldAddress: number,
  ) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.#rootField = rootFieldAddress >>> 2;
    this.#pagesField = pagesFieldAddress >>> 2;
    this.#chunkKind = this.#kindOfChunks(PAGES_AT_FIRST);
    memory.u32[this.#rootField] = 0;
    memory.u32[this.#pagesField] = 0;
  }

  /** 0 when the cell of `page` is not in memory. */
  entry(page: number): number {
    const address = this.entryAddress(page);
    return address === 0 ? 0 : this.#memory.u32[address >>> 2];
  }

  /** The address of the cell of `page`, or 0. Counts as a use. */
  cell(page: number): number {
    const address = this.entryAddress(page);
    if (address === 0) return 0;
    const { u32 } = this.#memory;
    const entry = u32[address >>> 2];
    if (entry === 0) return 0;
    u32[address >>> 2] = (entry | ENTRY_REFERENCED) >>> 0;
    return (entry & ~ENTRY_FLAGS) >>> 0;
  }

  /** Where the entry stands, or 0 without a chunk. Valid until the next `setEntry` or `ensure`. */
  entryAddress(page: number): number {
    if (page >= this.#pages) return 0;
    const chunk = this.#memory.u32[(this.#root >>> 2) + (page >>> DIRECTORY_CHUNK_SHIFT)];
    return chunk === 0 ? 0 : chunk + 4 * (page & (DIRECTORY_CHUNK_ENTRIES - 1));
  }

  /** So many free frames let `setEntry` take no cells away. */
  sparesFor(page: number): number {
    return this.entryAddress(page) === 0 ? FRAMES_TO_GROW : 0;
  }

  /** May allocate, and so take other cells away, but never one whose entry is not set yet. */
  setEntry(page: number, entry: number): void {
    const index = (entry === 0 ? this.entryAddress(page) : this.ensure(page)) >>> 2;
    if (index === 0) return;
    const { u32 } = this.#memory;
    const before = u32[index];
    u32[index] = entry;
    if (before === 0 && entry !== 0) this.#used[page >>> DIRECTORY_CHUNK_SHIFT]++;
    if (before !== 0 && entry === 0) this.#used[page >>> DIRECTORY_CHUNK_SHIFT]--;
  }

  /** Sets or clears ENTRY_PINNED; the cell must be in memory. */
  setPinned(page: number, isPinned: boolean): void {
    const index = this.entryAddress(page) >>> 2;
    const { u32 } = this.#memory;
    assert(index !== 0 && u32[index] !== 0, 'only a cell in memory is pinned');
    u32[index] = isPinned ? u32[index] | ENTRY_PINNED : u32[index] & ~ENTRY_PINNED;
  }

  /** `CellKind.tryEvict` for the cell of `page`: forgets it unless pinned, used lately, or not entered yet. */
  tryEvict(page: number): boolean {
    const index = this.entryAddress(page) >>> 2;
    if (index === 0) return false;
    const { u32 } = this.#memory;
    const entry = u32[index];
    if (entry === 0 || (entry & ENTRY_PINNED) !== 0) return false;
    if ((entry & ENTRY_REFERENCED) !== 0) {
      u32[index] = (entry & ~ENTRY_REFERENCED) >>> 0;
      return false;
    }
    u32[index] = 0;
    this.#used[page >>> DIRECTORY_CHUNK_SHIFT]--;
    return true;
  }

  /** The address of the entry of `page`, made if need be. An empty chunk lasts only until the next allocation. */
  ensure(page: number): number {
    if (page >= this.#pages) this.#grow(page);
    const chunk = page >>> DIRECTORY_CHUNK_SHIFT;
    const { u32 } = this.#memory;
    if (u32[(this.#root >>> 2) + chunk] === 0) {
      const address = this.#allocator.allocate(this.#chunkKind, chunk);
      u32.fill(0, address >>> 2, (address + this.#chunkKind.cellBytes) >>> 2);
      u32[(this.#root >>> 2) + chunk] = address;
    }
    return this.entryAddress(page);
  }

  /** Gives everything back, after `freeCell` was called for each cell that is in memory. */
  release(freeCell: (page: number, address: number) => void): void {
    if (this.#rootKind === undefined) return;
    const { u32 } = this.#memory;
    for (let chunk = 0; chunk < this.#used.length; chunk++) {
      const address = u32[(this.#root >>> 2) + chunk];
      if (address === 0) continue;
      for (let i = 0; i < this.#chunkKind.cellBytes / 4; i++) {
        const cell = (u32[(address >>> 2) + i] & ~ENTRY_FLAGS) >>> 0;
        if (cell !== 0) freeCell(chunk * DIRECTORY_CHUNK_ENTRIES + i, cell);
      }
      this.#allocator.free(this.#chunkKind, address);
    }
    this.#allocator.free(this.#rootKind, this.#root);
    this.#setRoot(undefined, 0, 0);
    this.#used = new Uint16Array(0);
    this.#chunkKind = this.#kindOfChunks(PAGES_AT_FIRST);
  }

  #kindOfChunks(entries: number): CellKind {
    const tryEvict = (chunk: number, address: number): boolean => {
      const index = (this.#root >>> 2) + chunk;
      if (this.#used[chunk] > 0 || this.#memory.u32[index] !== address) return false;
      this.#memory.u32[index] = 0;
      return true;
    };
    return { name: 'directories', cellBytes: 4 * entries, tryEvict };
  }

  #grow(page: number): void {
    let pages = Math.max(PAGES_AT_FIRST, this.#pages);
    while (pages <= page) pages *= pages < DIRECTORY_CHUNK_ENTRIES ? 4 : 2;
    const entries = Math.min(pages, DIRECTORY_CHUNK_ENTRIES);
    if (4 * entries > this.#chunkKind.cellBytes) {
      if (this.#pages > 0) this.#widenChunk(entries);
      else this.#chunkKind = this.#kindOfChunks(entries);
    }
    this.#growRoot(pages);
  }

  /** Replaces the only chunk by a longer one. */
  #widenChunk(entries: number): void {
    const kind = this.#kindOfChunks(entries);
    const { u32 } = this.#memory;
    const wider = this.#allocator.allocate(kind, 0);
    const narrow = u32[this.#root >>> 2];
    u32.fill(0, wider >>> 2, (wider >>> 2) + entries);
    if (narrow !== 0) {
      u32.copyWithin(wider >>> 2, narrow >>> 2, (narrow + this.#chunkKind.cellBytes) >>> 2);
      this.#allocator.free(this.#chunkKind, narrow);
    }
    u32[this.#root >>> 2] = wider;
    this.#chunkKind = kind;
  }

  #growRoot(pages: number): void {
    const chunks = Math.ceil(pages / DIRECTORY_CHUNK_ENTRIES);
    const kind = permanentKind('directories', 4 * chunks);
    const { u32 } = this.#memory;
    if (this.#rootKind === undefined || kind.cellBytes > this.#rootKind.cellBytes) {
      const root = this.#allocator.allocate(kind, 0);
      u32.fill(0, root >>> 2, (root + kind.cellBytes) >>> 2);
      if (this.#rootKind !== undefined) {
        u32.copyWithin(root >>> 2, this.#root >>> 2, (this.#root + this.#rootKind.cellBytes) >>> 2);
        this.#allocator.free(this.#rootKind, this.#root);
      }
      this.#setRoot(kind, root, pages);
    } else {
      this.#setRoot(this.#rootKind, this.#root, pages);
    }
    const used = new Uint16Array(chunks);
    used.set(this.#used);
    this.#used = used;
  }

  #setRoot(kind: CellKind | undefined, root: number, pages: number): void {
    this.#rootKind = kind;
    this.#root = root;
    this.#pages = pages;
    this.#memory.u32[this.#rootField] = root;
    this.#memory.u32[this.#pagesField] = pages;
  }
}
