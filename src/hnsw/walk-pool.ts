/**
 * The scratches of walks. Each search in flight has its own; a few are kept for the next ones, and the rest
 * goes back to the allocator at once. One pool serves all spaces over the same memory.
 */
import { isDatabaseError } from '../errors.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';

/** The memory of one walk: an address and the bytes of the run behind it. */
export interface Scratch {
  readonly address: number;
  readonly runBytes: number;
}

export interface WalkPoolOptions {
  /**
   * Taken with the first walk, or by `takeHome` before, and kept: a walk that grows while a plan has pinned
   * cells everywhere may find no run of free frames elsewhere. Default: 0.
   */
  readonly homeBytes?: number;
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
  readonly #homeBytes: number;
  #home: Scratch | undefined;
  #idleBytes = 0;

  constructor(kernels: Kernels, allocator: CellAllocator, options: WalkPoolOptions = {}) {
    this.#kernels = kernels;
    this.#allocator = allocator;
    const share = allocator.totalBytes * IDLE_SHARE;
    this.#idleBytesMax = Math.min(Math.max(share, IDLE_BYTES_MIN), IDLE_BYTES_MAX);
    this.#homeBytes = options.homeBytes ?? 0;
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
    this.takeHome();
    const idle = this.#takeIdle(bytes, false);
    if (idle !== undefined) return idle;
    const runBytes = Math.ceil(bytes / FRAME_SIZE) * FRAME_SIZE;
    try {
      return { address: this.#allocator.allocateRun(runBytes), runBytes };
    } catch (error) {
      const home = this.#takeIdle(bytes, true);
      if (home !== undefined) return home;
      if (this.#idle.length === 0) throw error;
      this.release();
      return { address: this.#allocator.allocateRun(runBytes), runBytes };
    }
  }

  give(scratch: Scratch): void {
    if (scratch === this.#home) this.#idle.push(scratch);
    else if (this.#idleBytes + scratch.runBytes <= this.#idleBytesMax) {
      this.#idle.push(scratch);
      this.#idleBytes += scratch.runBytes;
    } else {
      this.#allocator.freeRun(scratch.address, scratch.runBytes);
    }
  }

  /** Gives idle scratches back, but for the one that is kept. */
  release(): void {
    const home = this.#idle.find((scratch) => scratch === this.#home);
    for (const scratch of this.#idle) {
      if (scratch !== home) this.#allocator.freeRun(scratch.address, scratch.runBytes);
    }
    this.#idle.length = 0;
    if (home !== undefined) this.#idle.push(home);
    this.#idleBytes = 0;
  }

  /** Idempotent. Does nothing when there is no room now. */
  takeHome(): void {
    if (this.#home !== undefined || this.#homeBytes === 0) return;
    const runBytes = Math.ceil(this.#homeBytes / FRAME_SIZE) * FRAME_SIZE;
    try {
      this.#home = { address: this.#allocator.allocateRun(runBytes), runBytes };
    } catch (error) {
      if (!isDatabaseError(error) || error.code !== 'RESOURCE_EXHAUSTED') throw error;
      return;
    }
    this.#idle.push(this.#home);
  }

  /** An idle scratch of at least `bytes`: the one that is kept, or one of the others. */
  #takeIdle(bytes: number, isHome: boolean): Scratch | undefined {
    const fits = (scratch: Scratch): boolean =>
      scratch.runBytes >= bytes && (scratch === this.#home) === isHome;
    const index = this.#idle.findIndex(fits);
    if (index < 0) return undefined;
    const [scratch] = this.#idle.splice(index, 1);
    if (!isHome) this.#idleBytes -= scratch.runBytes;
    return scratch;
  }
}
