/**
 * A vector space in the kernels' memory, placed by a bump allocator: what the tests of the kernels work
 * on. Everything can be taken out of memory and brought back, piece by piece.
 */
import type { Kernels } from '../../src/kernels/kernels.ts';
import { keyDistance } from '../../src/kernels/kernels.ts';
import {
  DIRECTORY_CHUNK_ENTRIES,
  LIST_ABSENT,
  NEED_BITS,
  NEED_CODES,
  SINGLE_IDS,
  SLOT_CODE,
  SLOT_MEAN,
  SLOT_RECORD,
  SLOT_SCALE,
  SLOT_SPREAD,
  SLOTS_SQ8,
  SLOTS_VECTORS,
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
  SPACE_ORIGINAL_STRIDE,
  SPACE_PAGE_MAGIC,
  SPACE_PAGE_SHIFT,
  SPACE_SINGLE_MASK,
  SPACE_SINGLE_TABLE,
  SPACE_SIZE,
  SPACE_SLOTS,
  SPACE_SLOTS_PER_PAGE,
  STATUS_DONE,
  STATUS_GROW,
  STATUS_NEED,
  WALK_LINK_RESULT,
  WALK_NEED_COUNT,
  WALK_NEEDS,
  WALK_QUERY,
  WALK_REPLACED,
  WALK_RESULT_COUNT,
  WALK_RESULT_ERRORS,
  WALK_RESULTS,
  WALK_SELECTED,
  WALK_SELECTED_COUNT,
} from '../../src/kernels/layout.ts';
import type { Sq8Code } from '../../src/kernels/oracle/sq8.ts';
import type { Neighbour } from '../../src/kernels/oracle/walk.ts';
import { slotStride } from '../../src/kernels/space.ts';
import type { MemoryBits } from './memory-bits.ts';

export interface MemorySpaceOptions {
  readonly dimension: number;
  readonly metric: number;
  readonly slotsPerPage: number;
  readonly nodes: number;
  readonly capBottom?: number;
  readonly capUpper?: number;
  /** Slots hold the vectors, not codes of them. */
  readonly holdsVectors?: boolean;
}

/** Hands out zeroed memory, and all of it again after `reset`. */
export class BumpMemory {
  readonly kernels: Kernels;
  #next: number;

  constructor(kernels: Kernels) {
    this.kernels = kernels;
    this.#next = kernels.memory.heapBase;
  }

  reset(): void {
    this.#next = this.kernels.memory.heapBase;
  }

  take(bytes: number): number {
    const address = this.#next;
    this.#next += Math.ceil(bytes / 16) * 16;
    if (this.#next > this.kernels.memory.u8.length) throw new Error('test memory is too small');
    this.kernels.memory.u8.fill(0, address, this.#next);
    return address;
  }

  vector(values: ArrayLike<number>): number {
    const address = this.take(4 * values.length);
    this.kernels.memory.f32.set(values, address / 4);
    return address;
  }
}

/** Multiplier and shift for exact division of any u32 by `divisor`, or undefined. */
export function magicOf(divisor: number): { magic: number; shift: number } | undefined {
  const log = Math.ceil(Math.log2(divisor));
  if (2 ** log === divisor) return { magic: 0, shift: log };
  for (let shift = 0; shift < log; shift++) {
    const magic = 2n ** BigInt(32 + shift) / BigInt(divisor) + 1n;
    const error = magic * BigInt(divisor) - 2n ** BigInt(32 + shift);
    if (magic < 2n ** 32n && error <= 2n ** BigInt(shift)) return { magic: Number(magic), shift };
  }
  return undefined;
}

export class MemorySpace {
  readonly address: number;
  readonly options: Required<MemorySpaceOptions>;
  readonly pages: number;
  readonly codeStride: number;
  readonly codeCellBytes: number;
  readonly slotsOffset: number;
  /** The column of 1-bit codes, if one was added. */
  bits: MemoryBits | undefined;
  readonly #bump: BumpMemory;
  readonly #kernels: Kernels;
  readonly #codeCells: number[];
  readonly #listCells: number[];
  /** What belongs there, for what has been taken out. */
  readonly #absentLists = new Map<number, number>();
  readonly #absentUpper = new Map<string, number>();
  readonly #upperTable: number;
  readonly #upperMask: number;

  constructor(bump: BumpMemory, options: MemorySpaceOptions) {
    this.#bump = bump;
    this.#kernels = bump.kernels;
    this.options = { capBottom: 8, capUpper: 4, holdsVectors: false, ...options };
    const { dimension, slotsPerPage, nodes, capBottom, capUpper, holdsVectors } = this.options;
    this.pages = Math.ceil(nodes / slotsPerPage);
    this.codeStride = slotStride(dimension, holdsVectors ? 'vectors' : 'sq8');
    this.slotsOffset = Math.ceil((8 * Math.ceil(slotsPerPage / 32)) / 16) * 16;
    this.codeCellBytes = this.slotsOffset + slotsPerPage * this.codeStride;
    this.address = bump.take(SPACE_SIZE);
    this.#codeCells = this.#cells(this.codeCellBytes);
    this.#listCells = this.#cells(slotsPerPage * (4 + 4 * capBottom));
    // Nearly full, so that lists are found behind others.
    this.#upperMask = 2 ** Math.ceil(Math.log2(nodes / 2 + 8)) - 1;
    this.#upperTable = bump.take(4 * (this.#upperMask + 1));
    const division = magicOf(slotsPerPage);
    if (division === undefined) throw new Error('no exact division for this page size');
    this.#set(SPACE_DIMENSION, dimension);
    this.#set(SPACE_SLOTS, holdsVectors ? SLOTS_VECTORS : SLOTS_SQ8);
    this.#set(SPACE_METRIC, this.options.metric);
    this.#set(SPACE_SLOTS_PER_PAGE, slotsPerPage);
    this.#set(SPACE_PAGE_MAGIC, division.magic);
    this.#set(SPACE_PAGE_SHIFT, division.shift);
    this.#set(SPACE_CODE_STRIDE, this.codeStride);
    this.#set(SPACE_CODE_SLOTS_OFFSET, this.slotsOffset);
    this.#set(SPACE_CODE_ROOT, this.#directory(this.#codeCells));
    this.#set(SPACE_CODE_PAGES, this.pages);
    this.#set(SPACE_LIST_ROOT, this.#directory(this.#listCells));
    this.#set(SPACE_LIST_PAGES, this.pages);
    this.#set(SPACE_LIST_STRIDE, 4 + 4 * capBottom);
    this.#set(SPACE_CAP_BOTTOM, capBottom);
    this.#set(SPACE_CAP_UPPER, capUpper);
    this.#set(SPACE_ORIGINAL_STRIDE, 4 * dimension + 4);
    this.#set(SPACE_SINGLE_TABLE, this.#upperTable);
    this.#set(SPACE_SINGLE_MASK, this.#upperMask);
  }

  /** Address of the slot of a node. */
  slot(node: number): number {
    const page = Math.floor(node / this.options.slotsPerPage);
    const slot = node % this.options.slotsPerPage;
    return this.#codeCells[page] + this.slotsOffset + slot * this.codeStride;
  }

  codeCell(page: number): number {
    return this.#codeCells[page];
  }

  /** Encodes a living node. `vector` is an address. */
  put(node: number, record: number, vector: number): void {
    this.#kernels.exports.encodeSlot(this.address, vector, this.slot(node));
    this.#kernels.memory.u32[(this.slot(node) + SLOT_RECORD) / 4] = record;
    this.setLive(node, true);
  }

  setLive(node: number, isLive: boolean): void {
    this.bits?.setLive(node, isLive);
    const slot = node % this.options.slotsPerPage;
    const word =
      this.#codeCells[Math.floor(node / this.options.slotsPerPage)] / 4 + Math.floor(slot / 32);
    const { u32 } = this.#kernels.memory;
    u32[word] = isLive ? u32[word] | (1 << (slot % 32)) : u32[word] & ~(1 << (slot % 32));
  }

  code(node: number): Sq8Code {
    return readSlot(this.#kernels, this.slot(node), this.options.dimension);
  }

  /** Distance to the vector in a slot, of a space that holds vectors. `vector` is an address. */
  plainDistance(vector: number, node: number): number {
    const { metric, dimension } = this.options;
    const { distanceExact } = this.#kernels.exports;
    // Keys know no -0.
    return distanceExact(metric, vector, this.slot(node) + SLOT_CODE, dimension) + 0;
  }

  setList(layer: number, node: number, ids: readonly number[]): void {
    const { u32 } = this.#kernels.memory;
    const { slotsPerPage, capBottom, capUpper } = this.options;
    if (layer === 0) {
      const cell = this.#listCells[Math.floor(node / slotsPerPage)];
      const at = (cell + (node % slotsPerPage) * (4 + 4 * capBottom)) / 4;
      u32[at] = ids.length;
      u32.set(ids, at + 1);
      return;
    }
    let list = this.#upperList(layer, node);
    if (list === 0) {
      list = this.#bump.take(SINGLE_IDS + 4 * capUpper);
      u32.set([node, layer], list / 4);
      this.#insertUpper(layer, node, list);
    }
    u32[list / 4 + 2] = ids.length;
    u32.set(ids, (list + SINGLE_IDS) / 4);
  }

  list(layer: number, node: number): number[] {
    const { u32 } = this.#kernels.memory;
    const { slotsPerPage, capBottom } = this.options;
    const cell = this.#listCells[Math.floor(node / slotsPerPage)];
    const bottom = cell + (node % slotsPerPage) * (4 + 4 * capBottom);
    const at = (layer === 0 ? bottom : this.#upperList(layer, node) + 8) / 4;
    return [...u32.subarray(at + 1, at + 1 + u32[at])];
  }

  evictCodes(page: number): void {
    this.#setEntry(SPACE_CODE_ROOT, page, 0);
  }

  restoreCodes(page: number): void {
    this.#setEntry(SPACE_CODE_ROOT, page, this.#codeCells[page]);
  }

  evictListPage(page: number): void {
    this.#setEntry(SPACE_LIST_ROOT, page, 0);
  }

  evictList(node: number): void {
    const at = this.#bottomCount(node);
    const { u32 } = this.#kernels.memory;
    if (u32[at] === LIST_ABSENT) return;
    this.#absentLists.set(node, u32[at]);
    u32[at] = LIST_ABSENT;
  }

  /** Upper lists have to be taken out before anything probes past them: the whole table is rebuilt. */
  evictUpper(layer: number, node: number): void {
    const list = this.#upperList(layer, node);
    if (list === 0) return;
    this.#absentUpper.set(`${layer}/${node}`, list);
    const { u32 } = this.#kernels.memory;
    const table = u32.subarray(this.#upperTable / 4, this.#upperTable / 4 + this.#upperMask + 1);
    const lists = table.filter((address) => address !== 0 && address !== list);
    table.fill(0);
    for (const address of lists) {
      this.#insertUpper(u32[address / 4 + 1] & 255, u32[address / 4], address);
    }
  }

  /** Brings back what a walk asks for; `pick` says which of the needs are served this time. */
  serve(walk: number, pick: (index: number) => boolean = () => true): void {
    const { u32 } = this.#kernels.memory;
    const count = u32[(walk + WALK_NEED_COUNT) / 4];
    const needs = u32[(walk + WALK_NEEDS) / 4] / 4;
    for (let i = 0; i < count; i++) {
      if (i > 0 && !pick(i)) continue;
      const kind = u32[needs + 2 * i];
      const value = u32[needs + 2 * i + 1];
      if (kind === NEED_BITS) this.bits?.restore(value);
      else if (kind === NEED_CODES) this.#setEntry(SPACE_CODE_ROOT, value, this.#codeCells[value]);
      else this.#restoreList(kind >>> 16, value);
    }
  }

  #restoreList(layer: number, node: number): void {
    if (layer > 0) {
      const list = this.#absentUpper.get(`${layer}/${node}`);
      if (list === undefined) throw new Error('a walk asked for a list that there is not');
      this.#insertUpper(layer, node, list);
      return;
    }
    const page = Math.floor(node / this.options.slotsPerPage);
    this.#setEntry(SPACE_LIST_ROOT, page, this.#listCells[page]);
    const count = this.#absentLists.get(node);
    if (count !== undefined) this.#kernels.memory.u32[this.#bottomCount(node)] = count;
    this.#absentLists.delete(node);
  }

  #bottomCount(node: number): number {
    const { slotsPerPage, capBottom } = this.options;
    const cell = this.#listCells[Math.floor(node / slotsPerPage)];
    return (cell + (node % slotsPerPage) * (4 + 4 * capBottom)) / 4;
  }

  #upperList(layer: number, node: number): number {
    const { u32 } = this.#kernels.memory;
    const table = this.#upperTable / 4;
    for (let i = this.#kernels.exports.singleHash(layer, node); ; i++) {
      const list = u32[table + ((i & this.#upperMask) >>> 0)];
      if (list === 0) return 0;
      if (u32[list / 4] === node && (u32[list / 4 + 1] & 255) === layer) return list;
    }
  }

  #insertUpper(layer: number, node: number, list: number): void {
    const { u32 } = this.#kernels.memory;
    const table = this.#upperTable / 4;
    let i = this.#kernels.exports.singleHash(layer, node);
    while (u32[table + ((i & this.#upperMask) >>> 0)] !== 0) i++;
    u32[table + ((i & this.#upperMask) >>> 0)] = list;
  }

  #cells(bytes: number): number[] {
    return Array.from({ length: this.pages }, () => this.#bump.take(bytes));
  }

  #directory(cells: readonly number[]): number {
    const { u32 } = this.#kernels.memory;
    const chunks = Math.ceil(cells.length / DIRECTORY_CHUNK_ENTRIES);
    const root = this.#bump.take(4 * chunks);
    for (let i = 0; i < chunks; i++) {
      const chunk = this.#bump.take(4 * DIRECTORY_CHUNK_ENTRIES);
      u32[root / 4 + i] = chunk;
      const first = i * DIRECTORY_CHUNK_ENTRIES;
      u32.set(cells.slice(first, first + DIRECTORY_CHUNK_ENTRIES), chunk / 4);
    }
    return root;
  }

  #setEntry(rootField: number, page: number, entry: number): void {
    const { u32 } = this.#kernels.memory;
    const root = u32[(this.address + rootField) / 4];
    const chunk = u32[root / 4 + Math.floor(page / DIRECTORY_CHUNK_ENTRIES)];
    u32[chunk / 4 + (page % DIRECTORY_CHUNK_ENTRIES)] = entry;
  }

  #set(field: number, value: number): void {
    this.#kernels.memory.u32[(this.address + field) / 4] = value;
  }
}

export function readSlot(kernels: Kernels, slot: number, dimension: number): Sq8Code {
  const { u8 } = kernels.memory;
  const view = new DataView(u8.buffer, slot, SLOT_CODE);
  return {
    scale: view.getFloat32(SLOT_SCALE, true),
    mean: view.getFloat32(SLOT_MEAN, true),
    spread: view.getFloat32(SLOT_SPREAD, true),
    code: u8.slice(slot + SLOT_CODE, slot + SLOT_CODE + dimension),
  };
}

/** A scratch, and the loop that its owner runs around the resumable calls. */
export class MemoryWalk {
  address: number;
  bytes: number;
  grown = 0;
  waited = 0;
  readonly #bump: BumpMemory;
  readonly #space: MemorySpace;

  constructor(bump: BumpMemory, space: MemorySpace, ef: number) {
    this.#bump = bump;
    this.#space = space;
    this.bytes = bump.kernels.exports.walkBytes(space.address, ef);
    this.address = bump.take(this.bytes);
    bump.kernels.memory.u8.fill(0xa5, this.address, this.address + this.bytes);
    bump.kernels.exports.walkInit(this.address, this.bytes, space.address, ef);
  }

  prepare(query: ArrayLike<number>): void {
    const { kernels } = this.#bump;
    kernels.memory.f32.set(query, this.field(WALK_QUERY) / 4);
    kernels.exports.walkPrepare(this.address);
  }

  field(offset: number): number {
    return this.#bump.kernels.memory.u32[(this.address + offset) / 4];
  }

  setField(offset: number, value: number): void {
    this.#bump.kernels.memory.u32[(this.address + offset) / 4] = value;
  }

  /** Calls until DONE: serves needs, moves to a larger scratch. */
  finish(call: (walk: number) => number, pick?: (index: number) => boolean): void {
    for (let calls = 0; ; calls++) {
      if (calls > 20_000) throw new Error('a walk gets nowhere');
      const status = call(this.address);
      if (status === STATUS_DONE) return;
      if (status === STATUS_NEED) {
        this.waited++;
        this.#space.serve(this.address, pick);
      } else if (status === STATUS_GROW) {
        this.grow();
      }
    }
  }

  grow(): void {
    const larger = this.#bump.take(2 * this.bytes);
    this.#bump.kernels.memory.u8.fill(0xa5, larger, larger + 2 * this.bytes);
    this.#bump.kernels.exports.walkMove(this.address, larger, 2 * this.bytes);
    this.#bump.kernels.memory.u8.fill(0xa5, this.address, this.address + this.bytes);
    this.address = larger;
    this.bytes *= 2;
    this.grown++;
  }

  results(): Neighbour[] {
    const { u32 } = this.#bump.kernels.memory;
    const at = this.field(WALK_RESULTS) / 4;
    return Array.from({ length: this.field(WALK_RESULT_COUNT) }, (_, i) => ({
      distance: keyDistance(u32[at + 2 * i + 1]),
      node: u32[at + 2 * i],
    }));
  }

  /** Of a walk on bits, one for each result. */
  errors(): number[] {
    const at = this.field(WALK_RESULT_ERRORS) / 4;
    const { f32 } = this.#bump.kernels.memory;
    return [...f32.subarray(at, at + this.field(WALK_RESULT_COUNT))];
  }

  selected(): number[] {
    const at = this.field(WALK_SELECTED) / 4;
    const { u32 } = this.#bump.kernels.memory;
    return [...u32.subarray(at, at + this.field(WALK_SELECTED_COUNT))];
  }

  /** The full list of so many ids that a back edge had chosen anew. */
  replaced(count: number): number[] {
    const at = this.field(WALK_REPLACED) / 4;
    return [...this.#bump.kernels.memory.u32.subarray(at, at + count)];
  }

  get linkResult(): number {
    return this.field(WALK_LINK_RESULT);
  }
}
