/**
 * The open page of each section: a small direct-mapped table, so that it is bounded and forgets old
 * sections. It lives in memory only, and takes none before the first change; changes since `save` can be taken back.
 */

const TABLE_BITS = 10;
const EMPTY = 0xffffffff;

const NO_TABLE = new Uint32Array(0);

export class SectionPages {
  #sections = NO_TABLE;
  #pages = NO_TABLE;
  /** Index, section and page before each change since `save`. */
  readonly #undo: number[] = [];

  /** The page last opened for `section`, or -1. */
  get(section: number): number {
    const index = indexOf(section);
    return this.#sections[index] === section ? this.#pages[index] : -1;
  }

  set(section: number, page: number): void {
    if (this.#sections.length === 0) {
      this.#sections = new Uint32Array(1 << TABLE_BITS).fill(EMPTY);
      this.#pages = new Uint32Array(1 << TABLE_BITS);
    }
    const index = indexOf(section);
    this.#undo.push(index, this.#sections[index], this.#pages[index]);
    this.#sections[index] = section;
    this.#pages[index] = page;
  }

  save(): void {
    this.#undo.length = 0;
  }

  restore(): void {
    for (let i = this.#undo.length - 3; i >= 0; i -= 3) {
      this.#sections[this.#undo[i]] = this.#undo[i + 1];
      this.#pages[this.#undo[i]] = this.#undo[i + 2];
    }
    this.#undo.length = 0;
  }
}

/** Fibonacci hashing: consecutive sections spread over the table. */
function indexOf(section: number): number {
  return Math.imul(section, 0x9e3779b1) >>> (32 - TABLE_BITS);
}
