/**
 * A few places in the module's memory for vectors that are looked at once: each `next` takes the place
 * that was given longest ago. One ring serves all spaces of a store.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';

/** So many of the longest vectors fit at the least. */
const VECTORS_MIN = 4;

export class ScratchRing {
  readonly #allocator: CellAllocator;
  #address = 0;
  #size = 0;
  #position = 0;

  constructor(allocator: CellAllocator) {
    this.#allocator = allocator;
  }

  /** Makes room for vectors of `bytes`; what was in the ring is lost when it has to grow. */
  fit(bytes: number): void {
    const size = Math.ceil((VECTORS_MIN * roundUp16(bytes)) / FRAME_SIZE) * FRAME_SIZE;
    if (size <= this.#size) return;
    const address = this.#allocator.allocateRun(size);
    this.release();
    this.#address = address;
    this.#size = size;
  }

  /** How many places of `bytes` bytes, taken one after the other, hold at the same time. */
  capacity(bytes: number): number {
    return Math.floor(this.#size / roundUp16(bytes)) - 1;
  }

  /** The address, a multiple of 16, of `bytes` bytes that stay until the ring has gone round. */
  next(bytes: number): number {
    const size = roundUp16(bytes);
    assert(size * VECTORS_MIN <= this.#size, 'the ring was made for vectors of this size');
    if (this.#position + size > this.#size) this.#position = 0;
    const address = this.#address + this.#position;
    this.#position += size;
    return address;
  }

  /** Gives the memory back. */
  release(): void {
    if (this.#size > 0) this.#allocator.freeRun(this.#address, this.#size);
    this.#size = 0;
    this.#position = 0;
  }
}

function roundUp16(bytes: number): number {
  return (bytes + 15) & ~15;
}
