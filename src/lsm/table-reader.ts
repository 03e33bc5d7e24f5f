/**
 * Reads one table file. Opening it reads footer and properties; index and filter follow on first use and
 * stay in memory, charged to the block cache, until the reader is closed or has to let go of them for others;
 * then they, and the file, come back with the next read.
 *
 * A point read costs a filter probe, a binary search of the index, a block (from the cache, or one read)
 * and a binary search in its columns. It allocates nothing of its own. Nothing that the disk returns is
 * trusted: a read gives the right answer or `CORRUPTION`.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, isDatabaseError } from '../errors.ts';
import type { File } from '../storage/file-system.ts';
import {
  allocateBlock,
  type Block,
  blockHi,
  blockKind,
  blockSequence,
  blockValueEnd,
  blockValueStart,
  openBlock,
  seekBlock,
} from './block.ts';
import { type BlockCache, scratchBytesMax } from './block-cache.ts';
import { mayContain } from './bloom-filter.ts';
import type { ReversibleCursor } from './cursor.ts';
import type { PointFold } from './fold.ts';
import type { OpenTable, OpenTables } from './open-tables.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import { TableCursor } from './table-cursor.ts';
import {
  decodeTableFooter,
  type SectionRange,
  TABLE_FOOTER_SIZE,
  type TableFooter,
} from './table-footer.ts';
import { decodeTableIndex, seekTableIndex, type TableIndex } from './table-index.ts';
import { decodeTableProperties, type TableProperties } from './table-properties.ts';
import { openSection, SECTION_ALIGNMENT } from './table-section.ts';

/** What the readers of one engine share. */
export interface TableShared {
  readonly cache: BlockCache;
  readonly hasher: Hasher;
  readonly seededBugs?: SeededBugs | undefined;
  /** Bounds the readers that hold a file, index and filter. */
  readonly tables?: OpenTables | undefined;
}

export interface TableCursorOptions {
  /**
   * Whether blocks that the cursor reads enter the cache. Compaction says no: it reads each once.
   * Default: true.
   */
  readonly fillCache?: boolean | undefined;
}

export class TableReader implements OpenTable {
  /**
   * Takes the file over, also when it throws. With `reopen` the reader may be asked to let go of it.
   */
  static open(file: File, number: number, shared: TableShared, reopen?: () => File): TableReader {
    try {
      return new TableReader(file, number, shared, reopen);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  readonly number: number;
  readonly properties: TableProperties;
  /** Length of the file. */
  readonly sizeBytes: number;
  /** Cached blocks by block number. Written by this reader, emptied by the cache. */
  readonly blocks: (Block | undefined)[] = [];
  isUsed = true;
  readonly #path: string;
  /** Undefined while the reader has let go of it. */
  #file: File | undefined;
  readonly #reopen: (() => File) | undefined;
  readonly #tables: OpenTables | undefined;
  readonly #view: (length: number) => Uint8Array;
  readonly #cache: BlockCache;
  readonly #hasher: Hasher;
  readonly #sectionHasher: Hasher | undefined;
  readonly #footer: TableFooter;
  #index: TableIndex | undefined;
  #filter: Uint32Array | undefined;
  #chargedBytes = 0;

  private constructor(
    file: File,
    number: number,
    shared: TableShared,
    reopen: (() => File) | undefined,
  ) {
    this.#file = file;
    this.#path = file.path;
    this.#reopen = reopen;
    this.#tables = reopen === undefined ? undefined : shared.tables;
    this.#view = (length) => shared.cache.scratch(length);
    this.#cache = shared.cache;
    this.#hasher = shared.hasher;
    const isSeeded = shared.seededBugs?.has('a checksum is not verified');
    this.#sectionHasher = isSeeded ? undefined : shared.hasher;
    this.number = number;
    this.sizeBytes = file.size();
    const offset = this.sizeBytes - TABLE_FOOTER_SIZE;
    const location = { file: file.path, offset: Math.max(0, offset) };
    if (offset < 0) throw new CorruptionError('table shorter than its footer', location);
    const bytes = new Uint8Array(TABLE_FOOTER_SIZE);
    this.#read(bytes, offset);
    this.#footer = decodeTableFooter(bytes, location, this.#hasher);
    if (this.#footer.number !== number) {
      throw new CorruptionError(`table says that it is number ${this.#footer.number}`, location);
    }
    const range = this.#footer.properties;
    const place = { file: file.path, offset: range.offset };
    this.properties = decodeTableProperties(this.#readSection(range), place);
    this.#tables?.admit(this);
  }

  /**
   * Feeds the versions of a key that `sequence` sees into `fold`, newest first, until it is done. Returns
   * `fold.isDone`.
   */
  get(hi: number, lo: number, sequence: number, fold: PointFold): boolean {
    this.isUsed = true;
    const index = this.#index ?? this.#load();
    const filter = this.#filter;
    if (filter !== undefined && !mayContain(filter, hi, lo)) return false;
    const { blockCount } = index;
    // A key whose last version here ends its block may go on in the next one.
    for (let number = seekTableIndex(index, hi, lo); number < blockCount; number++) {
      const block = this.#block(number, true);
      const { count, keyLo, u32 } = block;
      let i = seekBlock(block, hi, lo);
      while (i < count && u32[keyLo + i] === lo && blockHi(block, i) === hi) {
        if (blockSequence(block, i) <= sequence) {
          const start = blockValueStart(block, i);
          if (fold.add(blockKind(block, i), block.u8, start, blockValueEnd(block, i))) return true;
        }
        i++;
      }
      if (i < count) return false;
    }
    return false;
  }

  /** All entries, in order. The caller closes the cursor before the reader. */
  cursor(options: TableCursorOptions = {}): ReversibleCursor {
    const { fillCache = true } = options;
    return new TableCursor(
      () => this.#index ?? this.#load(),
      (number) => this.#block(number, fillCache),
    );
  }

  /** Reads everything, past the cache, and tells what contradicts what. */
  check(report: (what: string, offset: number) => void): void {
    try {
      this.#checkBlocks(report);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      report(error.message, error.location.offset);
    }
  }

  /** Drops the table's blocks from the cache and closes the file. Idempotent. */
  close(): void {
    this.#cache.forget(this);
    this.#tables?.remove(this);
    this.#drop();
    this.#file?.close();
    this.#file = undefined;
  }

  /** Called by the set of open tables: gives file, index and filter back until the next read. */
  letGo(): void {
    this.#drop();
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.close();
    } catch (error) {
      if (!isDatabaseError(error)) throw error; // It was only read.
    }
  }

  #drop(): void {
    this.#cache.charge(-this.#chargedBytes);
    this.#chargedBytes = 0;
    this.#index = undefined;
    this.#filter = undefined;
  }

  /** The file, opened again if it was let go of. */
  #open(): File {
    assert(this.#reopen !== undefined, 'a closed reader is not read');
    const file = this.#reopen();
    this.#file = file;
    this.#tables?.admit(this);
    return file;
  }

  /** Brings index and filter into memory. */
  #load(): TableIndex {
    const { index: range, filter: filterRange, properties } = this.#footer;
    const location = { file: this.#path, offset: range.offset };
    const blocksEnd = filterRange.length > 0 ? filterRange.offset : range.offset;
    const index = decodeTableIndex(this.#readSection(range), blocksEnd, location);
    if (index.blockCount !== this.properties.blocks) {
      throw new CorruptionError('block count contradicts the properties', location);
    }
    this.#filter = this.#readFilter(filterRange);
    this.#index = index;
    this.#chargedBytes = range.length + filterRange.length + properties.length;
    this.#cache.charge(this.#chargedBytes);
    while (this.#cache.excessBytes > 0 && this.#tables?.evictOne(this) === true);
    return index;
  }

  #readFilter(range: SectionRange): Uint32Array | undefined {
    if (range.length === 0) return undefined;
    const bytes = this.#readSection(range);
    if (bytes.length === 0 || bytes.length % 32 !== 0) {
      const location = { file: this.#path, offset: range.offset };
      throw new CorruptionError('impossible length of a filter', location);
    }
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /** The block of that number, from the cache or from the file. */
  #block(number: number, fillCache: boolean): Block {
    this.isUsed = true;
    const block = this.blocks[number];
    if (block === undefined) return this.#readBlock(number, fillCache);
    this.#cache.hits++;
    if (!block.isReferenced) block.isReferenced = true;
    return block;
  }

  /** Reads and checks a block that is not cached. */
  #readBlock(number: number, fillCache: boolean): Block {
    const cache = this.#cache;
    const index = this.#index ?? this.#load();
    const offset = index.unit[number] * SECTION_ALIGNMENT;
    const stored = cache.scratch(index.length[number]);
    this.#read(stored, offset);
    const location = { file: this.#path, offset };
    // The scratch gives views of its start by their length, unless this block is too long for it.
    const view = stored.length <= scratchBytesMax ? this.#view : undefined;
    const payload = openSection(stored, this.number, location, this.#sectionHasher, view);
    const block = fillCache
      ? cache.allocate(payload.length, this, number)
      : allocateBlock(payload.length);
    block.u8.set(payload, block.start);
    let problem = openBlock(block, payload.length);
    if (problem === undefined && block.count !== index.entryCount[number]) {
      problem = 'entry count contradicts the index';
    }
    if (problem === undefined && !isLastKey(block, index.lastHi[number], index.lastLo[number])) {
      problem = 'last key contradicts the index';
    }
    if (problem !== undefined) throw new CorruptionError(problem, location);
    cache.misses++;
    if (block.isCached) this.blocks[number] = block;
    return block;
  }

  #readSection(range: SectionRange): Uint8Array {
    const stored = new Uint8Array(range.length);
    this.#read(stored, range.offset);
    const location = { file: this.#path, offset: range.offset };
    return openSection(stored, this.number, location, this.#sectionHasher);
  }

  #read(target: Uint8Array, offset: number): void {
    const file = this.#file ?? this.#open();
    if (file.readInto(target, offset) !== target.length) {
      throw new CorruptionError('table ends early', { file: this.#path, offset });
    }
  }

  #checkBlocks(report: (what: string, offset: number) => void): void {
    const index = this.#index ?? this.#load();
    const filter = this.#filter;
    const { properties } = this;
    let entries = 0;
    let hi = -1;
    let lo = -1;
    let sequence = 0;
    for (let number = 0; number < index.blockCount; number++) {
      const block = this.#readBlock(number, false);
      const offset = index.unit[number] * SECTION_ALIGNMENT;
      const firstHi = blockHi(block, 0);
      const firstLo = block.u32[block.keyLo];
      const isSameKey = firstHi === hi && firstLo === lo;
      const isBehind = firstHi > hi || (firstHi === hi && firstLo > lo);
      const isInOrder = isBehind || (isSameKey && blockSequence(block, 0) < sequence);
      if (!isInOrder) report('blocks out of order', offset);
      for (let i = 0; i < block.count && filter !== undefined; i++) {
        if (mayContain(filter, blockHi(block, i), block.u32[block.keyLo + i])) continue;
        report('filter misses a key', offset);
      }
      entries += block.count;
      hi = blockHi(block, block.count - 1);
      lo = block.u32[block.keyLo + block.count - 1];
      sequence = blockSequence(block, block.count - 1);
    }
    if (entries !== properties.entries) report('entry count contradicts the properties', 0);
    if (hi !== properties.largestHi || lo !== properties.largestLo) {
      report('largest key contradicts the properties', 0);
    }
  }
}

function isLastKey(block: Block, hi: number, lo: number): boolean {
  const last = block.count - 1;
  return blockHi(block, last) === hi && block.u32[block.keyLo + last] === lo;
}
