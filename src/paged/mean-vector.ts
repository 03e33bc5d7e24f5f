/** The mean of vectors that come one by one. */
import { assert } from '../base/assert.ts';

export class MeanVector {
  readonly #sums: Float64Array;
  #count = 0;

  constructor(dimension: number) {
    this.#sums = new Float64Array(dimension);
  }

  get count(): number {
    return this.#count;
  }

  add(vector: Float32Array): void {
    const sums = this.#sums;
    for (let i = 0; i < sums.length; i++) sums[i] += vector[i];
    this.#count++;
  }

  value(): Float32Array {
    assert(this.#count > 0, 'a mean is that of something');
    return Float32Array.from(this.#sums, (sum) => sum / this.#count);
  }
}
