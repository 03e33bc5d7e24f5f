/**
 * Looks at every page of the given spaces and at every unit of the page file, and says what contradicts
 * what. Reads the whole file; lets the event loop run in between. Repairs nothing.
 */
import { DatabaseError } from '../errors.ts';
import type { BitPages } from './bit-pages.ts';
import { CHUNK_UNITS, type UnitRun } from './free-units.ts';
import type { Place } from './page-map.ts';
import type { PageStore } from './page-store.ts';
import type { PagedSpace } from './paged-space.ts';
import { hasBit, type SlotStates } from './slot-states.ts';

export type PageProblemCode =
  /** A page has neither slices nor a dirty cell. */
  | 'PAGE_MISSING'
  /** A slice, an entry or a vector does not pass its checksum, or cannot be decoded. */
  | 'PAGE_DAMAGED'
  /** A unit belongs to two slices. */
  | 'UNIT_SHARED'
  /** A unit of a slice is marked free. */
  | 'UNIT_FREE'
  /** A unit is marked taken and belongs to no slice. */
  | 'UNIT_LEAKED'
  /** The masks of a cell differ from the slot states. */
  | 'MASKS_DIFFER'
  /** 1-bit codes are not those of the vectors. */
  | 'BITS_DIFFER'
  /** Counters differ from the slot states. */
  | 'COUNTERS_DIFFER';

export interface PageProblem {
  readonly code: PageProblemCode;
  readonly where: string;
  readonly detail: string;
}

export interface PageCheck {
  readonly ok: boolean;
  readonly problems: readonly PageProblem[];
  /** Used share of the slots, by space. */
  readonly fill: ReadonlyMap<number, number>;
}

/** Pages between two turns of the event loop. */
const PAGES_PER_TURN = 32;

/** `spaces` are all spaces of the store. No plan and no checkpoint is under way. */
export async function checkPages(
  store: PageStore,
  spaces: readonly PagedSpace[],
): Promise<PageCheck> {
  const check = new Check(store);
  const fill = new Map<number, number>();
  for (const space of spaces) {
    const total = { nodes: 0, live: 0, ghosts: 0 };
    for (let page = 0; page < space.counters.pages; page++) {
      check.page(space, page, total);
      if (page % PAGES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    check.dropped(space);
    if (space.bits !== undefined) {
      for (let bitPage = 0; bitPage < check.bitPages(space.bits, space); bitPage++) {
        check.bitPage(space.bits, bitPage, `space ${space.id} bit page ${bitPage}`);
        if (bitPage % PAGES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    check.counters(space, total);
    fill.set(space.id, space.stats().fill);
  }
  check.units();
  return { ok: check.problems.length === 0, problems: check.problems, fill };
}

interface Totals {
  nodes: number;
  live: number;
  ghosts: number;
}

class Check {
  readonly problems: PageProblem[] = [];
  readonly #store: PageStore;
  readonly #owned: Uint32Array;
  #ownedCount = 0;

  constructor(store: PageStore) {
    this.#store = store;
    this.#owned = new Uint32Array((store.units.chunkCount * CHUNK_UNITS) / 32);
  }

  page(space: PagedSpace, page: number, total: Totals): void {
    const where = `space ${space.id} page ${page}`;
    const states = this.#guard(where, () => space.states.ofTree(page));
    if (states === undefined) return;
    for (let slot = 0; slot < space.geometry.slotsPerPage; slot++) {
      if (states.isUsed(slot)) total.nodes++;
      if (states.isLive(slot)) total.live++;
    }
    total.ghosts += states.ghosts.size;
    this.#masks(space, page, states, where);
    const places = this.#guard(where, () => space.checkpoint.places(page) ?? 'none');
    if (places === undefined) return;
    const isPinned = space.checkpoint.pages.isPinned(page);
    if (places === 'none') {
      if (!isPinned) this.#report('PAGE_MISSING', where, 'no place, and not in memory');
    } else {
      for (const run of space.checkpoint.runs(places)) this.#own(run, where);
      this.#slice(places.codes, space.geometry.codeSliceBytes, `${where} codes`);
      const originals = this.#slice(
        places.originals,
        space.geometry.originalSliceBytes,
        `${where} originals`,
      );
      if (!isPinned && originals !== undefined)
        this.#vectors(space, page, states, originals, where);
    }
    const cell = isPinned ? (space.columns.originals?.peek(page) ?? 0) : 0;
    const bytes = cell === 0 ? undefined : space.columns.originals?.bytes(cell);
    if (bytes !== undefined) this.#vectors(space, page, states, bytes, where);
  }

  /** Pages that were given up keep their units until the next checkpoint. */
  dropped(space: PagedSpace): void {
    const { checkpoint, counters, id } = space;
    for (let page = counters.pages; page < checkpoint.placedEnd; page++) {
      const places = checkpoint.places(page);
      if (places === undefined) continue;
      for (const run of checkpoint.runs(places))
        this.#own(run, `space ${id} page ${page}, given up`);
    }
  }

  /** How many bit pages there are to look at: those that are needed, and those given up lately. */
  bitPages({ checkpoint }: BitPages, space: PagedSpace): number {
    return (
      this.#guard(`space ${space.id} bits`, () => {
        return Math.max(checkpoint.pagesNeeded, checkpoint.placedEnd);
      }) ?? 0
    );
  }

  /** A bit page: its slice, and whether cell or slice holds what the codes say. */
  bitPage(bits: BitPages, bitPage: number, where: string): void {
    const { checkpoint, column } = bits;
    const place = this.#guard(where, () => checkpoint.place(bitPage) ?? 'none');
    if (place === undefined) return;
    const isNeeded = bitPage < checkpoint.pagesNeeded;
    const isPinned = checkpoint.pages.isPinned(bitPage);
    if (place !== 'none') this.#own(checkpoint.runOf(place), where);
    else if (isNeeded && !isPinned)
      this.#report('PAGE_MISSING', where, 'no place, and not in memory');
    const slice = place === 'none' ? undefined : this.#slice(place, column.cellBytes, where);
    if (!isNeeded) return;
    const cell = column.peek(bitPage);
    if (cell !== 0 && !bits.masks.isRight(bitPage, cell)) {
      this.#report('MASKS_DIFFER', where, 'live mask of bits');
    }
    const bytes = isPinned ? column.bytes(cell) : slice;
    if (bytes === undefined) return;
    const wrong = this.#guard(where, () => bits.firstWrong(bitPage, bytes)) ?? -1;
    if (wrong >= 0) this.#report('BITS_DIFFER', where, `bits and code of slot ${wrong}`);
  }

  counters(space: PagedSpace, total: Totals): void {
    const { nodes, live, ghosts } = space.counters;
    if (nodes === total.nodes && live === total.live && ghosts === total.ghosts) return;
    const detail = `counted ${JSON.stringify(total)}, kept ${JSON.stringify(space.counters)}`;
    this.#report('COUNTERS_DIFFER', `space ${space.id}`, detail);
  }

  /** After all pages: units that are taken and nobody's. */
  units(): void {
    const { takenUnits, heldUnits } = this.#store.units.stats();
    const leaked = takenUnits - heldUnits - this.#ownedCount;
    if (leaked > 0) this.#report('UNIT_LEAKED', this.#store.file.path, `${leaked} units`);
  }

  #own({ unit, count }: UnitRun, where: string): void {
    for (let i = unit; i < unit + count; i++) {
      if (!this.#store.units.isTaken(i)) {
        this.#report('UNIT_FREE', where, `unit ${i}`);
      } else if (hasBit(this.#owned, i)) {
        this.#report('UNIT_SHARED', where, `unit ${i}`);
      } else {
        this.#owned[i >>> 5] |= 1 << (i & 31);
        this.#ownedCount++;
      }
    }
  }

  #masks(space: PagedSpace, page: number, states: SlotStates, where: string): void {
    const cell = space.columns.codes.peek(page);
    if (cell === 0) return;
    const isEqual = (mask: Uint32Array, expected: Uint32Array): boolean =>
      expected.every((word, i) => word === mask[i]);
    if (!isEqual(space.states.liveMask(cell), states.live)) {
      this.#report('MASKS_DIFFER', where, 'live mask');
    }
    if (!isEqual(space.states.usedMask(cell), states.used)) {
      this.#report('MASKS_DIFFER', where, 'used mask');
    }
  }

  #slice(place: Place | undefined, sliceBytes: number, where: string): Uint8Array | undefined {
    if (place === undefined) return undefined;
    const bytes = new Uint8Array(sliceBytes);
    const read = this.#guard(where, () => {
      this.#store.file.readSlice(place, bytes);
      return bytes;
    });
    return read;
  }

  /** The checksum of each used vector of an original slice. */
  #vectors(
    space: PagedSpace,
    page: number,
    states: SlotStates,
    slice: Uint8Array,
    where: string,
  ): void {
    const { slotsPerPage, originalStride, dimension } = space.geometry;
    const view = new DataView(slice.buffer, slice.byteOffset, slice.byteLength);
    for (let slot = 0; slot < slotsPerPage; slot++) {
      if (!states.isUsed(slot)) continue;
      const start = slot * originalStride;
      const vector = slice.subarray(start, start + 4 * dimension);
      const checksum = this.#store.hasher.hash32(vector, page * slotsPerPage + slot);
      if (checksum !== view.getUint32(start + 4 * dimension, true)) {
        this.#report('PAGE_DAMAGED', where, `checksum of the vector in slot ${slot}`);
      }
    }
  }

  /** The result of `run`, or undefined after reporting its error. */
  #guard<T>(where: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      // Where memory has no room for a page, nothing is known of it.
      if (!(error instanceof DatabaseError) || error.code === 'RESOURCE_EXHAUSTED') throw error;
      this.#report('PAGE_DAMAGED', where, error.message);
      return undefined;
    }
  }

  #report(code: PageProblemCode, where: string, detail: string): void {
    this.problems.push({ code, where, detail });
  }
}
