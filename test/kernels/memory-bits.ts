/** The column of 1-bit codes of a `MemorySpace`: bit pages of a few pages each, in memory or not. */
import {
  BIT_BASE,
  BIT_CODE,
  BIT_ERROR,
  BIT_RECORD,
  BIT_STEP,
  DIRECTORY_CHUNK_ENTRIES,
  SPACE_BIT_CENTROID,
  SPACE_BIT_COUNT,
  SPACE_BIT_MAGIC,
  SPACE_BIT_PAGES,
  SPACE_BIT_ROOT,
  SPACE_BIT_SEED,
  SPACE_BIT_SHIFT,
  SPACE_BIT_SLOTS_OFFSET,
  SPACE_BIT_SLOTS_PER_PAGE,
  SPACE_BIT_STRIDE,
} from '../../src/kernels/layout.ts';
import type { BitCode, BitColumn } from '../../src/kernels/oracle/bits.ts';
import { bitCount } from '../../src/kernels/space.ts';
import { type BumpMemory, type MemorySpace, magicOf } from './memory-space.ts';

export interface MemoryBitsOptions {
  readonly centroid: ArrayLike<number>;
  readonly seed: number;
  readonly slotsPerPage: number;
}

export class MemoryBits {
  /** The same for the oracle. */
  readonly column: BitColumn;
  readonly cellBytes: number;
  readonly slotsOffset: number;
  readonly #bump: BumpMemory;
  readonly #space: MemorySpace;
  readonly #slotsPerPage: number;
  readonly #stride: number;
  readonly #cells: number[];
  readonly #chunk: number;
  readonly #work: number;

  /** Adds the column to the space: before walks are laid out. */
  constructor(bump: BumpMemory, space: MemorySpace, options: MemoryBitsOptions) {
    const { dimension, metric, nodes } = space.options;
    const count = bitCount(dimension);
    const centroid = Float32Array.from(options.centroid);
    this.column = { metric, count, seed: options.seed, centroid };
    this.#bump = bump;
    this.#space = space;
    this.#slotsPerPage = options.slotsPerPage;
    this.#stride = BIT_CODE + count / 8;
    this.slotsOffset = Math.ceil((4 * Math.ceil(options.slotsPerPage / 32)) / 16) * 16;
    this.cellBytes = this.slotsOffset + options.slotsPerPage * this.#stride;
    const pages = Math.ceil(nodes / options.slotsPerPage);
    if (pages > DIRECTORY_CHUNK_ENTRIES) throw new Error('too many bit pages for one chunk');
    this.#cells = Array.from({ length: pages }, () => bump.take(this.cellBytes));
    this.#chunk = bump.take(4 * DIRECTORY_CHUNK_ENTRIES);
    this.#work = bump.take(4 * count);
    const root = bump.take(4);
    const { u32 } = bump.kernels.memory;
    u32[root / 4] = this.#chunk;
    u32.set(this.#cells, this.#chunk / 4);
    const division = magicOf(options.slotsPerPage);
    if (division === undefined) throw new Error('no exact division for this page size');
    const set = (field: number, value: number): void => {
      u32[(space.address + field) / 4] = value;
    };
    set(SPACE_BIT_SLOTS_PER_PAGE, options.slotsPerPage);
    set(SPACE_BIT_MAGIC, division.magic);
    set(SPACE_BIT_SHIFT, division.shift);
    set(SPACE_BIT_STRIDE, this.#stride);
    set(SPACE_BIT_SLOTS_OFFSET, this.slotsOffset);
    set(SPACE_BIT_ROOT, root);
    set(SPACE_BIT_PAGES, pages);
    set(SPACE_BIT_COUNT, count);
    set(SPACE_BIT_CENTROID, bump.vector(centroid));
    set(SPACE_BIT_SEED, options.seed);
    space.bits = this;
  }

  slot(node: number): number {
    const cell = this.#cells[Math.floor(node / this.#slotsPerPage)];
    return cell + this.slotsOffset + (node % this.#slotsPerPage) * this.#stride;
  }

  /** Encodes a living node. `vector` is an address. */
  put(node: number, record: number, vector: number): void {
    const { exports, memory } = this.#bump.kernels;
    exports.encodeBits(this.#space.address, vector, this.slot(node), this.#work);
    memory.u32[(this.slot(node) + BIT_RECORD) / 4] = record;
    this.setLive(node, true);
  }

  setLive(node: number, isLive: boolean): void {
    const number = node % this.#slotsPerPage;
    const cell = this.#cells[Math.floor(node / this.#slotsPerPage)];
    const at = cell / 4 + Math.floor(number / 32);
    const { u32 } = this.#bump.kernels.memory;
    u32[at] = isLive ? u32[at] | (1 << (number % 32)) : u32[at] & ~(1 << (number % 32));
  }

  code(node: number): BitCode {
    const { u8 } = this.#bump.kernels.memory;
    const slot = this.slot(node);
    const view = new DataView(u8.buffer, slot, BIT_CODE);
    return {
      step: view.getFloat32(BIT_STEP, true),
      base: view.getFloat32(BIT_BASE, true),
      error: view.getFloat32(BIT_ERROR, true),
      bits: u8.slice(slot + BIT_CODE, slot + this.#stride),
    };
  }

  evict(page: number): void {
    if (page < this.#cells.length) this.#bump.kernels.memory.u32[this.#chunk / 4 + page] = 0;
  }

  restore(page: number): void {
    this.#bump.kernels.memory.u32[this.#chunk / 4 + page] = this.#cells[page];
  }
}
