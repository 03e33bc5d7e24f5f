/**
 * Neighbour lists in the module's memory, as walks read them, filled from a `NeighbourSource` on demand
 * and taken back by the allocator. Lists of layer 0 lie in one cell for each page where memory can hold them
 * all beside the codes: that is found soonest. Where it cannot, a page's cell would hold one list that is used
 * among many that are not, and lists are held singly, as those above layer 0 (`single-lists.ts`).
 *
 * A list of layer 0 is in a page's cell or single, never both, and stays where it is when the space outgrows
 * memory or shrinks.
 *
 * A list is addressed by where its count stands; the ids follow. An address is valid until the next call
 * of anything that allocates, unless the list is pinned.
 */
import { CorruptionError } from '../errors.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { ENTRY_REFERENCED, LIST_ABSENT } from '../kernels/layout.ts';
import type { CellKind } from '../kernels/size-class.ts';
import type { Space } from '../kernels/space.ts';
import { SingleLists } from './single-lists.ts';
import type { NeighbourSource } from './sources.ts';

export class ListCache {
  /** Lists that were read from the source since the start. */
  reads = 0;
  readonly #kernels: Kernels;
  readonly #allocator: CellAllocator;
  readonly #space: Space;
  readonly #source: NeighbourSource;
  readonly #kind: CellKind;
  readonly #single: SingleLists;
  readonly #isScarce: () => boolean;
  readonly #ids: Uint32Array;

  /** `isScarce`: memory cannot hold all lists of layer 0 by page; asked when one comes in. Default: it can. */
  constructor(
    kernels: Kernels,
    allocator: CellAllocator,
    space: Space,
    source: NeighbourSource,
    isScarce: () => boolean = () => false,
  ) {
    this.#kernels = kernels;
    this.#allocator = allocator;
    this.#space = space;
    this.#source = source;
    this.#isScarce = isScarce;
    this.#single = new SingleLists(kernels, allocator, space);
    this.#ids = new Uint32Array(4 * Math.max(space.capBottom, space.capUpper));
    this.#kind = {
      name: 'lists',
      cellBytes: space.listCellBytes,
      tryEvict: (page) => space.lists.tryEvict(page),
    };
  }

  /** The address of the list, or 0 when it is not in memory. */
  find(layer: number, node: number): number {
    const ofPage = layer > 0 ? 0 : this.#findOfPage(node);
    return ofPage !== 0 ? ofPage : this.#single.find(layer, node);
  }

  /** The address of the list, read from the source if need be; a node without one has an empty list. */
  load(layer: number, node: number): number {
    const found = this.find(layer, node);
    if (found !== 0) return found;
    const ids = this.#ids;
    const count = Math.max(0, this.#source.read(layer, node, ids));
    this.reads++;
    if (count > this.#space.capOf(layer)) throw tooLong(layer, node, count);
    // Absent until all of it is there: other threads walk on it as soon as it has a count.
    const list = this.#place(layer, node);
    this.#write(list, ids, count);
    return list;
  }

  /**
   * As `load`, for who links nodes: brings the other lists of the page along where lists are held by page. Their keys are
   * adjacent, and one ordered scan of 28 lists takes as long as five single reads: insertions into 400,000 nodes that
   * have just been opened take a third less time. The first searches would be slower by half.
   */
  loadPage(layer: number, node: number): number {
    const found = this.find(layer, node);
    if (found !== 0) return found;
    if (layer === 0 && (this.#hasCell(node) || !this.#isScarce())) this.#readPage(node);
    return this.load(layer, node);
  }

  /** Writes a list that fits its layer. */
  fill(list: number, ids: Uint32Array): void {
    this.#write(list, ids, ids.length);
  }

  /** The address of an empty list, whatever it was before. */
  create(layer: number, node: number): number {
    const list = this.#place(layer, node);
    this.#kernels.memory.u32[list >>> 2] = 0;
    return list;
  }

  countAt(list: number): number {
    return this.#kernels.memory.u32[list >>> 2];
  }

  /** So many ids from an address on. */
  copyIds(address: number, count: number): Uint32Array {
    return this.#kernels.memory.u32.slice(address >>> 2, (address >>> 2) + count);
  }

  /** A view of the ids, borrowed as long as the address is valid. */
  idsAt(list: number): Uint32Array {
    const { u32 } = this.#kernels.memory;
    const first = (list >>> 2) + 1;
    return u32.subarray(first, first + u32[list >>> 2]);
  }

  /** Keeps a list that is in memory there: with all lists of its page, if it is not single. Pins do not count. */
  pin(layer: number, node: number): void {
    this.#setPinned(layer, node, true);
  }

  unpin(layer: number, node: number): void {
    this.#setPinned(layer, node, false);
  }

  /** Forgets what stands in memory, so that the next use reads the source. */
  drop(layer: number, node: number): void {
    const list = layer > 0 ? 0 : this.#findOfPage(node);
    if (list !== 0) this.#kernels.memory.u32[list >>> 2] = LIST_ABSENT;
    else this.#single.remove(layer, node);
  }

  /** Forgets the lists of layer 0 of a page that is given up; none is pinned. */
  dropPage(page: number): void {
    const { lists, slotsPerPage } = this.#space;
    for (let slot = 0; slot < slotsPerPage; slot++)
      this.#single.remove(0, page * slotsPerPage + slot);
    const cell = lists.cell(page);
    if (cell === 0) return;
    lists.setEntry(page, 0);
    this.#allocator.free(this.#kind, cell);
  }

  /** Gives all memory back: the space is being closed. */
  release(): void {
    this.#single.release();
    this.#space.lists.release((_page, cell) => this.#allocator.free(this.#kind, cell));
  }

  #write(list: number, ids: Uint32Array, count: number): void {
    const { u32 } = this.#kernels.memory;
    const first = (list >>> 2) + 1;
    for (let i = 0; i < count; i++) u32[first + i] = ids[i];
    u32[list >>> 2] = count;
  }

  /** The address of a list in a page's cell, or 0 when none stands there. */
  #findOfPage(node: number): number {
    const space = this.#space;
    const cell = space.lists.cell(space.pageOf(node));
    if (cell === 0) return 0;
    const list = cell + space.slotOf(node) * space.listStride;
    return this.#kernels.memory.u32[list >>> 2] === LIST_ABSENT ? 0 : list;
  }

  #setPinned(layer: number, node: number, isPinned: boolean): void {
    const isOfPage = layer === 0 && this.#findOfPage(node) !== 0;
    if (isOfPage) this.#space.lists.setPinned(this.#space.pageOf(node), isPinned);
    else this.#single.setPinned(layer, node, isPinned);
  }

  /** The address of a list as it is, absent if it was. */
  #place(layer: number, node: number): number {
    const found = this.find(layer, node);
    if (found !== 0) return found;
    const isSingle = layer > 0 || (this.#isScarce() && !this.#hasCell(node));
    return isSingle ? this.#single.add(layer, node) : this.#createBottom(node);
  }

  /** Reads the lists of the node's page that are not in memory. */
  #readPage(node: number): void {
    const { slotsPerPage } = this.#space;
    const first = this.#space.pageOf(node) * slotsPerPage;
    const ids = this.#ids;
    this.#source.readRange?.(first, first + slotsPerPage - 1, ids, (other, count) => {
      if (count > this.#space.capBottom) throw tooLong(0, other, count);
      if (this.find(0, other) !== 0) return;
      this.reads++;
      this.#write(this.#createBottom(other), ids, count);
    });
  }

  #hasCell(node: number): boolean {
    return this.#space.lists.entry(this.#space.pageOf(node)) !== 0;
  }

  #createBottom(node: number): number {
    const space = this.#space;
    const page = space.pageOf(node);
    let cell = space.lists.cell(page);
    if (cell === 0) {
      cell = this.#allocator.allocate(this.#kind, page);
      const { u32 } = this.#kernels.memory;
      const end = (cell + space.listCellBytes) >>> 2;
      for (let at = cell >>> 2; at < end; at += space.listStride >>> 2) u32[at] = LIST_ABSENT;
      space.lists.setEntry(page, (cell | ENTRY_REFERENCED) >>> 0);
    }
    return cell + space.slotOf(node) * space.listStride;
  }
}

/** Whether the list at an address names `id`. */
export function hasId(u32: Uint32Array, list: number, id: number): boolean {
  const first = (list >>> 2) + 1;
  const end = first + u32[list >>> 2];
  for (let i = first; i < end; i++) if (u32[i] === id) return true;
  return false;
}

function tooLong(layer: number, node: number, count: number): CorruptionError {
  return new CorruptionError(`list of node ${node} on layer ${layer} has ${count} neighbours`, {
    file: 'tree graph',
    offset: node,
  });
}
