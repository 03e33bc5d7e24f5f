/**
 * Writes slices to fresh units of the page file: neighbours go out together, from one staging buffer.
 * A slice is copied when it is added, so its page may change as soon as `add` has returned.
 */
import { assert } from '../base/assert.ts';
import { KIB } from '../base/units.ts';
import { UNIT_SIZE } from './geometry.ts';
import type { PageFile } from './page-file.ts';
import type { Place } from './page-map.ts';

/** Longer than any slice. */
export const STAGING_BYTES: number = 256 * KIB;

export class SliceWriter {
  readonly #file: PageFile;
  readonly #staging = new Uint8Array(STAGING_BYTES);
  #firstUnit = 0;
  #length = 0;
  #bytesWritten = 0;

  constructor(file: PageFile) {
    this.#file = file;
  }

  /** Bytes handed to the file since the start. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Adds a slice whose first `zeroBytes` are stored as zeros. */
  add(unit: number, slice: Uint8Array, zeroBytes: number): Place {
    assert(slice.length <= STAGING_BYTES, 'a slice fits the staging buffer');
    const isNext = unit === this.#firstUnit + this.#length / UNIT_SIZE;
    if (!isNext || this.#length + slice.length > STAGING_BYTES) this.flush();
    if (this.#length === 0) this.#firstUnit = unit;
    const target = this.#staging.subarray(this.#length, this.#length + slice.length);
    target.set(slice);
    target.fill(0, 0, zeroBytes);
    this.#length += slice.length;
    return { unit, checksum: this.#file.checksum(target, unit) };
  }

  /** Writes what is staged. After an error nothing is staged. */
  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#staging.subarray(0, this.#length);
    this.#length = 0;
    this.#bytesWritten += bytes.length;
    this.#file.write(this.#firstUnit, bytes);
  }

  /** Forgets what is staged. */
  discard(): void {
    this.#length = 0;
  }
}
