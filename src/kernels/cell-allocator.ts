/**
 * Hands out the module's memory, and never more than its range: cells, which their owners may lose
 * again, and runs, which they keep.
 *
 * Memory is divided into frames of 64 KiB. Blocks of cells (`size-class.ts`) take the lowest free
 * frames, runs the highest, so that both stay together. When nothing is free, a clock goes round the
 * frames and asks owners for their cells: a cell that was used since the last round stays (second
 * chance). In a block of the wanted class one cell is enough; a block of another class must become
 * empty. It is emptied by force when its class has so much room elsewhere that the cells which stayed
 * find a place there: otherwise a few hot cells in each block would keep memory that nobody uses.
 *
 * Invariants: no two live cells or runs overlap; a frame is free, in a block, or in a run.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError } from '../errors.ts';
import type { KernelMemory } from './kernels.ts';
import { FRAME_SIZE } from './layout.ts';
import { Block, type CellKind, classBytes, evictCell, SizeClass } from './size-class.ts';

/** All in bytes. `freeBytes` counts whole free frames, `cellBytes` live cells by the name of their kind. */
export interface AllocatorStats {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly runBytes: number;
  readonly cellBytes: Readonly<Record<string, number>>;
  /** Cells taken back from their owners since the start. */
  readonly evictions: number;
}

/** Threads that read cells while the main thread, which owns the allocator, takes them away. */
export interface CellReaders {
  /** Whether there may be any now. */
  readonly isReading: boolean;
  /** A cell that they may read was taken out of the tables. */
  forgot(): void;
  /**
   * Before memory is given to another use: returns when nobody has the address of a forgotten cell any more.
   * Blocks; does nothing when nothing was forgotten since the last call.
   */
  settle(): void;
}

/** Cells that are taken away together while somebody reads, so that one `settle` serves them all. */
const EVICTED_TOGETHER = 16;

/** One frame in so many is free when there is plenty. */
const PLENTY = 32;

const FREE = 0;
const BLOCK = 1;
const RUN = 2;

const NONE = -1;

export class CellAllocator {
  /** Default: nobody else reads. */
  readers: CellReaders | undefined;
  readonly #start: number;
  readonly #states: Uint8Array;
  readonly #blocks: (Block | undefined)[];
  readonly #classes = new Map<number, SizeClass>();
  #freeFrames: number;
  /** No frame below is free. */
  #lowestFree = 0;
  #hand = 0;
  #evictions = 0;

  /** Manages [start, end) of `memory`; what does not fill a frame at the end is left alone. */
  constructor(memory: KernelMemory, start: number, end: number) {
    assert(end <= memory.buffer.byteLength, 'the range lies in the memory');
    this.#start = Math.ceil(start / 4096) * 4096;
    const frames = Math.max(0, Math.floor((end - this.#start) / FRAME_SIZE));
    this.#states = new Uint8Array(frames);
    this.#blocks = new Array<Block | undefined>(frames).fill(undefined);
    this.#freeFrames = frames;
  }

  /**
   * The address of a free cell, a multiple of 16, contents undefined. May take cells away from any
   * owner. `tag` is a u32 for the owner. RESOURCE_EXHAUSTED when nothing can go.
   */
  allocate(kind: CellKind, tag: number): number {
    const size = this.#classOf(kind);
    const block =
      size.open ?? this.#openBlock(size) ?? this.#reclaim(size) ?? this.#borrow(kind.cellBytes);
    if (block === undefined) throw exhausted(kind.cellBytes, kind.name, this.#states.length);
    this.readers?.settle();
    return block.take(kind, tag);
  }

  free(kind: CellKind, address: number): void {
    const block = this.#blocks[(address - this.#start) >>> 16];
    assert(block !== undefined, 'the address is of a cell');
    const index = (address - block.address) / block.size.cellBytes;
    assert(block.kindAt(index) === kind, 'the cell is of this kind');
    block.give(index);
    if (kind.isPrivate !== true) this.readers?.forgot();
    if (block.live === 0) this.#release(block);
  }

  /** Whether `allocate` would succeed without taking a cell from anyone, and leave so many frames free. */
  hasFree(kind: CellKind, spareFrames = 0): boolean {
    const size = this.#classOf(kind);
    if (size.open !== undefined) return this.#freeFrames >= spareFrames;
    const frames = spareFrames === 0 ? size.framesLeast : size.framesPreferred + spareFrames;
    return this.#freeFrames >= frames && this.#lowestWindow(size.framesLeast) !== NONE;
  }

  /** Whether so much is free that what is not needed may have some of it: a share that nothing has to leave for it. */
  get hasPlenty(): boolean {
    return this.#freeFrames * PLENTY > this.#states.length;
  }

  /** Whole frames side by side that are never taken away. May take cells of any owner. */
  allocateRun(bytes: number): number {
    const frames = framesFor(bytes);
    let first = this.#highestWindow(frames);
    if (first === NONE) first = this.#clearWindow(frames);
    if (first === NONE) throw exhausted(bytes, 'run', this.#states.length);
    this.#states.fill(RUN, first, first + frames);
    this.#freeFrames -= frames;
    this.readers?.settle();
    return this.#addressOf(first);
  }

  /** `bytes` as given to `allocateRun`. */
  freeRun(address: number, bytes: number): void {
    const first = (address - this.#start) >>> 16;
    const frames = framesFor(bytes);
    for (let i = first; i < first + frames; i++) {
      assert(this.#states[i] === RUN, 'the frames are a run');
    }
    this.#freeFrom(first, frames);
  }

  /** Bytes that are managed. */
  get totalBytes(): number {
    return this.#states.length * FRAME_SIZE;
  }

  /** Walks over all blocks. */
  stats(): AllocatorStats {
    const cellBytes: Record<string, number> = {};
    let runFrames = 0;
    for (let frame = 0; frame < this.#states.length; frame++) {
      if (this.#states[frame] === RUN) runFrames++;
      const block = this.#blocks[frame];
      if (block === undefined || block.firstFrame !== frame) continue;
      for (let i = 0; i < block.capacity; i++) {
        const name = block.kindAt(i)?.name;
        if (name !== undefined) cellBytes[name] = (cellBytes[name] ?? 0) + block.size.cellBytes;
      }
    }
    return {
      totalBytes: this.totalBytes,
      freeBytes: this.#freeFrames * FRAME_SIZE,
      runBytes: runFrames * FRAME_SIZE,
      cellBytes,
      evictions: this.#evictions,
    };
  }

  #classOf(kind: CellKind): SizeClass {
    const bytes = classBytes(kind.cellBytes);
    let size = this.#classes.get(bytes);
    if (size === undefined) {
      assert(kind.cellBytes > 0 && kind.cellBytes % 16 === 0, 'a cell is a multiple of 16 bytes');
      size = new SizeClass(bytes);
      this.#classes.set(bytes, size);
    }
    return size;
  }

  #addressOf(frame: number): number {
    return this.#start + frame * FRAME_SIZE;
  }

  /** A new block in free frames, of the preferred size if they lie together. */
  #openBlock(size: SizeClass): Block | undefined {
    let frames = size.framesPreferred;
    let first = this.#lowestWindow(frames);
    if (first === NONE) {
      frames = size.framesLeast;
      first = this.#lowestWindow(frames);
      if (first === NONE) return undefined;
    }
    this.#states.fill(BLOCK, first, first + frames);
    this.#freeFrames -= frames;
    const block = new Block(size, this.#addressOf(first), first, frames);
    this.#blocks.fill(block, first, first + frames);
    return block;
  }

  #release(block: Block): void {
    assert(block.live === 0, 'a block is empty when it is released');
    block.leaveOpen();
    block.size.freeCells -= block.capacity;
    this.#blocks.fill(undefined, block.firstFrame, block.firstFrame + block.frames);
    this.#freeFrom(block.firstFrame, block.frames);
  }

  #freeFrom(first: number, frames: number): void {
    this.#states.fill(FREE, first, first + frames);
    this.#freeFrames += frames;
    if (first < this.#lowestFree) this.#lowestFree = first;
  }

  #lowestWindow(frames: number): number {
    if (frames > this.#freeFrames) return NONE;
    const states = this.#states;
    while (this.#lowestFree < states.length && states[this.#lowestFree] !== FREE)
      this.#lowestFree++;
    let length = 0;
    for (let frame = this.#lowestFree; frame < states.length; frame++) {
      length = states[frame] === FREE ? length + 1 : 0;
      if (length === frames) return frame + 1 - frames;
    }
    return NONE;
  }

  #highestWindow(frames: number): number {
    if (frames > this.#freeFrames) return NONE;
    let length = 0;
    for (let frame = this.#states.length - 1; frame >= 0; frame--) {
      length = this.#states[frame] === FREE ? length + 1 : 0;
      if (length === frames) return frame;
    }
    return NONE;
  }

  /** The clock. Two rounds: one takes all marks away, the next finds what was not used since. */
  #reclaim(size: SizeClass): Block | undefined {
    const frameCount = this.#states.length;
    let passed = 0;
    while (passed <= 2 * frameCount) {
      const block = this.#blocks[this.#hand];
      if (block !== undefined) {
        if (block.size === size) {
          if (this.#evictSome(block)) return block;
        } else if (this.#evictAll(block)) {
          const opened = this.#openBlock(size);
          if (opened !== undefined) return opened;
        }
      }
      const step = block === undefined ? 1 : block.firstFrame + block.frames - this.#hand;
      passed += step;
      this.#hand = this.#hand + step < frameCount ? this.#hand + step : 0;
    }
    return this.#clearWindow(size.framesLeast) === NONE ? undefined : this.#openBlock(size);
  }

  /** The last resort of a small memory whose every frame holds something pinned: a larger cell. */
  #borrow(cellBytes: number): Block | undefined {
    return this.#blocks.find(
      (block) =>
        block !== undefined &&
        block.size.cellBytes >= cellBytes &&
        (block.live < block.capacity || this.#evictOne(block) || this.#evictOne(block)),
    );
  }

  /** One cell, or a few while others read; false when there is none. */
  #evictSome(block: Block): boolean {
    if (!this.#evictOne(block)) return false;
    if (this.readers?.isReading !== true) return true;
    for (let i = 1; i < EVICTED_TOGETHER && this.#evictOne(block); i++);
    return true;
  }

  /** Goes on in the block where it stopped the last time; false when its end is reached. */
  #evictOne(block: Block): boolean {
    while (block.hand < block.capacity) {
      if (this.#evict(block, block.hand++)) return true;
    }
    block.hand = 0;
    return false;
  }

  #evict(block: Block, index: number): boolean {
    const isPrivate = block.kindAt(index)?.isPrivate === true;
    if (!evictCell(block, index)) return false;
    this.#evictions++;
    if (!isPrivate) this.readers?.forgot();
    return true;
  }

  /** Asks for all cells of a block; true when it is empty now, and its frames are free. */
  #evictAll(block: Block): boolean {
    this.#evictUnused(block);
    const freeElsewhere = block.size.freeCells - (block.capacity - block.live);
    if (block.live > 0 && freeElsewhere >= block.live) this.#evictUnused(block);
    if (block.live > 0) return false;
    this.#release(block);
    return true;
  }

  #evictUnused(block: Block): void {
    for (let i = 0; i < block.capacity && block.live > 0; i++) {
      this.#evict(block, i);
    }
  }

  /** Empties the highest frames side by side in which nothing is pinned, whether used lately or not. */
  #clearWindow(frames: number): number {
    let length = 0;
    for (let frame = this.#states.length - 1; frame >= 0; frame--) {
      length = this.#states[frame] === FREE || this.#clearFrame(frame) ? length + 1 : 0;
      if (length === frames) return frame;
    }
    return NONE;
  }

  #clearFrame(frame: number): boolean {
    const block = this.#blocks[frame];
    if (block === undefined) return false; // A run.
    this.#evictUnused(block);
    this.#evictUnused(block);
    if (block.live > 0) return false;
    this.#release(block);
    return true;
  }
}

function framesFor(bytes: number): number {
  assert(bytes > 0, 'a run is not empty');
  return Math.ceil(bytes / FRAME_SIZE);
}

function exhausted(bytes: number, what: string, frames: number): DatabaseError {
  return new DatabaseError(
    'RESOURCE_EXHAUSTED',
    `no room for ${bytes} bytes (${what}): all ${frames * FRAME_SIZE} bytes are in use; raise memoryBytes or write less at once`,
  );
}
