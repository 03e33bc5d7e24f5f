/**
 * The newest entries of all trees, sorted: one skiplist per tree in one arena.
 *
 *   arena   7 reserved words | next[12] of each tree's head | { batch bytes | nodes }*
 *   node    key hi | key lo | sequence low | sequence high << 8 | height << 3 | kind
 *           | value position | value length | next[height]
 *
 * All fields are u32; links are word offsets, 0 is the end. A value is not copied into its node: the bytes
 * of the whole batch go in with one copy, and nodes point into them.
 *
 * One writer. Readers take no lock: a node is complete before it is linked, lowest level first, and a
 * reader ignores what is newer than its sequence. The arena never grows: whoever has a batch that does not
 * fit makes another memtable (`memtable-room.ts`).
 *
 * Skiplist: Pugh 1990, with a chance of 1/4 for each further level.
 */
import { assert } from '../base/assert.ts';
import type { PointFold } from './fold.ts';
import {
  advance,
  descend,
  HEIGHT_MAX,
  isRightBehind,
  KEY_HI,
  KEY_LO,
  kindOf,
  META,
  NEXT,
  SEQUENCE_LOW,
  seekNode,
  VALUE_LENGTH,
  VALUE_POSITION,
} from './skiplist.ts';
import type { SlicedWork } from './slices.ts';
import { BatchReader } from './write-batch.ts';

const NODE_BYTES_MAX = 4 * (NEXT + HEIGHT_MAX);
const NO_TREE = 255;
/** Positions of values are u32. */
export const ARENA_BYTES_MAX: number = 2 ** 32 - 8;

/** Which trees a memtable has lists for. Shared by all memtables of an engine. */
export class TreeSlots {
  readonly count: number;
  readonly #slots: Uint8Array = new Uint8Array(256).fill(NO_TREE);

  /** At most 254 trees. */
  constructor(trees: readonly number[]) {
    assert(trees.length < NO_TREE, 'the slot of a tree fits one byte');
    for (let i = 0; i < trees.length; i++) this.#slots[trees[i]] = i;
    this.count = trees.length;
  }

  has(tree: number): boolean {
    return this.#slots[tree] !== NO_TREE;
  }

  of(tree: number): number {
    const slot = this.#slots[tree];
    assert(slot !== NO_TREE, 'the engine was opened with this tree');
    return slot;
  }
}

/** The word offset of the first node; heads are below it. */
function firstNode(treeCount: number): number {
  return 1 + NEXT + treeCount * HEIGHT_MAX;
}

/** A head has no fields, only links, so that heads may overlap. */
function head(slot: number): number {
  return 1 + slot * HEIGHT_MAX;
}

/** Bytes of an arena that holds the heads of `treeCount` trees and nothing else. */
export function emptyArenaBytes(treeCount: number): number {
  return 4 * firstNode(treeCount);
}

/** What a batch of `entryCount` entries in `byteSize` bytes takes at most. */
export function batchRoom(entryCount: number, byteSize: number): number {
  return ((byteSize + 3) & ~3) + entryCount * NODE_BYTES_MAX;
}

export class Memtable {
  readonly #slots: TreeSlots;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  /** First free byte; a multiple of 4. */
  #end: number;
  #entryCount = 0;
  readonly #entryCounts: Float64Array;
  /** By slot and level: the last node before the latest insert, where the next one may well go too. */
  readonly #splices: Uint32Array;
  #randomState = 0x9e3779b9;

  /** Takes the arena over. It is of any content, and of `emptyArenaBytes` at least. */
  constructor(arena: SharedArrayBuffer, slots: TreeSlots) {
    const reserved = emptyArenaBytes(slots.count);
    assert(arena.byteLength >= reserved, 'an arena has room for the heads of all trees');
    this.#slots = slots;
    this.#words = new Uint32Array(arena, 0, arena.byteLength >>> 2);
    this.#bytes = new Uint8Array(arena);
    this.#end = reserved;
    this.#words.fill(0, 0, firstNode(slots.count));
    this.#entryCounts = new Float64Array(slots.count);
    this.#splices = new Uint32Array(slots.count * HEIGHT_MAX);
    for (let slot = 0; slot < slots.count; slot++) {
      this.#splices.fill(head(slot), slot * HEIGHT_MAX, (slot + 1) * HEIGHT_MAX);
    }
  }

  get arena(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  /** The arena as u32 words and as bytes. */
  get words(): Uint32Array {
    return this.#words;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get usedBytes(): number {
    return this.#end;
  }

  get capacityBytes(): number {
    return this.#bytes.length;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  entryCountOf(tree: number): number {
    return this.#entryCounts[this.#slots.of(tree)];
  }

  /** The word offset of the head of a tree's list. */
  headOf(tree: number): number {
    return head(this.#slots.of(tree));
  }

  /** Whether a batch fits, so that `insert` cannot fail. */
  hasRoom(entryCount: number, byteSize: number): boolean {
    return this.#end + batchRoom(entryCount, byteSize) <= this.#bytes.length;
  }

  /** Adds encoded entries (`WriteBatch.entryBytes`), numbered from `firstSequence`. Requires room. */
  insert(batch: Uint8Array, entryCount: number, firstSequence: number): void {
    this.insertion(batch, entryCount, firstSequence)(isNeverOver);
  }

  /** As `insert`, slice by slice. Readers below `firstSequence` see nothing of it. */
  insertion(batch: Uint8Array, entryCount: number, firstSequence: number): SlicedWork {
    assert(this.hasRoom(entryCount, batch.length), 'a batch fits the arena');
    const start = this.#end;
    this.#bytes.set(batch, start);
    this.#end = (start + batch.length + 3) & ~3;
    const reader = new BatchReader(batch);
    let sequence = firstSequence;
    return (isOver) => {
      while (reader.next()) {
        this.#insertEntry(reader, start, sequence);
        sequence++;
        if (isOver()) return false;
      }
      assert(!reader.isDamaged, 'a batch in memory is whole');
      assert(sequence === firstSequence + entryCount, 'a batch knows how many entries it has');
      this.#entryCount += entryCount;
      return true;
    };
  }

  /**
   * Feeds `fold` with the versions of a key that `sequence` sees, newest first. Returns whether the fold
   * is done.
   */
  get(tree: number, hi: number, lo: number, sequence: number, fold: PointFold): boolean {
    const words = this.#words;
    let node = seekNode(words, this.headOf(tree), hi, lo, sequence);
    while (node !== 0 && words[node + KEY_LO] === lo && words[node + KEY_HI] === hi) {
      const start = words[node + VALUE_POSITION];
      const kind = kindOf(words, node);
      if (fold.add(kind, this.#bytes, start, start + words[node + VALUE_LENGTH])) return true;
      node = words[node + NEXT];
    }
    return false;
  }

  /** Whether `sequence` sees an entry of a key. */
  has(tree: number, hi: number, lo: number, sequence: number): boolean {
    const words = this.#words;
    const head = this.headOf(tree);
    // Mostly there is nothing of the tree.
    if (words[head + NEXT] === 0) return false;
    const node = seekNode(words, head, hi, lo, sequence);
    return node !== 0 && words[node + KEY_LO] === lo && words[node + KEY_HI] === hi;
  }

  #insertEntry(entry: BatchReader, batchStart: number, sequence: number): void {
    const slot = this.#slots.of(entry.tree);
    const words = this.#words;
    const splices = this.#splices;
    const splice = slot * HEIGHT_MAX;
    const height = this.#randomHeight();
    const { hi, lo } = entry;
    if (!isRightBehind(words, splices[splice], hi, lo, firstNode(this.#slots.count))) {
      descend(words, head(slot), hi, lo, splices, splice);
    } else {
      for (let level = 1; level < height; level++) {
        splices[splice + level] = advance(words, splices[splice + level], level, hi, lo);
      }
    }

    const node = this.#end >>> 2;
    this.#end += 4 * (NEXT + height);
    words[node + KEY_HI] = hi;
    words[node + KEY_LO] = lo;
    words[node + SEQUENCE_LOW] = sequence;
    words[node + META] = ((sequence / 2 ** 32) << 8) | (height << 3) | entry.kind;
    words[node + VALUE_POSITION] = batchStart + entry.valueStart;
    words[node + VALUE_LENGTH] = entry.valueLength;
    for (let level = 0; level < height; level++) {
      const previous = splices[splice + level];
      words[node + NEXT + level] = words[previous + NEXT + level];
      Atomics.store(words, previous + NEXT + level, node);
      splices[splice + level] = node;
    }
    this.#entryCounts[slot]++;
  }

  #randomHeight(): number {
    let state = this.#randomState;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#randomState = state;
    // Two bits a level: the number of pairs of zeros at the low end.
    const zeros = 31 - Math.clz32(state & -state);
    return Math.min(1 + (zeros >>> 1), HEIGHT_MAX);
  }
}

function isNeverOver(): boolean {
  return false;
}
