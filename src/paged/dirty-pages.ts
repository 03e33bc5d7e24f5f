/**
 * Which pages of a space differ from what the tree says is on disk: those changed since the last freeze
 * (dirty), and those that a checkpoint is writing (frozen). A page may be both. All of them are pinned.
 *
 *   change → dirty     freeze → frozen     installed → clean     failed → dirty again
 *
 * The set knows no cells: the space pins, copies and unpins by what it answers.
 */
import { assert } from '../base/assert.ts';
import type { Place, Places } from './page-map.ts';

/** One slice of a frozen page: taken from its copy, else from the page's cell, until it has a place. */
export interface FrozenSlice {
  /** Address of a copy made because the page was changed after the freeze; 0: none. */
  copy: number;
  /** Where the checkpoint put the slice. */
  place: Place | undefined;
}

/** A page as of the freeze, with a slice for each column in their order. */
export interface FrozenPage {
  readonly page: number;
  readonly slices: readonly FrozenSlice[];
  /** Where the slices were before: looked up when the first of them is written. */
  before: Places | undefined;
  /** The space gave the page up after the freeze: it has no cells, only the copies. */
  isDropped: boolean;
}

export class DirtyPages {
  readonly #columns: number;
  /** As the next checkpoint will take them, so that a freeze need not look at each. */
  #dirty = new Map<number, FrozenPage>();
  #frozen = new Map<number, FrozenPage>();
  /** The frozen pages by number; undefined until somebody asks. */
  #inOrder: readonly FrozenPage[] | undefined;
  /** Dirty through the plan under way alone. */
  readonly #planned = new Set<number>();
  #pinnedCount = 0;

  /** Of pages with so many columns. */
  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Pages dirty or frozen. */
  get pinnedCount(): number {
    return this.#pinnedCount;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  has(page: number): boolean {
    return this.#dirty.has(page);
  }

  isPinned(page: number): boolean {
    return this.#dirty.has(page) || this.#isFrozenCell(page);
  }

  /** The page as the running checkpoint must write it, if it is among those. */
  frozen(page: number): FrozenPage | undefined {
    return this.#frozen.get(page);
  }

  /** A page is changed by the plan under way (or, when `planned` is false, by recovery). */
  add(page: number, planned: boolean): void {
    if (this.#dirty.has(page)) return;
    this.#dirty.set(page, this.#changed(page));
    if (!this.#isFrozenCell(page)) this.#pinnedCount++;
    if (planned) this.#planned.add(page);
  }

  /** The space gives a page up, whose copies were made if it is frozen: its cells are pinned no more. */
  drop(page: number): void {
    if (this.isPinned(page)) this.#pinnedCount--;
    this.#dirty.delete(page);
    const frozen = this.#frozen.get(page);
    if (frozen !== undefined) frozen.isDropped = true;
  }

  commitPlan(): void {
    this.#planned.clear();
  }

  /** Pages made dirty by the plan are not dirty any more; calls `clean` for each that is not frozen. */
  rollbackPlan(clean: (page: number) => void): void {
    for (const page of this.#planned) {
      this.#dirty.delete(page);
      if (this.#isFrozenCell(page)) continue;
      this.#pinnedCount--;
      clean(page);
    }
    this.#planned.clear();
  }

  /** All dirty pages become frozen. O(1). */
  freeze(): void {
    assert(this.#frozen.size === 0, 'one checkpoint at a time');
    assert(this.#planned.size === 0, 'a freeze stands between two commits');
    this.#frozen = this.#dirty;
    this.#dirty = new Map();
    this.#inOrder = undefined;
  }

  /** The frozen pages by number; none without a checkpoint. */
  frozenPages(): readonly FrozenPage[] {
    this.#inOrder ??= [...this.#frozen.values()].sort((a, b) => a.page - b.page);
    return this.#inOrder;
  }

  /** A frozen page is on disk and in the tree; whether it is clean now: not changed, or given up, since. */
  installed({ page, isDropped }: FrozenPage): boolean {
    this.#frozen.delete(page);
    if (this.#frozen.size === 0) this.#inOrder = undefined;
    if (isDropped || this.#dirty.has(page)) return false;
    this.#pinnedCount--;
    return true;
  }

  /** The frozen pages are dirty again, whatever becomes of the plan under way. */
  failed(): void {
    for (const [page, { isDropped }] of this.#frozen) {
      if (isDropped) continue;
      this.#dirty.set(page, this.#changed(page));
      this.#planned.delete(page);
    }
    this.#frozen = new Map();
    this.#inOrder = undefined;
  }

  #changed(page: number): FrozenPage {
    const slices = Array.from({ length: this.#columns }, () => ({ copy: 0, place: undefined }));
    return { page, slices, before: undefined, isDropped: false };
  }

  #isFrozenCell(page: number): boolean {
    return this.#frozen.get(page)?.isDropped === false;
  }
}
