/**
 * The tables that are open, with a file handle, index and filter each: at most so many, and fewer when their
 * memory is asked for. Who has not been used since the hand last came by is let go (CLOCK); a table opens
 * again by itself when it is read.
 */
export interface OpenTable {
  /** Set by every read. */
  isUsed: boolean;
  /** Gives file handle, index and filter back. */
  letGo(): void;
}

export class OpenTables {
  readonly #max: number;
  #tables: OpenTable[] = [];
  #hand = 0;

  /** At least one may be open. */
  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#tables.length;
  }

  /** A table has opened; others are let go to make room for it. */
  admit(table: OpenTable): void {
    table.isUsed = true;
    this.#tables.push(table);
    while (this.#tables.length > this.#max && this.evictOne(table));
  }

  /** A table has closed by itself. */
  remove(table: OpenTable): void {
    const index = this.#tables.indexOf(table);
    if (index >= 0) this.#removeAt(index);
  }

  /** Lets go of a table other than `kept`; false when there is none. */
  evictOne(kept: OpenTable): boolean {
    const { length } = this.#tables;
    // In the second turn no table has been used.
    for (let step = 0; step <= 2 * length; step++) {
      if (this.#hand >= this.#tables.length) this.#hand = 0;
      const table = this.#tables[this.#hand];
      if (table !== undefined && table !== kept && !table.isUsed) {
        this.#removeAt(this.#hand);
        table.letGo();
        return true;
      }
      if (table !== undefined && table !== kept) table.isUsed = false;
      this.#hand++;
    }
    return false;
  }

  #removeAt(index: number): void {
    this.#tables.splice(index, 1);
    if (this.#hand > index) this.#hand--;
  }
}
