/**
 * The scratches of walks. Each search in flight has its own; a few are kept for the next ones, and the rest
 * goes back to the allocator at once. One pool serves all spaces over the same memory.
 */
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';

/** The memory of one walk: an address and the bytes of the run behind it. */
export interface Scratch {
  readonly address: number;
  readonly runBytes: number;
}

/** Idle scratches may take this share of the memory, and always these bytes. */
const IDLE_SHARE = 1 / 32;
const IDLE_BYTES_MIN = 4 * FRAME_SIZE;
const IDLE_BYTES_MAX = 64 * FRAME_SIZE;

export class WalkPool {
  readonly #kernels: Kernels;
  readonly #allocator: CellAllocator;
  readonly #idle: Scratch[] = [];
  readonly #idleBytesMax: number;
  #idleBytes = 0;

  constructor(kernels: Kernels, allocator: CellAllocator) {
    this.#kernels = kernels;
    this.#allocator = allocator;
    const share = allocator.totalBytes * IDLE_SHARE;
    this.#idleBytesMax = Math.min(Math.max(share, IDLE_BYTES_MIN), IDLE_BYTES_MAX);
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
    if (index >= 0) {
      const [scratch] = this.#idle.splice(index, 1);
      this.#idleBytes -= scratch.runBytes;
      return scratch;
    }
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
    if (this.#idleBytes + scratch.runBytes <= this.#idleBytesMax) {
      this.#idle.push(scratch);
      this.#idleBytes += scratch.runBytes;
    } else {
      this.#allocator.freeRun(scratch.address, scratch.runBytes);
    }
  }

  /** Gives idle scratches back. */
  release(): void {
    for (const { address, runBytes } of this.#idle) this.#allocator.freeRun(address, runBytes);
    this.#idle.length = 0;
    this.#idleBytes = 0;
  }
}
