/**
 * Which 4 KB units of the page file are taken: a bit map in chunks of 128 MiB of file, read from the
 * tree `pages` when first needed and written back by each checkpoint for the chunks that changed.
 *
 *   chunk entry     one bit a unit, lowest first, 1: taken; zero bytes at the end are left out
 *   summary entry   u32 for each chunk: how many units of it are taken
 *
 * Both little-endian. What is in memory may say "taken" where the entries say "free": for units of slices
 * that a checkpoint replaces (until it is installed: `retire`), and for those that a reader of an older
 * version still needs (`retain`). After a crash they are free, as the entries say, with nothing to repair.
 */
import { assert } from '../base/assert.ts';
import { CorruptionError, DatabaseError } from '../errors.ts';
import { FREE_UNITS_HI, FREE_UNITS_SUMMARY, type PageMap, type TreeEntry } from './page-map.ts';
import { countBits } from './slot-states.ts';

export const CHUNK_UNITS = 32_768;
const CHUNK_BYTES = CHUNK_UNITS / 8;
const CHUNKS_MAX = 2 ** 32 / CHUNK_UNITS;

/** Consecutive units. */
export interface UnitRun {
  readonly unit: number;
  readonly count: number;
}

interface Chunk {
  readonly words: Uint32Array;
  taken: number;
}

interface HeldRuns {
  readonly runs: UnitRun[];
  /** The install that made the runs unneeded by newer versions. */
  readonly install: number;
}

/** Runs that are freed in one piece, in a fraction of a tenth of a millisecond. */
const RUNS_PER_PIECE = 64;

/** Keeps the units of the version installed last from being given again. */
export interface Retention {
  /** Idempotent. */
  release(): void;
}

export class FreeUnits {
  readonly #map: PageMap;
  readonly #file: string;
  readonly #chunks: Map<number, Chunk> = new Map();
  /** Units taken in each chunk, as of the entries; undefined until first needed. */
  #stored: number[] | undefined;
  /** The same, as of the entries that wait to be installed. */
  #pending: number[] | undefined;
  /** Chunks that differ from their entries. */
  readonly #changed: Set<number> = new Set();
  /** Where the next search for a run of this length starts: each checkpoint passes over the map once. */
  readonly #cursors: Map<number, number> = new Map();
  #retired: UnitRun[] = [];
  #held: HeldRuns[] = [];
  readonly #retentions: Set<{ readonly install: number }> = new Set();
  #installs = 0;

  /** `file` only names the page file in errors. */
  constructor(map: PageMap, file: string) {
    this.#map = map;
    this.#file = file;
  }

  /** The first run of `count` free units, lowest first, now taken. */
  allocate(count: number): number {
    assert(count >= 1 && count <= 1024, 'a run of units is short');
    const stored = this.#load();
    const start = this.#cursors.get(count) ?? 0;
    for (let index = Math.floor(start / CHUNK_UNITS); index < CHUNKS_MAX; index++) {
      const known = this.#chunks.get(index)?.taken ?? stored[index] ?? 0;
      if (known + count > CHUNK_UNITS) continue;
      const chunk = this.#chunk(index);
      const from = Math.max(0, start - index * CHUNK_UNITS);
      const bit = findRun(chunk.words, from, count);
      if (bit < 0) continue;
      this.#mark(chunk, bit, count, true);
      this.#changed.add(index);
      const unit = index * CHUNK_UNITS + bit;
      this.#cursors.set(count, unit + count);
      return unit;
    }
    throw new DatabaseError('RESOURCE_EXHAUSTED', `${this.#file} is full at 16 TiB`);
  }

  /** Gives back units that no installed version names. */
  release({ unit, count }: UnitRun): void {
    const index = Math.floor(unit / CHUNK_UNITS);
    const chunk = this.#chunk(index);
    this.#mark(chunk, unit - index * CHUNK_UNITS, count, false);
    this.#changed.add(index);
    this.#cursors.clear();
  }

  /** Units that the checkpoint being written replaces: free in its entries, in memory once it is installed. */
  retire(run: UnitRun): void {
    const index = Math.floor(run.unit / CHUNK_UNITS);
    assert(
      allTaken(this.#chunk(index).words, run.unit - index * CHUNK_UNITS, run.count),
      'a retired unit was taken',
    );
    this.#changed.add(index);
    this.#retired.push(run);
  }

  /** The entries of the changed chunks and the summary, sorted by key, for the tree `tree`. */
  entries(tree: number): TreeEntry[] {
    if (this.#changed.size === 0) return [];
    const stored = this.#load().slice();
    const images = new Map<number, Uint32Array>();
    for (const index of [...this.#changed].sort((a, b) => a - b)) {
      images.set(index, this.#chunk(index).words.slice());
    }
    for (const { unit, count } of this.#unneeded()) {
      const image = images.get(Math.floor(unit / CHUNK_UNITS));
      if (image !== undefined) setBits(image, unit % CHUNK_UNITS, count, false);
    }
    const entries: TreeEntry[] = [];
    for (const [index, image] of images) {
      while (stored.length < index) stored.push(0);
      stored[index] = countBits(image);
      entries.push({ tree, hi: FREE_UNITS_HI, lo: index, value: trimmed(image) });
    }
    this.#pending = stored;
    const summary = new Uint8Array(Uint32Array.from(stored).buffer);
    entries.push({ tree, hi: FREE_UNITS_HI, lo: FREE_UNITS_SUMMARY, value: summary });
    return entries;
  }

  /** The entries are in the tree: what was retired is free, unless a retention holds it. */
  installed(): void {
    for (const _ of this.installing());
  }

  /** As `installed`, a piece between two `yield`s: until the last one some units are not given again yet. */
  *installing(): Iterable<void> {
    this.#installs++;
    this.#stored = this.#pending ?? this.#stored;
    this.#pending = undefined;
    this.#changed.clear();
    this.#held.push({ runs: this.#retired, install: this.#installs });
    this.#retired = [];
    yield* this.#freeingHeld();
  }

  /** The entries are not in the tree, and never will be: what was retired stays in use. */
  failed(): void {
    this.#pending = undefined;
    this.#retired = [];
    this.#cursors.clear();
  }

  /** Until it is released, no unit that the version installed last names is given again. */
  retain(): Retention {
    const retention = { install: this.#installs };
    this.#retentions.add(retention);
    return {
      release: () => {
        if (!this.#retentions.delete(retention)) return;
        for (const _ of this.#freeingHeld());
      },
    };
  }

  /** Chunks of the map: the page file is no longer than so many times CHUNK_UNITS units. */
  get chunkCount(): number {
    let count = this.#load().length;
    for (const index of this.#chunks.keys()) count = Math.max(count, index + 1);
    return count;
  }

  /** All units from this one on are free. */
  get limit(): number {
    for (let index = this.chunkCount - 1; index >= 0; index--) {
      const { words, taken } = this.#chunk(index);
      if (taken === 0) continue;
      let word = words.length - 1;
      while (words[word] === 0) word--;
      return index * CHUNK_UNITS + 32 * word + 32 - Math.clz32(words[word]);
    }
    return 0;
  }

  /** Whether `unit` may not be given: it is named by a version, or held for a reader of an older one. */
  isTaken(unit: number): boolean {
    const index = Math.floor(unit / CHUNK_UNITS);
    if (index >= this.chunkCount) return false;
    return allTaken(this.#chunk(index).words, unit - index * CHUNK_UNITS, 1);
  }

  /** Units taken in memory, and those of them that no entry will name any more. O(chunks). */
  stats(): { readonly takenUnits: number; readonly heldUnits: number } {
    const stored = this.#load();
    let takenUnits = 0;
    for (let i = 0; i < this.chunkCount; i++) takenUnits += this.#chunks.get(i)?.taken ?? stored[i];
    let heldUnits = 0;
    for (const { count } of this.#unneeded()) heldUnits += count;
    return { takenUnits, heldUnits };
  }

  /** Taken in memory, though no newer version names them. */
  *#unneeded(): Iterable<UnitRun> {
    yield* this.#retired;
    for (const { runs } of this.#held) yield* runs;
  }

  /** The oldest first. A retention that ends, or begins, between two pieces finds the rest as it is. */
  *#freeingHeld(): Iterable<void> {
    while (this.#held.length > 0) {
      const [{ runs, install }] = this.#held;
      for (const retention of this.#retentions) if (install > retention.install) return;
      for (const run of runs.splice(-RUNS_PER_PIECE)) this.#free(run);
      if (runs.length === 0) this.#held.shift();
      this.#cursors.clear();
      yield;
    }
  }

  /** Frees in memory what the entries show as free already: the chunk does not change. */
  #free({ unit, count }: UnitRun): void {
    const index = Math.floor(unit / CHUNK_UNITS);
    this.#mark(this.#chunk(index), unit - index * CHUNK_UNITS, count, false);
  }

  #mark(chunk: Chunk, bit: number, count: number, taken: boolean): void {
    if (!taken) assert(allTaken(chunk.words, bit, count), 'a freed unit was taken');
    setBits(chunk.words, bit, count, taken);
    chunk.taken += taken ? count : -count;
  }

  #load(): number[] {
    if (this.#stored !== undefined) return this.#stored;
    const bytes = this.#map.getFreeUnits(FREE_UNITS_SUMMARY) ?? new Uint8Array(0);
    if (bytes.length % 4 !== 0 || bytes.length / 4 > CHUNKS_MAX) {
      throw new CorruptionError('summary of free units has a wrong length', this.#location());
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#stored = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
    return this.#stored;
  }

  #chunk(index: number): Chunk {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    const bytes = this.#map.getFreeUnits(index) ?? new Uint8Array(0);
    if (bytes.length > CHUNK_BYTES) {
      throw new CorruptionError('chunk of free units is too long', this.#location());
    }
    const words = new Uint32Array(CHUNK_UNITS / 32);
    for (let i = 0; i < bytes.length; i++) words[i >>> 2] |= bytes[i] << (8 * (i & 3));
    const chunk = { words, taken: countBits(words) };
    if (chunk.taken !== (this.#load()[index] ?? 0)) {
      throw new CorruptionError('free units contradict their summary', this.#location());
    }
    this.#chunks.set(index, chunk);
    return chunk;
  }

  #location(): { file: string; offset: number } {
    return { file: this.#file, offset: 0 };
  }
}

/** The first run of `count` clear bits at or behind `from`, or -1. */
function findRun(words: Uint32Array, from: number, count: number): number {
  const end = words.length * 32;
  let start = from;
  let bit = from;
  while (bit < end) {
    const word = words[bit >>> 5];
    if ((bit & 31) === 0 && word === 0xffffffff) {
      bit += 32;
      start = bit;
    } else if (((word >>> (bit & 31)) & 1) === 1) {
      start = ++bit;
    } else if (++bit - start === count) {
      return start;
    }
  }
  return -1;
}

function setBits(words: Uint32Array, bit: number, count: number, value: boolean): void {
  for (let i = bit; i < bit + count; i++) {
    if (value) words[i >>> 5] |= 1 << (i & 31);
    else words[i >>> 5] &= ~(1 << (i & 31));
  }
}

function allTaken(words: Uint32Array, bit: number, count: number): boolean {
  for (let i = bit; i < bit + count; i++) {
    if (((words[i >>> 5] >>> (i & 31)) & 1) === 0) return false;
  }
  return true;
}

/** The words as little-endian bytes, without the zero bytes at the end. */
function trimmed(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  let length = 0;
  for (let i = 0; i < words.length; i++) {
    view.setUint32(4 * i, words[i], true);
    if (words[i] !== 0) length = 4 * i + 4 - (Math.clz32(words[i]) >>> 3);
  }
  return bytes.subarray(0, length);
}
