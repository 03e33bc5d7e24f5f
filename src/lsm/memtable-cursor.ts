/**
 * A cursor over one tree of a memtable. It may see entries that come in after it was made; it stays
 * right when the arena grows.
 */
import type { ReversibleCursor } from './cursor.ts';
import { type EntryKind, SEQUENCE_MAX } from './entry.ts';
import {
  keyHi,
  keyLo,
  kindOf,
  lastNode,
  nextNode,
  seekNode,
  seekNodeBefore,
  sequenceOf,
  valueLength,
  valueStart,
} from './skiplist.ts';

/** What a cursor needs of a memtable; another thread makes one of a shared arena. */
export interface MemtableArena {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Word offset of the head of a tree's list. */
  headOf(tree: number): number;
}

export class MemtableCursor implements ReversibleCursor {
  readonly #memtable: MemtableArena;
  readonly #head: number;
  #node = 0;

  constructor(memtable: MemtableArena, tree: number) {
    this.#memtable = memtable;
    this.#head = memtable.headOf(tree);
  }

  get valid(): boolean {
    return this.#node !== 0;
  }

  get hi(): number {
    return keyHi(this.#memtable.words, this.#node);
  }

  get lo(): number {
    return keyLo(this.#memtable.words, this.#node);
  }

  get sequence(): number {
    return sequenceOf(this.#memtable.words, this.#node);
  }

  get kind(): EntryKind {
    return kindOf(this.#memtable.words, this.#node);
  }

  value(): Uint8Array {
    const { words, bytes } = this.#memtable;
    const start = valueStart(words, this.#node);
    return bytes.subarray(start, start + valueLength(words, this.#node));
  }

  seekFirst(): void {
    this.#node = nextNode(this.#memtable.words, this.#head);
  }

  seek(hi: number, lo: number): void {
    this.#node = seekNode(this.#memtable.words, this.#head, hi, lo, SEQUENCE_MAX);
  }

  next(): void {
    this.#node = nextNode(this.#memtable.words, this.#node);
  }

  seekLast(): void {
    this.#node = lastNode(this.#memtable.words, this.#head);
  }

  seekBefore(hi: number, lo: number): void {
    // No version of the key is above it, so the whole key is left out.
    this.#node = seekNodeBefore(this.#memtable.words, this.#head, hi, lo, SEQUENCE_MAX);
  }

  prev(): void {
    const { words } = this.#memtable;
    const node = this.#node;
    const hi = keyHi(words, node);
    this.#node = seekNodeBefore(words, this.#head, hi, keyLo(words, node), sequenceOf(words, node));
  }

  close(): void {
    this.#node = 0;
  }
}
