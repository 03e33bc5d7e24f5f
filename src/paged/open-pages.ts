/**
 * The pages of a space that are known to have free slots: at most OPEN_PAGES_MAX; when there are more,
 * those with the most free slots are kept. Only a hint: who takes a slot looks at the page's states.
 *
 * As bytes: varint count, then varint page and varint free slots of each, the page opened first first.
 */
import { VARINT_SIZE_MAX, VarintReader, writeVarint } from '../base/varint.ts';
import { CorruptionError } from '../errors.ts';

export const OPEN_PAGES_MAX = 64;

export class OpenPages {
  readonly #pages = new Uint32Array(OPEN_PAGES_MAX);
  readonly #free = new Uint32Array(OPEN_PAGES_MAX);
  #count = 0;
  #savedCount = 0;
  readonly #savedPages = new Uint32Array(OPEN_PAGES_MAX);
  readonly #savedFree = new Uint32Array(OPEN_PAGES_MAX);

  get count(): number {
    return this.#count;
  }

  /** The page at `index`, oldest first. */
  at(index: number): number {
    return this.#pages[index];
  }

  /** How many slots of `page` are free as far as the list knows. */
  free(page: number): number {
    const index = this.#indexOf(page);
    return index < 0 ? 0 : this.#free[index];
  }

  /** How many slots of `page` are free; a page with none is not listed any more. */
  note(page: number, free: number): void {
    const index = this.#indexOf(page);
    if (free === 0) {
      if (index >= 0) this.#removeAt(index);
    } else if (index >= 0) {
      this.#free[index] = free;
    } else if (this.#count < OPEN_PAGES_MAX || this.#dropFullest(free)) {
      this.#pages[this.#count] = page;
      this.#free[this.#count++] = free;
    }
  }

  /** Forgets pages from `end` on: the list may be newer or older than the counters. */
  keepBelow(end: number): void {
    for (let i = this.#count - 1; i >= 0; i--) if (this.#pages[i] >= end) this.#removeAt(i);
  }

  /** Remembers the present list for `restore`. */
  save(): void {
    this.#savedCount = this.#count;
    this.#savedPages.set(this.#pages);
    this.#savedFree.set(this.#free);
  }

  restore(): void {
    this.#count = this.#savedCount;
    this.#pages.set(this.#savedPages);
    this.#free.set(this.#savedFree);
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array((1 + 2 * this.#count) * VARINT_SIZE_MAX);
    let end = writeVarint(bytes, 0, this.#count);
    for (let i = 0; i < this.#count; i++) {
      end = writeVarint(bytes, end, this.#pages[i]);
      end = writeVarint(bytes, end, this.#free[i]);
    }
    return bytes.slice(0, end);
  }

  /** Replaces the list. `file` only names the place in an error. */
  decode(bytes: Uint8Array, file: string): void {
    const reader = new VarintReader(bytes);
    const count = reader.next();
    if (count < 0 || count > OPEN_PAGES_MAX) {
      throw new CorruptionError('open pages have an impossible count', { file, offset: 0 });
    }
    for (let i = 0; i < count; i++) {
      const page = reader.next();
      const free = reader.next();
      if (page < 0 || free < 0) {
        throw new CorruptionError('open pages end early', { file, offset: reader.position });
      }
      this.#pages[i] = page;
      this.#free[i] = free;
    }
    if (reader.position !== bytes.length) {
      throw new CorruptionError('open pages are too long', { file, offset: reader.position });
    }
    this.#count = count;
  }

  #indexOf(page: number): number {
    const index = this.#pages.indexOf(page);
    return index < this.#count ? index : -1;
  }

  /** Makes room for a page with `free` slots, unless it is the fullest itself. */
  #dropFullest(free: number): boolean {
    let fullest = 0;
    for (let i = 1; i < this.#count; i++) if (this.#free[i] < this.#free[fullest]) fullest = i;
    if (this.#free[fullest] >= free) return false;
    this.#removeAt(fullest);
    return true;
  }

  #removeAt(index: number): void {
    this.#pages.copyWithin(index, index + 1, this.#count);
    this.#free.copyWithin(index, index + 1, this.#count);
    this.#count--;
  }
}
