/**
 * The centroid of a space's 1-bit codes: what is taken off a vector before its signs are taken. It stands
 * in the tree `pages`, as f32[dimension], from the commit of the training on, and in the module's memory,
 * where the space's descriptor names it.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError } from '../errors.ts';
import { type CellKind, permanentKind } from '../kernels/size-class.ts';
import type { Space } from '../kernels/space.ts';
import { BITS_CENTROID, type PageMap } from './page-map.ts';
import type { PageStore } from './page-store.ts';

export class BitCentroid {
  readonly #store: PageStore;
  readonly #space: Space;
  readonly #dimension: number;
  readonly #kind: CellKind;
  #address = 0;

  constructor(store: PageStore, space: Space, dimension: number) {
    this.#store = store;
    this.#space = space;
    this.#dimension = dimension;
    this.#kind = permanentKind('centroids', Math.ceil((4 * dimension) / 16) * 16);
  }

  get isSet(): boolean {
    return this.#address !== 0;
  }

  /** Copied. */
  set(centroid: Float32Array): void {
    assert(this.#address === 0, 'a centroid is set once');
    assert(centroid.length === this.#dimension, 'a centroid has the dimension');
    const { allocator, kernels } = this.#store;
    this.#address = allocator.allocate(this.#kind, 0);
    kernels.memory.f32.set(centroid, this.#address >>> 2);
    this.#space.setCentroid(this.#address);
  }

  clear(): void {
    if (this.#address === 0) return;
    this.#store.allocator.free(this.#kind, this.#address);
    this.#address = 0;
    this.#space.setCentroid(this.#address);
  }

  /** Takes it from the tree, if it is there. `file` only names the place in an error. */
  read(spaceId: number, map: PageMap, file: string): void {
    const bytes = map.getBits(spaceId, BITS_CENTROID);
    if (bytes === undefined) return;
    if (bytes.length !== 4 * this.#dimension) {
      throw new CorruptionError('centroid has another dimension', { file, offset: 0 });
    }
    const centroid = new Float32Array(bytes.slice().buffer);
    if (!centroid.every(Number.isFinite)) {
      throw new CorruptionError('centroid is not finite', { file, offset: 0 });
    }
    this.set(centroid);
  }

  /** The value for the tree; it is set. */
  encode(): Uint8Array {
    const start = this.#address;
    return this.#store.kernels.memory.u8.slice(start, start + 4 * this.#dimension);
  }
}
