/**
 * Originals that no installed checkpoint has written yet, each in a cell of its own: a new vector must not
 * pin, and have rewritten before its page is full, the originals of all its neighbours. The column of
 * originals is only a cache of what is on disk, with these put over it.
 *
 *   put → new     freeze → frozen     installed, page by page → freed     failed → new again
 *
 * Invariant: a cell of the column has what is new and what is frozen of its page.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import { type CellKind, permanentKind } from '../kernels/size-class.ts';
import type { PageColumn } from './page-column.ts';
import type { SpacePlan } from './space-plan.ts';

/** Page → slot → address. */
type Originals = Map<number, Map<number, number>>;

export interface NewOriginalsOptions {
  readonly column: PageColumn;
  /** Bytes of an original with its checksum. */
  readonly stride: number;
  readonly memory: KernelMemory;
  readonly allocator: CellAllocator;
}

export class NewOriginals {
  readonly #column: PageColumn;
  readonly #stride: number;
  readonly #memory: KernelMemory;
  readonly #allocator: CellAllocator;
  readonly #kind: CellKind;
  #new: Originals = new Map();
  #frozen: Originals = new Map();
  /** Added, and shown in the column, by the plan under way. */
  readonly #added: { readonly page: number; readonly slot: number }[] = [];
  readonly #shown = new Set<number>();
  #count = 0;

  constructor({ column, stride, memory, allocator }: NewOriginalsOptions) {
    this.#column = column;
    this.#stride = stride;
    this.#memory = memory;
    this.#allocator = allocator;
    this.#kind = permanentKind('new vectors', stride, true);
  }

  /** Of all cells. */
  get bytes(): number {
    return this.#count * this.#kind.cellBytes;
  }

  /** The cell of an original that is not on disk, or 0. */
  find(page: number, slot: number): number {
    return this.#new.get(page)?.get(slot) ?? this.#frozen.get(page)?.get(slot) ?? 0;
  }

  /** The cell to write the original of a slot to; `plan`, on behalf of which it is, gets what it held before. */
  take(page: number, slot: number, plan: SpacePlan | undefined): number {
    const found = this.#new.get(page)?.get(slot);
    if (found !== undefined) {
      plan?.save(this.#memory, found, this.#stride);
      return found;
    }
    const address = this.#allocator.allocate(this.#kind, 0);
    slotsOf(this.#new, page).set(slot, address);
    this.#count++;
    if (plan !== undefined) this.#added.push({ page, slot });
    return address;
  }

  /** The cell of the slot was filled: the column must have it too. */
  show(page: number, slot: number): void {
    const cell = this.#column.peek(page);
    if (cell === 0) return;
    this.#shown.add(page);
    this.#copy(this.find(page, slot), this.#memory.u8, cell + slot * this.#stride);
  }

  /** Completes a cell of the column that was read from disk. */
  patch(page: number, cell: number): void {
    this.#copyAll(this.#frozen.get(page), this.#memory.u8, cell);
    this.#copyAll(this.#new.get(page), this.#memory.u8, cell);
  }

  /** Puts what is frozen of a page over its slice on disk. */
  complete(page: number, slice: Uint8Array): void {
    this.#copyAll(this.#frozen.get(page), slice, 0);
  }

  commitPlan(): void {
    this.#added.length = 0;
    this.#shown.clear();
  }

  /** Forgets what the plan added. Of what it overwrote, the caller has restored the bytes. */
  rollbackPlan(): void {
    for (const { page, slot } of this.#added) {
      const slots = this.#new.get(page);
      const address = slots?.get(slot);
      if (slots === undefined || address === undefined) continue;
      this.#free(address);
      slots.delete(slot);
      if (slots.size === 0) this.#new.delete(page);
    }
    for (const page of this.#shown) this.#column.drop(page);
    this.commitPlan();
  }

  freeze(): void {
    assert(this.#frozen.size === 0, 'one checkpoint at a time');
    this.#frozen = this.#new;
    this.#new = new Map();
  }

  /** What is frozen of the page is on disk, and its column is read from there from now on. */
  installed(page: number): void {
    for (const address of this.#frozen.get(page)?.values() ?? []) this.#free(address);
    this.#frozen.delete(page);
  }

  /** What is frozen is new again, where nothing newer is, and unless the page was given up meanwhile. */
  failed(isDropped: (page: number) => boolean): void {
    for (const [page, slots] of this.#frozen) {
      const target = isDropped(page) ? undefined : slotsOf(this.#new, page);
      for (const [slot, address] of slots) {
        if (target === undefined || target.has(slot)) this.#free(address);
        else target.set(slot, address);
      }
    }
    this.#frozen.clear();
  }

  /** The page is given up; what is frozen of it is written all the same. */
  drop(page: number): void {
    for (const address of this.#new.get(page)?.values() ?? []) this.#free(address);
    this.#new.delete(page);
  }

  release(): void {
    this.#freeAll(this.#frozen);
    this.#freeAll(this.#new);
  }

  #copyAll(slots: Map<number, number> | undefined, target: Uint8Array, start: number): void {
    if (slots === undefined) return;
    for (const [slot, address] of slots) this.#copy(address, target, start + slot * this.#stride);
  }

  #copy(address: number, target: Uint8Array, offset: number): void {
    target.set(this.#memory.u8.subarray(address, address + this.#stride), offset);
  }

  #freeAll(originals: Originals): void {
    for (const slots of originals.values()) {
      for (const address of slots.values()) this.#free(address);
    }
    originals.clear();
  }

  #free(address: number): void {
    this.#allocator.free(this.#kind, address);
    this.#count--;
  }
}

function slotsOf(originals: Originals, page: number): Map<number, number> {
  let slots = originals.get(page);
  if (slots === undefined) {
    slots = new Map();
    originals.set(page, slots);
  }
  return slots;
}
