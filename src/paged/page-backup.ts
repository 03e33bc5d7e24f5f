/**
 * Copies slices of a page file to another one, to the same units. So the map of pages needs no change and
 * its tables can be linked; the units of other versions are holes, which take no room on the disk.
 *
 * Each slice is verified as it is read: a backup never hands damage on.
 */
import type { Geometry } from './geometry.ts';
import { PageFile } from './page-file.ts';
import { decodePlace, decodePlaces, type Place } from './page-map.ts';

export class PageBackup {
  readonly #source: PageFile;
  readonly #target: PageFile;
  #buffer: Uint8Array = new Uint8Array(0);

  /** `source` stays the caller's. The file in `directory` is made by the first slice. */
  constructor(source: PageFile, target: ConstructorParameters<typeof PageFile>[0]) {
    this.#source = source;
    this.#target = new PageFile(target);
  }

  /** Copies the slices of one entry of the tree `pages`; returns their bytes. `CORRUPTION`, `IO`. */
  copy(places: Uint8Array, geometry: Geometry): number {
    const { codes, originals } = decodePlaces(places, this.#source.path);
    return (
      this.#slice(codes, geometry.codeSliceBytes) +
      this.#slice(originals, geometry.originalSliceBytes)
    );
  }

  /** The same for the place of a bit page, whose slice is as long as that. */
  copyBits(place: Uint8Array, sliceBytes: number): number {
    return this.#slice(decodePlace(place, this.#source.path), sliceBytes);
  }

  /** What was copied, and the name of the file, are on the device. */
  async sync(): Promise<void> {
    await this.#target.datasync();
  }

  close(): void {
    this.#target.close();
  }

  #slice(place: Place | undefined, bytes: number): number {
    if (place === undefined) return 0;
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes);
    const slice = this.#buffer.subarray(0, bytes);
    this.#source.readSlice(place, slice);
    this.#target.write(place.unit, slice);
    return bytes;
  }
}
