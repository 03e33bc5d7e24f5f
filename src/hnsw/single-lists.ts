/**
 * The neighbour lists above layer 0 that are in memory: one cell for each, found by the hash table that
 * walks read (UPPER_* in `kernels/layout.ts`). Few nodes have such lists, so they are not kept by page.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  LIST_ABSENT,
  SINGLE_COUNT,
  SINGLE_IDS,
  SINGLE_LAYER,
  SINGLE_NODE,
  SINGLE_PINNED,
  SINGLE_REFERENCED,
  SPACE_SINGLE_MASK,
  SPACE_SINGLE_TABLE,
} from '../kernels/layout.ts';
import { type CellKind, permanentKind } from '../kernels/size-class.ts';
import type { Space } from '../kernels/space.ts';

const PLACES_AT_FIRST = 16;

export class SingleLists {
  readonly #kernels: Kernels;
  readonly #allocator: CellAllocator;
  readonly #bottomKind: CellKind;
  readonly #upperKind: CellKind;
  /** Of the fields of the descriptor, in words. */
  readonly #tableField: number;
  readonly #maskField: number;
  #tableKind: CellKind | undefined;
  #count = 0;

  constructor(kernels: Kernels, allocator: CellAllocator, space: Space) {
    this.#kernels = kernels;
    this.#allocator = allocator;
    this.#tableField = (space.address + SPACE_SINGLE_TABLE) >>> 2;
    this.#maskField = (space.address + SPACE_SINGLE_MASK) >>> 2;
    const kind = (name: string, cap: number): CellKind => ({
      name,
      cellBytes: Math.ceil((SINGLE_IDS + 4 * cap) / 16) * 16,
      tryEvict: (_tag, address) => this.#tryEvict(address),
    });
    this.#bottomKind = kind('lists', space.capBottom);
    this.#upperKind = kind('upper lists', space.capUpper);
  }

  /** The address of `u32 count | ids`, or 0. Counts as a use. */
  find(layer: number, node: number): number {
    if (this.#tableKind === undefined) return 0;
    const { u32 } = this.#kernels.memory;
    const list = u32[this.#placeOf(layer, node)];
    if (list === 0) return 0;
    u32[(list + SINGLE_LAYER) >>> 2] |= SINGLE_REFERENCED;
    return list + SINGLE_COUNT;
  }

  /** Makes room for a list that is not there; as `find`, with LIST_ABSENT in place of its count. */
  add(layer: number, node: number): number {
    if (2 * (this.#count + 1) > this.#places) this.#grow();
    const list = this.#allocator.allocate(this.#kindOf(layer), 0);
    const { u32 } = this.#kernels.memory;
    const place = this.#placeOf(layer, node);
    assert(u32[place] === 0, 'a list is added once');
    u32[(list + SINGLE_NODE) >>> 2] = node;
    u32[(list + SINGLE_LAYER) >>> 2] = layer | SINGLE_REFERENCED;
    u32[(list + SINGLE_COUNT) >>> 2] = LIST_ABSENT;
    u32[place] = list;
    this.#count++;
    return list + SINGLE_COUNT;
  }

  setPinned(layer: number, node: number, isPinned: boolean): void {
    const { u32 } = this.#kernels.memory;
    const list = u32[this.#placeOf(layer, node)];
    assert(list !== 0, 'only a list in memory is pinned');
    const field = (list + SINGLE_LAYER) >>> 2;
    u32[field] = isPinned ? u32[field] | SINGLE_PINNED : u32[field] & ~SINGLE_PINNED;
  }

  /** Forgets a list, pinned or not, if it is there. */
  remove(layer: number, node: number): void {
    if (this.#tableKind === undefined) return;
    const place = this.#placeOf(layer, node);
    const list = this.#kernels.memory.u32[place];
    if (list === 0) return;
    this.#unlink(place);
    this.#allocator.free(this.#kindOf(layer), list);
  }

  /** Gives all memory back. */
  release(): void {
    if (this.#tableKind === undefined) return;
    const { u32 } = this.#kernels.memory;
    const table = u32[this.#tableField];
    for (let i = 0; i < this.#places; i++) {
      const list = u32[(table >>> 2) + i];
      if (list === 0) continue;
      const layer = u32[(list + SINGLE_LAYER) >>> 2] & 255;
      this.#allocator.free(this.#kindOf(layer), list);
    }
    this.#allocator.free(this.#tableKind, table);
    u32[this.#tableField] = 0;
    u32[this.#maskField] = 0;
    this.#tableKind = undefined;
    this.#count = 0;
  }

  #kindOf(layer: number): CellKind {
    return layer === 0 ? this.#bottomKind : this.#upperKind;
  }

  get #places(): number {
    return this.#tableKind === undefined ? 0 : this.#kernels.memory.u32[this.#maskField] + 1;
  }

  /** The word of the table that names the list, or the free one where it would stand. */
  #placeOf(layer: number, node: number): number {
    const { u32 } = this.#kernels.memory;
    const table = u32[this.#tableField] >>> 2;
    const mask = u32[this.#maskField];
    let at = this.#kernels.exports.singleHash(layer, node) & mask;
    for (;;) {
      const list = u32[table + at] >>> 2;
      if (list === 0) return table + at;
      const isNode = u32[list + (SINGLE_NODE >> 2)] === node;
      if (isNode && (u32[list + (SINGLE_LAYER >> 2)] & 255) === layer) return table + at;
      at = (at + 1) & mask;
    }
  }

  /** Empties a place, and moves lists behind it forward so that no search for them ends here. */
  #unlink(place: number): void {
    const { u32 } = this.#kernels.memory;
    const table = u32[this.#tableField] >>> 2;
    const mask = u32[this.#maskField];
    let hole = place - table;
    for (let at = (hole + 1) & mask; u32[table + at] !== 0; at = (at + 1) & mask) {
      const home = this.#homeOf(u32[table + at]) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      u32[table + hole] = u32[table + at];
      hole = at;
    }
    u32[table + hole] = 0;
    this.#count--;
  }

  #homeOf(list: number): number {
    const { u32 } = this.#kernels.memory;
    const layer = u32[(list + SINGLE_LAYER) >>> 2] & 255;
    return this.#kernels.exports.singleHash(layer, u32[(list + SINGLE_NODE) >>> 2]);
  }

  #tryEvict(list: number): boolean {
    const { u32 } = this.#kernels.memory;
    const field = (list + SINGLE_LAYER) >>> 2;
    if ((u32[field] & SINGLE_PINNED) !== 0) return false;
    if ((u32[field] & SINGLE_REFERENCED) !== 0) {
      u32[field] &= ~SINGLE_REFERENCED;
      return false;
    }
    this.#unlink(this.#placeOf(u32[field] & 255, u32[(list + SINGLE_NODE) >>> 2]));
    return true;
  }

  #grow(): void {
    const places = Math.max(PLACES_AT_FIRST, 2 * this.#places);
    const kind = permanentKind('list table', 4 * places);
    const table = this.#allocator.allocate(kind, 0);
    // Only now: the allocation may have taken lists away.
    const { u32 } = this.#kernels.memory;
    const oldKind = this.#tableKind;
    const old = u32[this.#tableField];
    const lists = oldKind === undefined ? [] : u32.slice(old >>> 2, (old >>> 2) + this.#places);
    u32.fill(0, table >>> 2, (table >>> 2) + places);
    u32[this.#tableField] = table;
    u32[this.#maskField] = places - 1;
    this.#tableKind = kind;
    for (const list of lists) {
      if (list === 0) continue;
      const layer = u32[(list + SINGLE_LAYER) >>> 2] & 255;
      u32[this.#placeOf(layer, u32[(list + SINGLE_NODE) >>> 2])] = list;
    }
    if (oldKind !== undefined) this.#allocator.free(oldKind, old);
  }
}
