/**
 * The part of a space's 1-bit codes in a checkpoint: as `space-checkpoint.ts`, with one column and entries
 * of its own. It takes part beside the space's pages, so that both are on disk as of the same commit.
 */
import { assert } from '../base/assert.ts';
import { DirtyPages, type FrozenPage } from './dirty-pages.ts';
import type { UnitRun } from './free-units.ts';
import { UNIT_SIZE } from './geometry.ts';
import type { PageColumn } from './page-column.ts';
import {
  BITS_END,
  bitsHi,
  decodeEnd,
  decodePlace,
  encodeEnd,
  encodePlace,
  type PageMap,
  type Place,
} from './page-map.ts';
import {
  type CheckpointedSpace,
  type CheckpointTarget,
  NO_RUNS,
  type ReplacingEntry,
} from './page-store.ts';

export interface BitCheckpointOptions {
  readonly spaceId: number;
  readonly column: PageColumn;
  /** At the head of a slice: zero on disk. */
  readonly maskBytes: number;
  readonly map: PageMap;
  /** Path of the page file, for errors. */
  readonly file: string;
  /** How many bit pages there are by the newest commit. */
  readonly countPages: () => number;
  readonly countPinned: (bytes: number) => void;
}

export class BitCheckpoint implements CheckpointedSpace {
  /** Orders the entries of a checkpoint: above those of all spaces. */
  readonly id: number;
  readonly pages: DirtyPages = new DirtyPages(1);
  readonly #options: BitCheckpointOptions;
  #pagesAtFreeze = 0;
  #placedEnd: number | undefined;
  #copiedBytes = 0;
  #countedBytes = 0;

  constructor(options: BitCheckpointOptions) {
    this.id = bitsHi(options.spaceId);
    this.#options = options;
  }

  get hasChanges(): boolean {
    return this.pages.dirtyCount > 0 || this.pagesNeeded < this.placedEnd;
  }

  /** By the newest version bit pages below it have places, the others none. */
  get placedEnd(): number {
    const { map, spaceId, file } = this.#options;
    const entry = (): Uint8Array | undefined => map.getBits(spaceId, BITS_END);
    this.#placedEnd ??= decodeEnd(entry(), 'the end of placed bit pages', file);
    return this.#placedEnd;
  }

  /** How many bit pages there are by the newest commit. */
  get pagesNeeded(): number {
    return this.#options.countPages();
  }

  /** Entries were written by somebody else. */
  reload(): void {
    this.#placedEnd = undefined;
  }

  /** Where the slice is by the newest version, if it was ever written. */
  place(bitPage: number): Place | undefined {
    const { map, spaceId, file } = this.#options;
    const bytes = map.getBits(spaceId, bitPage);
    return bytes === undefined ? undefined : decodePlace(bytes, file);
  }

  runOf({ unit }: Place): UnitRun {
    return { unit, count: this.#options.column.cellBytes / UNIT_SIZE };
  }

  recount(): void {
    const { column, countPinned } = this.#options;
    const bytes = this.pages.pinnedCount * column.cellBytes + this.#copiedBytes;
    countPinned(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  /** Copies what the running checkpoint has still to write of a bit page that is about to change. */
  protect(bitPage: number): void {
    const slice = this.pages.frozen(bitPage)?.slices[0];
    if (slice === undefined || slice.place !== undefined || slice.copy !== 0) return;
    slice.copy = this.#options.column.copy(bitPage);
    this.#copiedBytes += this.#options.column.cellBytes;
  }

  /** The bit page ceased to be, and was protected. */
  drop(bitPage: number): void {
    this.pages.drop(bitPage);
    this.#options.column.drop(bitPage);
  }

  freeze(): void {
    this.#pagesAtFreeze = this.pagesNeeded;
    this.pages.freeze();
  }

  *write({ writer, allocate }: CheckpointTarget): Iterable<number> {
    const { column, maskBytes } = this.#options;
    for (const { page, slices } of this.pages.frozenPages()) {
      const bytes = column.bytes(slices[0].copy || column.peek(page));
      slices[0].place = writer.add(allocate(column.cellBytes), bytes, maskBytes);
      yield column.cellBytes;
    }
  }

  *entries(tree: number): Iterable<ReplacingEntry> {
    const hi = this.id;
    const replaced = (bitPage: number): UnitRun[] => {
      const before = this.place(bitPage);
      return before === undefined ? [] : [this.runOf(before)];
    };
    for (const { page, slices } of this.pages.frozenPages()) {
      const { place } = slices[0];
      assert(place !== undefined, 'every frozen bit page was written');
      const entry = { tree, hi, lo: page, value: encodePlace(place) };
      yield { entry, replaced: replaced(page) };
    }
    for (let lo = this.#pagesAtFreeze; lo < this.placedEnd; lo++) {
      yield { entry: { tree, hi, lo, value: undefined }, replaced: replaced(lo) };
    }
    const end = encodeEnd(this.#pagesAtFreeze);
    yield { entry: { tree, hi, lo: BITS_END, value: end }, replaced: NO_RUNS };
  }

  *installed(): Iterable<void> {
    const { column } = this.#options;
    this.#placedEnd = this.#pagesAtFreeze;
    for (const frozen of this.pages.frozenPages()) {
      this.#freeCopy(frozen);
      if (this.pages.installed(frozen)) column.unpin(frozen.page);
      this.recount();
      yield;
    }
  }

  failed(): void {
    for (const frozen of this.pages.frozenPages()) this.#freeCopy(frozen);
    this.pages.failed();
    this.recount();
  }

  /** The space is given up with what is dirty. */
  release(): void {
    this.#options.countPinned(-this.#countedBytes);
    this.#countedBytes = 0;
  }

  #freeCopy({ slices: [slice] }: FrozenPage): void {
    if (slice.copy === 0) return;
    const { column } = this.#options;
    column.freeCopy(slice.copy);
    slice.copy = 0;
    this.#copiedBytes -= column.cellBytes;
  }
}
