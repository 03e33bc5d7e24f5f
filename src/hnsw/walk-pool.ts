/**
 * The scratches of walks. Each search in flight has its own; a few are kept for the next ones, and what
 * is large goes back to the allocator at once. One pool serves all spaces of a database.
 */
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';

/** The memory of one walk: an address and the bytes of the run behind it. */
export interface Scratch {
  readonly address: number;
  readonly runBytes: number;
}

const IDLE_MAX = 4;
const IDLE_BYTES_MAX = 16 * FRAME_SIZE;

export class WalkPool {
  readonly #kernels: Kernels;
  readonly #allocator: CellAllocator;
  readonly #idle: Scratch[] = [];

  constructor(kernels: Kernels, allocator: CellAllocator) {
    this.#kernels = kernels;
    this.#allocator = allocator;
  }

  /** A scratch laid out for a walk with `ef` in the space of that descriptor. */
  acquire(spaceAddress: number, ef: number): Scratch {
    const { exports } = this.#kernels;
    const bytes = exports.walkBytes(spaceAddress, ef) >>> 0;
    const scratch = this.reserve(bytes);
    // Not the whole run: a larger visited set would have to be cleared.
    exports.walkInit(scratch.address, bytes, spaceAddress, ef);
    return scratch;
  }

  /** A scratch of at least `bytes`, contents undefined. */
  reserve(bytes: number): Scratch {
    const index = this.#idle.findIndex((scratch) => scratch.runBytes >= bytes);
    if (index >= 0) return this.#idle.splice(index, 1)[0];
    const runBytes = Math.ceil(bytes / FRAME_SIZE) * FRAME_SIZE;
    try {
      return { address: this.#allocator.allocateRun(runBytes), runBytes };
    } catch (error) {
      if (this.#idle.length === 0) throw error;
      this.release();
      return { address: this.#allocator.allocateRun(runBytes), runBytes };
    }
  }

  give(scratch: Scratch): void {
    if (scratch.runBytes <= IDLE_BYTES_MAX && this.#idle.length < IDLE_MAX) {
      this.#idle.push(scratch);
    } else {
      this.#allocator.freeRun(scratch.address, scratch.runBytes);
    }
  }

  /** Gives idle scratches back. */
  release(): void {
    for (const { address, runBytes } of this.#idle) this.#allocator.freeRun(address, runBytes);
    this.#idle.length = 0;
  }
}
