/**
 * A vector space as the kernels see it: its descriptor (`layout.ts`) and the directories of what of it
 * is in memory. Owns no cells besides the descriptor and the directories themselves.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from './cell-allocator.ts';
import { Directory } from './directory.ts';
import type { KernelMemory } from './kernels.ts';
import {
  METRIC_COSINE,
  METRIC_DOT,
  METRIC_L2,
  SLOT_CODE,
  SLOTS_SQ8,
  SLOTS_VECTORS,
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
  SPACE_CAP_BOTTOM,
  SPACE_CAP_UPPER,
  SPACE_CODE_PAGES,
  SPACE_CODE_ROOT,
  SPACE_CODE_SLOTS_OFFSET,
  SPACE_CODE_STRIDE,
  SPACE_DIMENSION,
  SPACE_LIST_PAGES,
  SPACE_LIST_ROOT,
  SPACE_LIST_STRIDE,
  SPACE_METRIC,
  SPACE_ORIGINAL_PAGES,
  SPACE_ORIGINAL_ROOT,
  SPACE_ORIGINAL_STRIDE,
  SPACE_PAGE_MAGIC,
  SPACE_PAGE_SHIFT,
  SPACE_SINGLE_MASK,
  SPACE_SINGLE_TABLE,
  SPACE_SIZE,
  SPACE_SLOTS,
  SPACE_SLOTS_PER_PAGE,
} from './layout.ts';
import { permanentKind } from './size-class.ts';

export type Metric = 'l2' | 'cosine' | 'dot';

/** What code slots hold: SQ8 codes, or the vectors themselves, without any originals beside them. */
export type SlotKind = 'sq8' | 'vectors';

const metricCodes: Readonly<Record<Metric, number>> = {
  l2: METRIC_L2,
  cosine: METRIC_COSINE,
  dot: METRIC_DOT,
};

/** Bytes of a slot of a code cell. */
export function slotStride(dimension: number, slots: SlotKind): number {
  return SLOT_CODE + (slots === 'vectors' ? 4 * dimension : Math.ceil(dimension / 4) * 4);
}

/** The part of a page geometry that the kernels need; sizes in bytes. */
export interface SpaceGeometry {
  readonly slots: SlotKind;
  readonly slotsPerPage: number;
  /** Exact division of a node by `slotsPerPage`: see SPACE_PAGE_MAGIC. */
  readonly pageMagic: number;
  readonly pageShift: number;
  readonly codeStride: number;
  readonly codeSlotsOffset: number;
  readonly originalStride: number;
}

/** The same of the column of 1-bit codes; its pages are the bit pages. */
export interface BitGeometry {
  readonly slotsPerPage: number;
  /** Exact division of a node by `slotsPerPage`. */
  readonly pageMagic: number;
  readonly pageShift: number;
  readonly stride: number;
  readonly slotsOffset: number;
  /** Bits of a code, a multiple of 64. */
  readonly count: number;
  /** Of the rotation: u32. */
  readonly seed: number;
}

export interface SpaceOptions {
  readonly dimension: number;
  readonly metric: Metric;
  readonly geometry: SpaceGeometry;
  /** Largest degree on layer 0, and on the layers above it. */
  readonly capBottom: number;
  readonly capUpper: number;
  /** For a space with 1-bit codes. */
  readonly bits?: BitGeometry | undefined;
}

/** Bits of a 1-bit code: the dimension, rounded up to a multiple of 64. */
export function bitCount(dimension: number): number {
  return Math.ceil(dimension / 64) * 64;
}

const descriptorKind = permanentKind('descriptors', SPACE_SIZE);

export class Space {
  /** Of the descriptor. */
  readonly address: number;
  readonly dimension: number;
  readonly metric: Metric;
  /** METRIC_*, as kernels take it. */
  readonly metricCode: number;
  readonly slotsPerPage: number;
  readonly slots: SlotKind;
  readonly codeStride: number;
  readonly codeSlotsOffset: number;
  readonly originalStride: number;
  /** 0 in a space without 1-bit codes. */
  readonly bitStride: number;
  readonly capBottom: number;
  readonly capUpper: number;
  /** Bytes of one list of layer 0, and of the lists of one page. */
  readonly listStride: number;
  readonly listCellBytes: number;
  readonly codes: Directory;
  readonly lists: Directory;
  readonly originals: Directory;
  /** By bit page; undefined in a space without 1-bit codes. */
  readonly bits: Directory | undefined;
  readonly #allocator: CellAllocator;
  readonly #memory: KernelMemory;

  /** Use `createSpace`. */
  constructor(memory: KernelMemory, allocator: CellAllocator, options: SpaceOptions) {
    const { geometry } = options;
    assert(geometry.slotsPerPage > 0, 'a page has slots');
    assert(options.capBottom > 0 && options.capUpper > 0, 'a list has room for a neighbour');
    this.dimension = options.dimension;
    this.metric = options.metric;
    this.metricCode = metricCodes[options.metric];
    this.slotsPerPage = geometry.slotsPerPage;
    this.slots = geometry.slots;
    this.codeStride = geometry.codeStride;
    this.codeSlotsOffset = geometry.codeSlotsOffset;
    this.originalStride = geometry.originalStride;
    this.bitStride = options.bits?.stride ?? 0;
    this.capBottom = options.capBottom;
    this.capUpper = options.capUpper;
    this.listStride = 4 + 4 * options.capBottom;
    this.listCellBytes = Math.ceil((geometry.slotsPerPage * this.listStride) / 16) * 16;
    this.#allocator = allocator;
    this.#memory = memory;
    this.address = allocator.allocate(descriptorKind, 0);
    this.#fill(memory.u32, geometry);
    const { address } = this;
    const directory = (rootField: number, pagesField: number): Directory =>
      new Directory(memory, allocator, address + rootField, address + pagesField);
    this.codes = directory(SPACE_CODE_ROOT, SPACE_CODE_PAGES);
    this.lists = directory(SPACE_LIST_ROOT, SPACE_LIST_PAGES);
    this.originals = directory(SPACE_ORIGINAL_ROOT, SPACE_ORIGINAL_PAGES);
    this.bits = options.bits && directory(SPACE_BIT_ROOT, SPACE_BIT_PAGES);
    if (options.bits !== undefined) this.#fillBits(options.bits);
  }

  /** Where the centroid of the 1-bit codes stands, f32[dimension]: before the first is encoded. */
  setCentroid(address: number): void {
    assert(this.bits !== undefined, 'the space has 1-bit codes');
    this.#memory.u32[(this.address + SPACE_BIT_CENTROID) >>> 2] = address;
  }

  pageOf(node: number): number {
    return Math.floor(node / this.slotsPerPage);
  }

  slotOf(node: number): number {
    return node % this.slotsPerPage;
  }

  /** The address of the slot with the node's code, or 0 when its page is not in memory. Counts as a use. */
  codeSlot(node: number): number {
    const cell = this.codes.cell(this.pageOf(node));
    return cell === 0 ? 0 : cell + this.codeSlotsOffset + this.slotOf(node) * this.codeStride;
  }

  /** The largest degree of a list on `layer`. */
  capOf(layer: number): number {
    return layer === 0 ? this.capBottom : this.capUpper;
  }

  /** After the owners of the cells have released the directories. */
  release(): void {
    this.#allocator.free(descriptorKind, this.address);
  }

  #fillBits(bits: BitGeometry): void {
    assert(bits.count >= this.dimension && bits.count % 64 === 0, 'a code has room for all signs');
    const { u32 } = this.#memory;
    const first = this.address >>> 2;
    u32[first + (SPACE_BIT_SLOTS_PER_PAGE >> 2)] = bits.slotsPerPage;
    u32[first + (SPACE_BIT_MAGIC >> 2)] = bits.pageMagic;
    u32[first + (SPACE_BIT_SHIFT >> 2)] = bits.pageShift;
    u32[first + (SPACE_BIT_STRIDE >> 2)] = bits.stride;
    u32[first + (SPACE_BIT_SLOTS_OFFSET >> 2)] = bits.slotsOffset;
    u32[first + (SPACE_BIT_COUNT >> 2)] = bits.count;
    u32[first + (SPACE_BIT_SEED >> 2)] = bits.seed;
  }

  #fill(u32: Uint32Array, geometry: SpaceGeometry): void {
    const words = u32.subarray(this.address >>> 2, (this.address + SPACE_SIZE) >>> 2);
    words.fill(0);
    words[SPACE_DIMENSION >> 2] = this.dimension;
    words[SPACE_METRIC >> 2] = this.metricCode;
    words[SPACE_SLOTS_PER_PAGE >> 2] = this.slotsPerPage;
    words[SPACE_PAGE_MAGIC >> 2] = geometry.pageMagic;
    words[SPACE_PAGE_SHIFT >> 2] = geometry.pageShift;
    words[SPACE_SLOTS >> 2] = geometry.slots === 'vectors' ? SLOTS_VECTORS : SLOTS_SQ8;
    words[SPACE_CODE_STRIDE >> 2] = geometry.codeStride;
    words[SPACE_CODE_SLOTS_OFFSET >> 2] = geometry.codeSlotsOffset;
    words[SPACE_LIST_STRIDE >> 2] = this.listStride;
    words[SPACE_CAP_BOTTOM >> 2] = this.capBottom;
    words[SPACE_CAP_UPPER >> 2] = this.capUpper;
    words[SPACE_ORIGINAL_STRIDE >> 2] = this.originalStride;
    // The table of single lists belongs to the owner of the lists (`hnsw/list-cache.ts`).
    words[SPACE_SINGLE_TABLE >> 2] = 0;
    words[SPACE_SINGLE_MASK >> 2] = 0;
  }
}

/** Allocates and fills the descriptor. */
export function createSpace(
  kernels: { readonly memory: KernelMemory },
  allocator: CellAllocator,
  options: SpaceOptions,
): Space {
  return new Space(kernels.memory, allocator, options);
}
