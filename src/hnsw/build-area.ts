/**
 * What a bulk build holds while it runs: runs of the module's memory, and bytes of JavaScript arrays, which are
 * counted with those who keep the budget. `release` gives all of it back, whatever became of the build.
 */
import { assert } from '../base/assert.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import type { BuildMemory, BuildNodes } from './build-job.ts';
import type { Slices } from './slices.ts';

const ENCODE_STEP = 32;
const CLEARED_BYTES = 1 << 20;

/** Bytes of arrays that somebody bounds; RESOURCE_EXHAUSTED when there are too many. */
export interface ArrayBudget {
  /** `bytes` is negative for what is given back. */
  count(bytes: number): void;
}

/** The vectors of a build, numbered from 0. */
export interface BuildVectors {
  readonly count: number;
  /** Copies vector `index` to `target`, which has the dimension. */
  read(index: number, target: Float32Array): void;
}

export interface BuildAreaOptions {
  readonly memory: BuildMemory;
  readonly vectors: BuildVectors;
  readonly codeStride: number;
  readonly slices: Slices;
  readonly arrays: ArrayBudget | undefined;
  /** Workers that take part. */
  readonly pool: KernelPool | undefined;
}

export class BuildArea {
  readonly memory: BuildMemory;
  readonly vectors: BuildVectors;
  readonly codeStride: number;
  readonly slices: Slices;
  readonly pool: KernelPool | undefined;
  readonly #arrays: ArrayBudget | undefined;
  /** Runs that are held: address and bytes. */
  readonly #runs: Map<number, number> = new Map();
  #arrayBytes = 0;
  /** Where vectors are read to: taken first, so that it does not lie between other runs. */
  readonly #vector: number;

  constructor({ memory, vectors, codeStride, slices, arrays, pool }: BuildAreaOptions) {
    this.pool = pool;
    this.memory = memory;
    this.vectors = vectors;
    this.codeStride = codeStride;
    this.slices = slices;
    this.#arrays = arrays;
    this.#vector = this.take(4 * memory.space.dimension);
  }

  /** A run; contents are undefined. */
  take(bytes: number): number {
    const address = this.memory.allocator.allocateRun(bytes);
    this.#runs.set(address, bytes);
    return address;
  }

  give(address: number): void {
    const bytes = this.#runs.get(address);
    assert(bytes !== undefined, 'a run is given back once');
    this.memory.allocator.freeRun(address, bytes);
    this.#runs.delete(address);
  }

  /** Counts bytes of arrays, before they are made or (negative) after they are dropped. */
  count(bytes: number): void {
    this.#arrays?.count(bytes);
    this.#arrayBytes += bytes;
  }

  release(): void {
    for (const [address, bytes] of this.#runs) this.memory.allocator.freeRun(address, bytes);
    this.#runs.clear();
    this.count(-this.#arrayBytes);
  }

  /** Codes that are there, and empty lists. */
  async nodes(codes: number, count: number, cap: number): Promise<BuildNodes> {
    const listStride = listBytes(cap);
    const bytes = count * listStride;
    const lists = this.take(bytes);
    const { u8 } = this.memory.kernels.memory;
    for (let start = 0; start < bytes; start += CLEARED_BYTES) {
      u8.fill(0, lists + start, lists + Math.min(bytes, start + CLEARED_BYTES));
      if (this.slices.isOver) await this.slices.pause();
    }
    return { count, codes, codeStride: this.codeStride, lists, listStride, cap };
  }

  /** Writes the codes of vectors, by place in `order`. */
  async encode(
    order: Uint32Array,
    codes: number,
    onProgress: (done: number) => void = () => {},
  ): Promise<void> {
    for (let start = 0; start < order.length; start += ENCODE_STEP) {
      const part = order.subarray(start, start + ENCODE_STEP);
      this.encodeNow(part, codes + start * this.codeStride);
      if (!this.slices.isOver) continue;
      onProgress(start);
      await this.slices.pause();
    }
  }

  /** The same for a few. */
  encodeNow(order: Uint32Array, codes: number): void {
    const { kernels, space } = this.memory;
    const vector = this.#vector;
    const start = vector >>> 2;
    const target = kernels.memory.f32.subarray(start, start + space.dimension);
    for (let i = 0; i < order.length; i++) {
      this.vectors.read(order[i], target);
      kernels.exports.encodeSlot(space.address, vector, codes + i * this.codeStride);
    }
  }
}

/** Of one list. */
export function listBytes(cap: number): number {
  return 4 + 4 * cap;
}
