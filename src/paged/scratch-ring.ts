/**
 * A few places in the module's memory for vectors that are looked at once: each `next` takes the place
 * that was given longest ago. One ring serves all spaces of a store.
 */
import { assert } from '../base/assert.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { KernelMemory } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';

/** Views of fewer bytes are not kept: there would be thousands. */
const VIEW_BYTES_MIN = 256;

/** So many of the longest vectors fit at the least. */
const VECTORS_MIN = 4;

export class ScratchRing {
  readonly #allocator: CellAllocator;
  #address = 0;
  #size = 0;
  #position = 0;
  readonly #memory: KernelMemory;
  /** By address and length. To make one takes a fifth of the time of a read from the system's cache. */
  readonly #views = new Map<number, Map<number, Uint8Array>>();

  constructor(allocator: CellAllocator, memory: KernelMemory) {
    this.#allocator = allocator;
    this.#memory = memory;
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

  /** Of its bytes: the first, and the one behind the last. */
  get start(): number {
    return this.#address;
  }

  get end(): number {
    return this.#address + this.#size;
  }

  /** How many places of `bytes` bytes, taken one after the other, hold at the same time. */
  capacity(bytes: number): number {
    assert(this.#size > 0, 'nothing is read when the ring is given back');
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

  /** The bytes at an address that `next` gave: a view that is kept. */
  bytes(address: number, bytes: number): Uint8Array {
    const { u8 } = this.#memory;
    if (bytes < VIEW_BYTES_MIN) return u8.subarray(address, address + bytes);
    let views = this.#views.get(bytes);
    if (views === undefined) {
      views = new Map();
      this.#views.set(bytes, views);
    }
    let view = views.get(address);
    if (view === undefined) {
      view = u8.subarray(address, address + bytes);
      views.set(address, view);
    }
    return view;
  }

  /** Gives the memory back. */
  release(): void {
    this.#views.clear();
    if (this.#size > 0) this.#allocator.freeRun(this.#address, this.#size);
    this.#size = 0;
    this.#position = 0;
  }
}

function roundUp16(bytes: number): number {
  return (bytes + 15) & ~15;
}
