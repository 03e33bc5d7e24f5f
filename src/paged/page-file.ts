/**
 * The file `data.pages`: nothing but slices, each at a multiple of UNIT_SIZE. It has no header and no
 * index: where a slice is and what its checksum must be stands in the tree `pages`.
 *
 * The file is made by the first write, and grows by being written.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { File, FileSystem } from '../storage/file-system.ts';
import { UNIT_SIZE } from './geometry.ts';
import type { Place } from './page-map.ts';

export const PAGE_FILE_NAME = 'data.pages';

export interface PageFileOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly hasher: Hasher;
  /** Open for reading only, and never make the file. */
  readonly readOnly: boolean;
}

export class PageFile {
  readonly path: string;
  readonly #options: PageFileOptions;
  #file: File | undefined;
  /** Whether the file's entry in the directory is known to be on the device. */
  #entrySynced = false;
  #closed = false;
  #scratch = new Uint8Array(0);

  constructor(options: PageFileOptions) {
    this.#options = options;
    this.path = `${options.directory}/${PAGE_FILE_NAME}`;
  }

  /** Where the file is. */
  get directory(): string {
    return this.#options.directory;
  }

  /** Fills `target` with a slice and compares its checksum. `target` is as long as the slice. */
  readSlice(place: Place, target: Uint8Array): void {
    this.readAt(place.unit * UNIT_SIZE, target);
    this.verify(place, this.checksum(target, place.unit));
  }

  /** CORRUPTION unless `checksum` is that of the slice at `place`. */
  verify(place: Place, checksum: number): void {
    if (checksum === place.checksum) return;
    throw new CorruptionError('page slice checksum mismatch', this.#at(place.unit * UNIT_SIZE));
  }

  /** Memory for a slice that is looked at once: borrowed until the next call, contents undefined. */
  scratch(bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(bytes);
    return this.#scratch.subarray(0, bytes);
  }

  /** Fills `target` from `offset` on; the caller checks what it got. */
  readAt(offset: number, target: Uint8Array): void {
    const file = this.#open(false);
    if (file === undefined) throw new CorruptionError('page file is missing', this.#at(offset));
    if (file.readInto(target, offset) !== target.length) {
      throw new CorruptionError('page file ends within a slice', this.#at(offset));
    }
  }

  write(unit: number, bytes: Uint8Array): void {
    assert(bytes.length % UNIT_SIZE === 0, 'slices are whole units');
    const file = this.#open(true);
    assert(file !== undefined, 'an opened page file is there');
    file.write(bytes, unit * UNIT_SIZE);
  }

  /**
   * Resolves when the file, and what was written before the call, are on the device. After an error what was
   * written since the last success is lost: it must be written again, through a new open file, which
   * owes nothing to the failed sync.
   */
  async datasync(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    try {
      await file.datasync();
    } catch (error) {
      this.#file = undefined;
      file.close();
      throw error;
    }
    if (this.#entrySynced) return;
    const { fileSystem, directory } = this.#options;
    await fileSystem.syncDirectoryInBackground(directory);
    this.#entrySynced = true;
  }

  /** Cuts the file off behind its first `units` units, if it is longer. */
  truncate(units: number): void {
    const file = this.#open(false);
    if (file !== undefined && file.size() > units * UNIT_SIZE) file.truncate(units * UNIT_SIZE);
  }

  /** The checksum of a slice that starts at `unit`. */
  checksum(slice: Uint8Array, unit: number): number {
    return this.#options.hasher.hash32(slice, unit);
  }

  /** Length of the file in bytes; 0 when there is none. */
  size(): number {
    return this.#open(false)?.size() ?? 0;
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#file?.close();
    this.#file = undefined;
  }

  #open(create: boolean): File | undefined {
    if (this.#file !== undefined) return this.#file;
    if (this.#closed) throw new DatabaseError('DATABASE_CLOSED', `${this.path} is closed`);
    const { fileSystem, readOnly } = this.#options;
    if (fileSystem.exists(this.path)) {
      this.#file = fileSystem.open(this.path, readOnly ? 'read' : 'readwrite');
    } else if (create) {
      assert(!readOnly, 'a read-only page file is never written');
      this.#file = fileSystem.open(this.path, 'create');
    }
    return this.#file;
  }

  #at(offset: number): { file: string; offset: number } {
    return { file: this.path, offset };
  }
}
