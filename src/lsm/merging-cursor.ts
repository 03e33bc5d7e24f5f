/**
 * One sorted run out of several: a binary heap of cursors, ordered by the entry that each stands on.
 *
 * The heads' keys are copied into typed arrays, so that an advance costs one virtual call to the source
 * and a few number comparisons. Two sources never hold the same key at the same sequence.
 */
import type { EntryCursor } from './cursor.ts';
import { type EntryKind, isEntryBefore } from './entry.ts';

export class MergingCursor implements EntryCursor {
  readonly #sources: readonly EntryCursor[];
  readonly #heads: Heads;
  /** Indexes of the valid sources; the first stands on the smallest entry. */
  readonly #heap: Uint32Array;
  #size = 0;

  /** Takes the sources over: they are moved and closed by this cursor alone. */
  constructor(sources: readonly EntryCursor[]) {
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

  value(): Uint8Array {
    return this.#sources[this.#heap[0]].value();
  }

  seekFirst(): void {
    for (const source of this.#sources) source.seekFirst();
    this.#build();
  }

  seek(hi: number, lo: number): void {
    for (const source of this.#sources) source.seek(hi, lo);
    this.#build();
  }

  next(): void {
    const heap = this.#heap;
    const top = heap[0];
    const source = this.#sources[top];
    source.next();
    if (source.valid) readHead(this.#heads, top, source);
    else heap[0] = heap[--this.#size];
    siftDown(this.#heads, heap, this.#size, 0);
  }

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

function readHead(heads: Heads, index: number, source: EntryCursor): void {
  heads.hi[index] = source.hi;
  heads.lo[index] = source.lo;
  heads.sequence[index] = source.sequence;
}

function isBefore(heads: Heads, a: number, b: number): boolean {
  const { hi, lo, sequence } = heads;
  return isEntryBefore(hi[a], lo[a], sequence[a], hi[b], lo[b], sequence[b]);
}

function siftDown(heads: Heads, heap: Uint32Array, size: number, hole: number): void {
  const source = heap[hole];
  const firstLeaf = size >>> 1;
  while (hole < firstLeaf) {
    let child = 2 * hole + 1;
    if (child + 1 < size && isBefore(heads, heap[child + 1], heap[child])) child++;
    if (isBefore(heads, source, heap[child])) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = source;
}
