/** A position in one table. It pins the block that it stands in. */
import type { Block } from './block.ts';
import {
  blockHi,
  blockKind,
  blockSequence,
  blockValueEnd,
  blockValueStart,
  seekBlock,
} from './block.ts';
import type { ReversibleCursor } from './cursor.ts';
import type { EntryKind } from './entry.ts';
import { seekTableIndex, type TableIndex } from './table-index.ts';

export class TableCursor implements ReversibleCursor {
  readonly #index: () => TableIndex;
  readonly #readBlock: (number: number) => Block;
  #number = 0;
  #block: Block | undefined;
  #position = 0;

  /** `index` gives the table's, which may not be held; `readBlock` a block by its number, checked. */
  constructor(index: () => TableIndex, readBlock: (number: number) => Block) {
    this.#index = index;
    this.#readBlock = readBlock;
  }

  get valid(): boolean {
    return this.#block !== undefined;
  }

  get hi(): number {
    return blockHi(this.#block!, this.#position);
  }

  get lo(): number {
    const block = this.#block!;
    return block.u32[block.keyLo + this.#position];
  }

  get sequence(): number {
    return blockSequence(this.#block!, this.#position);
  }

  get kind(): EntryKind {
    return blockKind(this.#block!, this.#position);
  }

  value(): Uint8Array {
    const block = this.#block!;
    const position = this.#position;
    return block.u8.subarray(blockValueStart(block, position), blockValueEnd(block, position));
  }

  seekFirst(): void {
    this.#enter(0);
    this.#position = 0;
  }

  seek(hi: number, lo: number): void {
    this.#enter(seekTableIndex(this.#index(), hi, lo));
    if (this.#block !== undefined) this.#position = seekBlock(this.#block, hi, lo);
  }

  next(): void {
    if (++this.#position < this.#block!.count) return;
    this.#enter(this.#number + 1);
    this.#position = 0;
  }

  seekLast(): void {
    this.#enterLast(this.#index().blockCount - 1);
  }

  seekBefore(hi: number, lo: number): void {
    const number = seekTableIndex(this.#index(), hi, lo);
    this.#enter(number);
    const position = this.#block === undefined ? 0 : seekBlock(this.#block, hi, lo);
    if (position === 0) this.#enterLast(number - 1);
    else this.#position = position - 1;
  }

  prev(): void {
    if (--this.#position < 0) this.#enterLast(this.#number - 1);
  }

  close(): void {
    if (this.#block !== undefined) this.#block.pins--;
    this.#block = undefined;
  }

  /** To the last entry of the block of that number. */
  #enterLast(number: number): void {
    this.#enter(number);
    if (this.#block !== undefined) this.#position = this.#block.count - 1;
  }

  /** Pins the block of that number; outside of the table the cursor is not valid. */
  #enter(number: number): void {
    this.close();
    if (number < 0 || number >= this.#index().blockCount) return;
    const block = this.#readBlock(number);
    block.pins++;
    this.#block = block;
    this.#number = number;
  }
}
