/**
 * How cells of many sizes share frames: sizes are rounded up to classes, and the cells of one class
 * stand side by side in a block of one or more frames. Rounding and the tail of a block cost at most
 * an eighth together, as long as blocks of the preferred size can be had.
 */
import { assert } from '../base/assert.ts';
import { FRAME_SIZE } from './layout.ts';

/** What is kept in cells: the owner of the data tells the allocator what may go. */
export interface CellKind {
  /** For statistics: kinds of the same name are counted together. */
  readonly name: string;
  /** A multiple of 16. */
  readonly cellBytes: number;
  /** Only the main thread reads these cells. Default: false. */
  readonly isPrivate?: boolean | undefined;
  /**
   * Asks for the cell back. True: the owner has forgotten the address. False: it is pinned, or was used
   * since the last call (which takes the mark away). Must not call the allocator.
   */
  tryEvict(tag: number, address: number): boolean;
}

/** A kind whose cells stay until they are freed. */
export function permanentKind(name: string, cellBytes: number, isPrivate = false): CellKind {
  return { name, cellBytes: (cellBytes + 15) & ~15, isPrivate, tryEvict: () => false };
}

/** All blocks of one cell size, and which of them have room. */
export class SizeClass {
  readonly cellBytes: number;
  /** Frames of a block that wastes little, and the fewest that hold one cell. */
  readonly framesPreferred: number;
  readonly framesLeast: number;
  /** First of a doubly linked list of blocks with a free cell. */
  open: Block | undefined;
  freeCells = 0;

  constructor(cellBytes: number) {
    this.cellBytes = cellBytes;
    this.framesLeast = Math.ceil(cellBytes / FRAME_SIZE);
    this.framesPreferred = preferredFrames(cellBytes, this.framesLeast);
  }
}

/** Sixteen classes to a power of two, multiples of 16 below 256: rounding wastes a sixteenth at most. */
export function classBytes(cellBytes: number): number {
  if (cellBytes <= 256) return (cellBytes + 15) & ~15;
  const step = 2 ** (27 - Math.clz32(cellBytes - 1));
  return Math.ceil(cellBytes / step) * step;
}

function preferredFrames(cellBytes: number, framesLeast: number): number {
  let best = framesLeast;
  let bestWaste = 1;
  for (let frames = framesLeast; frames < framesLeast + 8; frames++) {
    const waste = ((frames * FRAME_SIZE) % cellBytes) / (frames * FRAME_SIZE);
    if (waste <= 1 / 16) return frames;
    if (waste < bestWaste) {
      best = frames;
      bestWaste = waste;
    }
  }
  return best;
}

const NONE = -1;

/** Cells of one class in consecutive frames. Of a free cell, the tag is the index of the next free one. */
export class Block {
  readonly size: SizeClass;
  readonly address: number;
  readonly firstFrame: number;
  readonly frames: number;
  readonly capacity: number;
  /** Cells in use. */
  live = 0;
  /** Where the clock goes on within this block. */
  hand = 0;
  previous: Block | undefined;
  next: Block | undefined;
  readonly #kinds: (CellKind | undefined)[];
  readonly #tags: Int32Array;
  #firstFree: number = NONE;
  /** Cells from here on were never handed out. */
  #fresh = 0;

  constructor(size: SizeClass, address: number, firstFrame: number, frames: number) {
    this.size = size;
    this.address = address;
    this.firstFrame = firstFrame;
    this.frames = frames;
    this.capacity = Math.floor((frames * FRAME_SIZE) / size.cellBytes);
    assert(this.capacity > 0, 'a block holds at least one cell');
    this.#kinds = new Array<CellKind | undefined>(this.capacity).fill(undefined);
    this.#tags = new Int32Array(this.capacity);
    size.freeCells += this.capacity;
    this.#enterOpen();
  }

  /** Hands out a free cell; there must be one. */
  take(kind: CellKind, tag: number): number {
    let index = this.#firstFree;
    if (index !== NONE) this.#firstFree = this.#tags[index];
    else index = this.#fresh++;
    assert(index < this.capacity, 'the block has a free cell');
    this.#kinds[index] = kind;
    this.#tags[index] = tag | 0;
    this.live++;
    this.size.freeCells--;
    if (this.live === this.capacity) this.leaveOpen();
    return this.address + index * this.size.cellBytes;
  }

  kindAt(index: number): CellKind | undefined {
    return this.#kinds[index];
  }

  tagAt(index: number): number {
    return this.#tags[index] >>> 0;
  }

  give(index: number): void {
    assert(this.#kinds[index] !== undefined, 'the cell is in use');
    this.#kinds[index] = undefined;
    this.#tags[index] = this.#firstFree;
    this.#firstFree = index;
    this.size.freeCells++;
    if (this.live-- === this.capacity) this.#enterOpen();
  }

  #enterOpen(): void {
    const { size } = this;
    this.next = size.open;
    if (size.open !== undefined) size.open.previous = this;
    size.open = this;
  }

  leaveOpen(): void {
    if (this.previous !== undefined) this.previous.next = this.next;
    else this.size.open = this.next;
    if (this.next !== undefined) this.next.previous = this.previous;
    this.previous = undefined;
    this.next = undefined;
  }
}

/** Asks for one cell; whether it is free now. */
export function evictCell(block: Block, index: number): boolean {
  const kind = block.kindAt(index);
  if (kind === undefined) return false;
  const address = block.address + index * block.size.cellBytes;
  if (!kind.tryEvict(block.tagAt(index), address)) return false;
  block.give(index);
  return true;
}
