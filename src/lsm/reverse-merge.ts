/**
 * Several sorted runs as one, walked from its end: a binary heap of cursors, the largest entry on top. The
 * mirror image of `merging-cursor.ts`, kept apart so that the forward path stays as short as it is.
 */
import type { ReversibleCursor } from './cursor.ts';
import { type EntryKind, isEntryBefore } from './entry.ts';

export class ReverseMerge {
  readonly #sources: readonly ReversibleCursor[];
  readonly #heads: Heads;
  /** Indexes of the valid sources; the first stands on the largest entry. */
  readonly #heap: Uint32Array;
  #size = 0;

  /** The sources may serve another merge at other times, which then seeks them anew. */
  constructor(sources: readonly ReversibleCursor[]) {
    const count = sources.length;
    this.#sources = sources;
    this.#heads = {
      hi: new Uint32Array(count),
      lo: new Uint32Array(count),
      sequence: new Float64Array(count),
    };
    this.#heap = new Uint32Array(count);
  }

  get valid(): boolean {
    return this.#size > 0;
  }

  get hi(): number {
    return this.#heads.hi[this.#heap[0]];
  }

  get lo(): number {
    return this.#heads.lo[this.#heap[0]];
  }

  get sequence(): number {
    return this.#heads.sequence[this.#heap[0]];
  }

  get kind(): EntryKind {
    return this.#sources[this.#heap[0]].kind;
  }

  /** Borrowed until the next move. */
  value(): Uint8Array {
    return this.#sources[this.#heap[0]].value();
  }

  seekLast(): void {
    for (const source of this.#sources) source.seekLast();
    this.#build();
  }

  /** To the last entry of the last key before (hi, lo). */
  seekBefore(hi: number, lo: number): void {
    for (const source of this.#sources) source.seekBefore(hi, lo);
    this.#build();
  }

  /** To the entry before. Requires `valid`. */
  prev(): void {
    const heap = this.#heap;
    const top = heap[0];
    const source = this.#sources[top];
    source.prev();
    if (source.valid) readHead(this.#heads, top, source);
    else heap[0] = heap[--this.#size];
    siftDown(this.#heads, heap, this.#size, 0);
  }

  /** Lets go of what the sources pin; a seek takes it again. */
  close(): void {
    this.#size = 0;
    for (const source of this.#sources) source.close();
  }

  #build(): void {
    let size = 0;
    for (let i = 0; i < this.#sources.length; i++) {
      const source = this.#sources[i];
      if (!source.valid) continue;
      readHead(this.#heads, i, source);
      this.#heap[size++] = i;
    }
    this.#size = size;
    for (let i = (size >>> 1) - 1; i >= 0; i--) siftDown(this.#heads, this.#heap, size, i);
  }
}

/** The entry each source stands on, by source. */
interface Heads {
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  readonly sequence: Float64Array;
}

function readHead(heads: Heads, index: number, source: ReversibleCursor): void {
  heads.hi[index] = source.hi;
  heads.lo[index] = source.lo;
  heads.sequence[index] = source.sequence;
}

function isBehind(heads: Heads, a: number, b: number): boolean {
  const { hi, lo, sequence } = heads;
  return isEntryBefore(hi[b], lo[b], sequence[b], hi[a], lo[a], sequence[a]);
}

function siftDown(heads: Heads, heap: Uint32Array, size: number, hole: number): void {
  const source = heap[hole];
  const firstLeaf = size >>> 1;
  while (hole < firstLeaf) {
    let child = 2 * hole + 1;
    if (child + 1 < size && isBehind(heads, heap[child + 1], heap[child])) child++;
    if (isBehind(heads, source, heap[child])) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = source;
}
