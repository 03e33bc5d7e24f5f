/**
 * The slot states of the pages of one space: from the plan under way if it changes them, else from the
 * masks of the code cell, else from the tree. Keeps the masks of cells in memory equal to them.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import type { Geometry } from './geometry.ts';
import type { PageColumn } from './page-column.ts';
import type { PageMap } from './page-map.ts';
import type { PlaceCache } from './place-cache.ts';
import { countBits, decodeStates, SlotStates } from './slot-states.ts';
import type { SpacePlan } from './space-plan.ts';

export interface PageStatesOptions {
  readonly id: number;
  readonly geometry: Geometry;
  readonly codes: PageColumn;
  readonly memory: KernelMemory;
  readonly map: PageMap;
  readonly placeCache: PlaceCache;
  /** Path of the page file, for errors. */
  readonly file: string;
}

export class PageStates {
  /** The plan under way; the space sets it. */
  plan: SpacePlan | undefined;
  /** Shows the living slots of a page wherever else they are in memory; the space sets it. */
  showElsewhere: ((page: number, live: Uint32Array) => void) | undefined;
  readonly #options: PageStatesOptions;

  constructor(options: PageStatesOptions) {
    this.#options = options;
  }

  /** The states of `page`. Not to be changed. May read the tree, never the page file. */
  read(page: number): SlotStates {
    return this.plan?.states(page) ?? this.#ofCell(page) ?? this.ofTree(page);
  }

  /** The states that the tree has, without the plan. */
  ofTree(page: number): SlotStates {
    const { id, geometry, map, file } = this.#options;
    const bytes = map.get(id, page, 'states');
    if (bytes === undefined) {
      throw new CorruptionError(`page ${page} of space ${id} has no slot states`, {
        file,
        offset: 0,
      });
    }
    return decodeStates(bytes, geometry.slotsPerPage, file);
  }

  /** The states of `page` for the plan to change; call `show` afterwards. */
  change(page: number): SlotStates {
    const { plan } = this;
    assert(plan !== undefined, 'states change within a plan');
    const planned = plan.states(page);
    if (planned !== undefined) return planned;
    const states = this.read(page);
    plan.plan(page, states);
    return states;
  }

  /** Writes the states of `page` into its cells, as far as they are in memory. */
  show(page: number): void {
    const address = this.#options.codes.peek(page);
    const planned = this.plan?.states(page);
    if (address === 0 && (planned === undefined || this.showElsewhere === undefined)) return;
    const { used, live } = planned ?? this.ofTree(page);
    if (address !== 0) this.#setMasks(address, used, live);
    this.showElsewhere?.(page, live);
  }

  /** Writes the states of `page` into its code cell at `address`, which is not in the directory yet. */
  showAt(page: number, address: number): void {
    const { placeCache, geometry } = this.#options;
    const planned = this.plan?.states(page);
    if (planned === undefined && placeCache.isWhole(page)) {
      this.#setWhole(address);
      return;
    }
    const { used, live } = planned ?? this.ofTree(page);
    this.#setMasks(address, used, live);
    const isWhole = countBits(live) === geometry.slotsPerPage;
    if (planned === undefined && isWhole) placeCache.noteWhole(page);
  }

  /** Puts the masks back as they were before the plan. */
  rollback(plan: SpacePlan): void {
    for (const [page, { usedBefore, liveBefore }] of plan.changed()) {
      const address = this.#options.codes.peek(page);
      if (address !== 0) this.#setMasks(address, usedBefore, liveBefore);
      this.showElsewhere?.(page, liveBefore);
    }
  }

  /** Free slots of `page`, or -1 when that would need a read of the tree. */
  freeSlots(page: number): number {
    const { slotsPerPage } = this.#options.geometry;
    const planned = this.plan?.states(page);
    if (planned !== undefined) return slotsPerPage - countBits(planned.used);
    const address = this.#options.codes.peek(page);
    if (address === 0) return -1;
    const { memory, geometry } = this.#options;
    const first = (address >>> 2) + geometry.maskWords;
    return slotsPerPage - countBits(memory.u32, first, first + geometry.maskWords);
  }

  /** The masks of the code cell at `address`: views, valid as long as the cell. */
  liveMask(address: number): Uint32Array {
    const { memory, geometry } = this.#options;
    return memory.u32.subarray(address >>> 2, (address >>> 2) + geometry.maskWords);
  }

  usedMask(address: number): Uint32Array {
    return this.liveMask(address + 4 * this.#options.geometry.maskWords);
  }

  #setMasks(address: number, used: Uint32Array, live: Uint32Array): void {
    const { memory, geometry } = this.#options;
    const { maskWords } = geometry;
    const { u32 } = memory;
    const first = address >>> 2;
    // A few words: views of them would cost more.
    for (let i = 0; i < maskWords; i++) {
      u32[first + i] = live[i];
      u32[first + maskWords + i] = used[i];
    }
  }

  /** All slots are used, and live. */
  #setWhole(address: number): void {
    const { memory, geometry } = this.#options;
    const { maskWords, slotsPerPage } = geometry;
    const { u32 } = memory;
    const first = address >>> 2;
    for (let i = 0; i < maskWords; i++) {
      const slots = Math.min(32, slotsPerPage - 32 * i);
      const mask = slots === 32 ? 0xffffffff : 2 ** slots - 1;
      u32[first + i] = mask;
      u32[first + maskWords + i] = mask;
    }
  }

  /** From the masks in memory, which say all when the page has no ghosts. */
  #ofCell(page: number): SlotStates | undefined {
    const address = this.#options.codes.peek(page);
    if (address === 0) return undefined;
    const used = this.usedMask(address);
    const live = this.liveMask(address);
    const states = new SlotStates(used.length);
    for (let i = 0; i < used.length; i++) {
      if (used[i] !== live[i]) return undefined;
      states.used[i] = used[i];
      states.live[i] = live[i];
    }
    return states;
  }
}
