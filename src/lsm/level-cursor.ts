/** A cursor over tables that follow each other without overlap, opening each when it gets there. */
import type { ReversibleCursor } from './cursor.ts';
import type { EntryKind } from './entry.ts';
import type { TableFile } from './table-file.ts';
import type { TableCursorOptions } from './table-reader.ts';
import { seekLevel } from './version.ts';

export class LevelCursor implements ReversibleCursor {
  readonly #tables: readonly TableFile[];
  readonly #options: TableCursorOptions;
  #index = 0;
  #cursor: ReversibleCursor | undefined;

  /** `tables` are sorted by key and stay as long as the cursor does. */
  constructor(tables: readonly TableFile[], options: TableCursorOptions = {}) {
    this.#tables = tables;
    this.#options = options;
  }

  get valid(): boolean {
    return this.#cursor !== undefined;
  }

  get hi(): number {
    return this.#cursor!.hi;
  }

  get lo(): number {
    return this.#cursor!.lo;
  }

  get sequence(): number {
    return this.#cursor!.sequence;
  }

  get kind(): EntryKind {
    return this.#cursor!.kind;
  }

  value(): Uint8Array {
    return this.#cursor!.value();
  }

  seekFirst(): void {
    this.#enter(0)?.seekFirst();
  }

  seek(hi: number, lo: number): void {
    this.#enter(seekLevel(this.#tables, hi, lo))?.seek(hi, lo);
  }

  next(): void {
    const cursor = this.#cursor!;
    cursor.next();
    if (!cursor.valid) this.#enter(this.#index + 1)?.seekFirst();
  }

  seekLast(): void {
    this.#enter(this.#tables.length - 1)?.seekLast();
  }

  seekBefore(hi: number, lo: number): void {
    // The table whose range holds the key, or the next one, may begin with it or behind it.
    const index = seekLevel(this.#tables, hi, lo);
    this.#enter(index)?.seekBefore(hi, lo);
    if (this.#cursor === undefined || !this.#cursor.valid) this.#enter(index - 1)?.seekLast();
  }

  prev(): void {
    const cursor = this.#cursor!;
    cursor.prev();
    if (!cursor.valid) this.#enter(this.#index - 1)?.seekLast();
  }

  close(): void {
    this.#cursor?.close();
    this.#cursor = undefined;
  }

  #enter(index: number): ReversibleCursor | undefined {
    this.close();
    this.#index = index;
    if (index >= 0 && index < this.#tables.length) {
      this.#cursor = this.#tables[index].reader().cursor(this.#options);
    }
    return this.#cursor;
  }
}
