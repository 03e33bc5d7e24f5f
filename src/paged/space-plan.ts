/**
 * The undo list of one plan in one space: slot states as they will be, and what slots and masks held
 * before. The masks of cells in memory show the plan's states at once; the tree gets them with the commit.
 */
import type { KernelMemory } from '../kernels/kernels.ts';
import type { SlotStates } from './slot-states.ts';

interface PlannedStates {
  readonly states: SlotStates;
  /** Both masks as they were when the plan first touched the page. */
  readonly usedBefore: Uint32Array;
  readonly liveBefore: Uint32Array;
}

interface SavedBytes {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export class SpacePlan {
  /** Pages that the plan opened. */
  readonly opened: Set<number> = new Set();
  /** Pages that it gives up: the last ones, highest first. */
  readonly dropped: number[] = [];
  readonly #states: Map<number, PlannedStates> = new Map();
  readonly #saved: SavedBytes[] = [];

  /** The states of `page` as the plan leaves them, if it changes them. */
  states(page: number): SlotStates | undefined {
    return this.#states.get(page)?.states;
  }

  /** `states`, which the plan may change from now on, are those of `page` before it. */
  plan(page: number, states: SlotStates): void {
    const usedBefore = states.used.slice();
    const liveBefore = states.live.slice();
    this.#states.set(page, { states, usedBefore, liveBefore });
  }

  /** Pages with changed states, in the order in which they were first changed. */
  changed(): Iterable<[number, PlannedStates]> {
    return this.#states;
  }

  /** Remembers bytes of a pinned cell. */
  save(memory: KernelMemory, address: number, length: number): void {
    this.#saved.push({ address, bytes: memory.u8.slice(address, address + length) });
  }

  /** Puts the remembered bytes back, newest first. */
  restore(memory: KernelMemory): void {
    for (let i = this.#saved.length - 1; i >= 0; i--) {
      memory.u8.set(this.#saved[i].bytes, this.#saved[i].address);
    }
  }
}
