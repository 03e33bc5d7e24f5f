/**
 * The dirty pages of one space and their cells: pinned, copied when a frozen page changes before it is
 * written, written by a checkpoint, let go when it is installed. That holds for codes; of originals only
 * the new ones stay in memory (`new-originals.ts`), and their slice is made of them and the one on disk.
 */
import { assert } from '../base/assert.ts';
import { DirtyPages, type FrozenPage } from './dirty-pages.ts';
import type { UnitRun } from './free-units.ts';
import { type Geometry, UNIT_SIZE } from './geometry.ts';
import type { NewOriginals } from './new-originals.ts';
import type { PageColumn } from './page-column.ts';
import type { PageFile } from './page-file.ts';
import {
  decodeEnd,
  decodePlaces,
  encodeEnd,
  encodePlaces,
  OPEN_PAGES,
  type PageMap,
  type Place,
  type Places,
  pageKey,
} from './page-map.ts';
import {
  type CheckpointedSpace,
  type CheckpointTarget,
  NO_RUNS,
  type ReplacingEntry,
} from './page-store.ts';
import type { PlaceBook } from './place-book.ts';
import type { PlaceCache } from './place-cache.ts';

/** The columns of a space; `originals: false` spaces have only codes. */
export interface Columns {
  readonly codes: PageColumn;
  readonly originals: PageColumn | undefined;
  /** There are some as long as there are originals. */
  readonly newOriginals: NewOriginals | undefined;
}

export interface SpaceCheckpointOptions {
  readonly id: number;
  readonly geometry: Geometry;
  readonly columns: Columns;
  readonly book: PlaceBook;
  readonly map: PageMap;
  readonly placeCache: PlaceCache;
  readonly file: PageFile;
  /** Is told how many bytes became pinned, or, below 0, unpinned. */
  readonly countPinned: (bytes: number) => void;
}

export class SpaceCheckpoint implements CheckpointedSpace {
  readonly id: number;
  readonly pages: DirtyPages;
  readonly #options: SpaceCheckpointOptions;
  /** The open pages, and how many pages there were, as of the freeze. */
  #openPages: Uint8Array = new Uint8Array(0);
  #pagesAtFreeze = 0;
  /** Pages from this one on have no places; undefined until first needed. */
  #placedEnd: number | undefined;
  #copiedBytes = 0;
  /** What `countPinned` was told in sum. */
  #countedBytes = 0;

  constructor(options: SpaceCheckpointOptions) {
    this.id = options.id;
    this.#options = options;
    this.pages = new DirtyPages(options.columns.originals === undefined ? 1 : 2);
  }

  /** Tells `countPinned` what changed; called whenever pages became dirty or clean. */
  recount(): void {
    const { codes, newOriginals } = this.#options.columns;
    const pinnedBytes = this.pages.pinnedCount * codes.cellBytes + this.#copiedBytes;
    const bytes = pinnedBytes + (newOriginals?.bytes ?? 0);
    this.#options.countPinned(bytes - this.#countedBytes);
    this.#countedBytes = bytes;
  }

  get hasChanges(): boolean {
    return this.pages.dirtyCount > 0 || this.#options.book.counters.pages < this.placedEnd;
  }

  /** The entries of the space were written by somebody else. */
  reload(): void {
    this.#placedEnd = undefined;
    this.#options.placeCache.clear();
  }

  /** By the newest version no page from this one on has places: those before may be given up. */
  get placedEnd(): number {
    if (this.#placedEnd === undefined) {
      const { map, file } = this.#options;
      const bytes = map.get(this.id, OPEN_PAGES, 'places');
      this.#placedEnd = decodeEnd(bytes, 'the end of placed pages', file.path);
    }
    return this.#placedEnd;
  }

  /** Where the slices of `page` are by the newest version, if it was ever written. */
  places(page: number): Places | undefined {
    const { map, file } = this.#options;
    const bytes = map.get(this.id, page, 'places');
    return bytes === undefined ? undefined : decodePlaces(bytes, file.path);
  }

  /** The same of the codes alone, from memory if it is known there. May take cells of others. */
  codesAt(page: number): Place | undefined {
    const { placeCache } = this.#options;
    const kept = placeCache.codes(page);
    if (kept !== undefined) return kept;
    const places = this.places(page);
    if (places !== undefined) placeCache.keep(page, places, true);
    return places?.codes;
  }

  /** The same of the originals. Takes no cells of others. */
  originalsAt(page: number): Place | undefined {
    const { placeCache } = this.#options;
    const kept = placeCache.originals(page);
    if (kept !== undefined) return kept;
    const places = this.places(page);
    if (places !== undefined) placeCache.keep(page, places, false);
    return places?.originals;
  }

  /**
   * Copies what the running checkpoint has still to write of `page`, which is about to change. Allocates,
   * so it may throw RESOURCE_EXHAUSTED; then nothing has changed.
   */
  protect(page: number): void {
    const slice = this.pages.frozen(page)?.slices[0];
    if (slice === undefined || slice.place !== undefined || slice.copy !== 0) return;
    const { codes } = this.#options.columns;
    slice.copy = codes.copy(page);
    this.#copiedBytes += codes.cellBytes;
  }

  /** Lets the cells of a page go that is neither dirty nor frozen. */
  unpin(page: number): void {
    this.#options.columns.codes.unpin(page);
  }

  /** The space has given up a page, which was protected: its cells go. */
  drop(page: number): void {
    this.pages.drop(page);
    const { codes, originals, newOriginals } = this.#options.columns;
    codes.drop(page);
    originals?.drop(page);
    newOriginals?.drop(page);
  }

  freeze(): void {
    this.#pagesAtFreeze = this.#options.book.counters.pages;
    this.#openPages = this.#options.book.openPages.encode();
    this.pages.freeze();
    this.#options.columns.newOriginals?.freeze();
  }

  /** Codes first, then originals, so that the slices of a column lie side by side in the file. */
  *write({ writer, allocate }: CheckpointTarget): Iterable<number> {
    const { geometry, columns } = this.#options;
    const { codes, originals } = columns;
    for (const frozen of this.pages.frozenPages()) {
      const { page, slices } = frozen;
      frozen.before = this.places(page);
      const bytes = codes.bytes(slices[0].copy || codes.peek(page));
      slices[0].place = writer.add(allocate(codes.cellBytes), bytes, 8 * geometry.maskWords);
      yield codes.cellBytes;
    }
    if (originals === undefined) return;
    for (const frozen of this.pages.frozenPages()) {
      const { slices } = frozen;
      const bytes = this.#composeOriginals(frozen, originals.cellBytes);
      slices[1].place = writer.add(allocate(bytes.length), bytes, 0);
      yield 2 * bytes.length; // Read, and written.
    }
  }

  *entries(tree: number): Iterable<ReplacingEntry> {
    const hi = this.id;
    for (const { page, slices, before } of this.pages.frozenPages()) {
      const codes = slices[0].place;
      assert(codes !== undefined, 'every frozen page was written');
      const value = encodePlaces({ codes, originals: slices.at(1)?.place });
      const replaced = before === undefined ? NO_RUNS : this.runs(before);
      yield { entry: { tree, hi, lo: pageKey(page, 'places'), value }, replaced };
    }
    for (let page = this.#pagesAtFreeze; page < this.placedEnd; page++) {
      const before = this.places(page);
      if (before === undefined) continue;
      const entry = { tree, hi, lo: pageKey(page, 'places'), value: undefined };
      yield { entry, replaced: this.runs(before) };
    }
    const end = encodeEnd(this.#pagesAtFreeze);
    const open = this.#openPages;
    yield { entry: { tree, hi, lo: pageKey(OPEN_PAGES, 'places'), value: end }, replaced: NO_RUNS };
    yield {
      entry: { tree, hi, lo: pageKey(OPEN_PAGES, 'states'), value: open },
      replaced: NO_RUNS,
    };
  }

  /** The units that `places` names. */
  runs({ codes, originals }: Places): UnitRun[] {
    const { geometry } = this.#options;
    const run = ({ unit }: Place, bytes: number): UnitRun => ({ unit, count: bytes / UNIT_SIZE });
    const runs: UnitRun[] = [];
    if (codes !== undefined) runs.push(run(codes, geometry.codeSliceBytes));
    if (originals !== undefined) runs.push(run(originals, geometry.originalSliceBytes));
    return runs;
  }

  /** Page by page: until its turn comes a page stays pinned, and what is new of it stays in memory. */
  *installed(): Iterable<void> {
    const { placeCache, columns } = this.#options;
    for (let page = this.#pagesAtFreeze; page < this.placedEnd; page++) placeCache.forget(page);
    this.#placedEnd = this.#pagesAtFreeze;
    for (const frozen of this.pages.frozenPages()) {
      const { page } = frozen;
      placeCache.forget(page);
      this.#freeCopy(frozen);
      columns.newOriginals?.installed(page);
      if (this.pages.installed(frozen)) this.unpin(page);
      this.recount();
      yield;
    }
  }

  failed(): void {
    for (const frozen of this.pages.frozenPages()) this.#freeCopy(frozen);
    const isDropped = (page: number): boolean => this.pages.frozen(page)?.isDropped ?? false;
    this.#options.columns.newOriginals?.failed(isDropped);
    this.pages.failed();
    this.recount();
  }

  /** The space is given up with all its dirty pages: nothing of it counts as pinned any more. */
  release(): void {
    this.#options.countPinned(-this.#countedBytes);
    this.#countedBytes = 0;
  }

  /** The originals of a frozen page as of the freeze: those on disk, and over them the new ones. Borrowed. */
  #composeOriginals({ page, before }: FrozenPage, bytes: number): Uint8Array {
    const { columns, file } = this.#options;
    const slice = file.scratch(bytes);
    const place = before?.originals;
    if (place === undefined) slice.fill(0);
    else file.readSlice(place, slice);
    columns.newOriginals?.complete(page, slice);
    return slice;
  }

  /** Of a page whose checkpoint has ended. */
  #freeCopy({ slices: [slice] }: FrozenPage): void {
    if (slice.copy === 0) return;
    const { codes } = this.#options.columns;
    codes.freeCopy(slice.copy);
    slice.copy = 0;
    this.#copiedBytes -= codes.cellBytes;
  }
}
