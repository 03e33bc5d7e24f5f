/**
 * Writes a table file, front to back:
 *
 *   blocks | filter | index | properties | footer (64 bytes)
 *
 * Each part but the footer is a section (`table-section.ts`) at a multiple of 8; the bytes between are
 * zero. The same entries and options give the same file, byte for byte.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { KIB } from '../base/units.ts';
import type { File } from '../storage/file-system.ts';
import { BlockBuilder } from './block-builder.ts';
import { addToFilter, filterWordCount } from './bloom-filter.ts';
import { CODEC_LZ4, CODEC_NONE, type CodecName, compressLz4 } from './codec.ts';
import { type EntryKind, isEntryBefore, MERGE, SEQUENCE_MAX, SET } from './entry.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import { encodeTableFooter, type SectionRange } from './table-footer.ts';
import { TableIndexBuilder } from './table-index.ts';
import { encodeTableProperties, type TableProperties } from './table-properties.ts';
import { alignSection, SECTION_TRAILER_SIZE, sealSection } from './table-section.ts';

export interface TableWriterOptions {
  /** The file's number: part of its name and mixed into every checksum. */
  readonly number: number;
  readonly hasher: Hasher;
  readonly tree: number;
  readonly level: number;
  /** Larger for tables created later. */
  readonly epoch: number;
  /** Stored size that a block with more than one entry does not pass, in bytes. Default: 4096. */
  readonly blockBytes?: number | undefined;
  /** Default: `'none'`. */
  readonly codec?: CodecName | undefined;
  /** 0: no filter. Default: 10. */
  readonly filterBitsPerKey?: number | undefined;
  readonly seededBugs?: SeededBugs | undefined;
  /** Default: none. */
  readonly mergeOperator?: string | undefined;
  /** Default: none. */
  readonly layout?: string | undefined;
}

const OUTPUT_BYTES: number = 256 * KIB;
const KEY_BYTES = 8;
/** Keys that are added to a filter between two looks whether the slice is over. */
const KEYS_PER_UNIT = 256;

export class TableWriter {
  readonly #file: File;
  readonly #options: TableWriterOptions;
  readonly #blockBytes: number;
  readonly #codec: CodecName;
  readonly #filterBitsPerKey: number;
  readonly #block = new BlockBuilder();
  readonly #index = new TableIndexBuilder();
  readonly #counts: EntryCounts = newEntryCounts();
  /** Distinct keys for the filter: hi and lo by turns. */
  #keys = new Uint32Array(1024);
  /** Bytes that are not written yet; what precedes them in the file is a multiple of 8. */
  #output = new Uint8Array(OUTPUT_BYTES);
  #outputSize = 0;
  #fileSize = 0;
  #isFinished = false;
  /** Once the last entry is there. */
  #filter: Uint32Array<ArrayBuffer> | undefined;
  /** Numbers of `#keys` that are in the filter. */
  #filterEnd = 0;

  /** `file` is new and empty, and stays the caller's to sync and close. */
  constructor(file: File, options: TableWriterOptions) {
    const { blockBytes = 4096, codec = 'none', filterBitsPerKey = 10 } = options;
    this.#file = file;
    this.#options = options;
    this.#blockBytes = blockBytes;
    this.#codec = codec;
    this.#filterBitsPerKey = filterBitsPerKey;
    if (options.seededBugs?.has('a filter misses a key')) this.#filterEnd = 2;
  }

  get entryCount(): number {
    return this.#counts.entries;
  }

  /** About what the file would have if it were finished now. */
  get sizeBytes(): number {
    const filterBytes = (this.#counts.keys * this.#filterBitsPerKey) / 8;
    return this.#fileSize + this.#outputSize + this.#block.size + this.#index.size + filterBytes;
  }

  /** Entries come in entry order. The value is copied. */
  add(hi: number, lo: number, sequence: number, kind: EntryKind, value: Uint8Array): void {
    const counts = this.#counts;
    assert(!this.#isFinished, 'a finished table takes no entries');
    assert(sequence >= 0 && sequence <= SEQUENCE_MAX, 'a sequence number is below 2^53');
    const isFirst = counts.entries === 0;
    assert(
      isFirst ||
        isEntryBefore(counts.largestHi, counts.largestLo, counts.lastSequence, hi, lo, sequence),
      'entries of a table come in order',
    );
    const sizeAfter = this.#block.sizeAfter(hi, sequence, value.length) + SECTION_TRAILER_SIZE;
    if (this.#block.count > 0 && sizeAfter > this.#blockBytes) this.#finishBlock();
    this.#block.add(hi, lo, sequence, kind, value);
    if (isFirst || hi !== counts.largestHi || lo !== counts.largestLo) this.#addKey(hi, lo);
    countEntry(counts, hi, lo, sequence, kind);
  }

  /**
   * Builds the filter of the keys so far, slice by slice, after the last entry; true when it is done. `finish`
   * does what this has not: for a table of many small entries it is most of its work, 5 ms and more.
   */
  buildFilter(isOver: () => boolean): boolean {
    assert(!this.#isFinished, 'a filter is built before its table is finished');
    if (this.#filterBitsPerKey === 0) return true;
    const keys = this.#keys;
    const end = 2 * this.#counts.keys;
    this.#filter ??= new Uint32Array(filterWordCount(this.#counts.keys, this.#filterBitsPerKey));
    const words = this.#filter;
    while (this.#filterEnd < end) {
      const stop = Math.min(end, this.#filterEnd + 2 * KEYS_PER_UNIT);
      for (let i = this.#filterEnd; i < stop; i += 2) addToFilter(words, keys[i], keys[i + 1]);
      this.#filterEnd = stop;
      if (isOver()) return false;
    }
    return true;
  }

  /**
   * Writes what is left and returns what the table says of itself. Requires an entry; neither syncs nor
   * closes the file.
   */
  finish(): TableProperties {
    assert(!this.#isFinished && this.#counts.entries > 0, 'a table is finished once, not empty');
    this.buildFilter(isNeverOver);
    this.#isFinished = true;
    this.#finishBlock();
    const filter = this.#writeFilter();
    const index = this.#writeSection(this.#index.encode());
    const properties = this.#properties();
    const propertiesRange = this.#writeSection(encodeTableProperties(properties));
    const footer = encodeTableFooter(
      { number: this.#options.number, filter, index, properties: propertiesRange },
      this.#options.hasher,
    );
    this.#reserve(footer.length);
    this.#output.set(footer, this.#outputSize);
    this.#outputSize += footer.length;
    this.#flush();
    return properties;
  }

  #properties(): TableProperties {
    const { tree, level, epoch, mergeOperator = '', layout = '' } = this.#options;
    const { lastSequence: _, ...counts } = this.#counts;
    return {
      tree,
      level,
      epoch,
      ...counts,
      blocks: this.#index.blockCount,
      blockBytes: this.#blockBytes,
      filterBitsPerKey: this.#filterBitsPerKey,
      codec: this.#codec,
      mergeOperator,
      layout,
    };
  }

  #addKey(hi: number, lo: number): void {
    const keys = this.#counts.keys++;
    if (this.#filterBitsPerKey === 0) return;
    if (2 * keys === this.#keys.length) {
      const grown = new Uint32Array(2 * this.#keys.length);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    this.#keys[2 * keys] = hi;
    this.#keys[2 * keys + 1] = lo;
  }

  #finishBlock(): void {
    const block = this.#block;
    const rawSize = block.size;
    this.#reserve(rawSize);
    const start = this.#outputSize;
    const raw = this.#output.subarray(start, start + rawSize);
    block.write(raw);
    const packed = this.#codec === 'lz4' ? compressLz4(raw) : undefined;
    if (packed !== undefined) this.#output.set(packed, start);
    const storedSize = packed?.length ?? rawSize;
    const range = this.#seal(storedSize, packed === undefined ? CODEC_NONE : CODEC_LZ4);
    this.#counts.rawBytes += rawSize;
    this.#counts.storedBytes += storedSize;
    this.#index.add({
      lastHi: block.lastHi,
      lastLo: block.lastLo,
      entryCount: block.count,
      offset: range.offset,
      length: range.length,
    });
    block.clear();
  }

  #writeFilter(): SectionRange {
    const words = this.#filter;
    return words === undefined
      ? { offset: 0, length: 0 }
      : this.#writeSection(new Uint8Array(words.buffer));
  }

  #writeSection(payload: Uint8Array): SectionRange {
    this.#reserve(payload.length);
    this.#output.set(payload, this.#outputSize);
    return this.#seal(payload.length, CODEC_NONE);
  }

  /** Makes a section of the `size` bytes at the end of the output, and aligns what comes next. */
  #seal(size: number, codec: number): SectionRange {
    const { number, hasher } = this.#options;
    const start = this.#outputSize;
    const offset = this.#fileSize + start;
    sealSection(this.#output, { start, end: start + size }, { number, offset, codec }, hasher);
    const length = size + SECTION_TRAILER_SIZE;
    this.#outputSize = alignSection(start + length);
    this.#output.fill(0, start + length, this.#outputSize);
    return { offset, length };
  }

  /** Makes room for a section of `size` bytes of payload behind the output. */
  #reserve(size: number): void {
    const needed = size + SECTION_TRAILER_SIZE + KEY_BYTES;
    if (this.#outputSize + needed <= this.#output.length) return;
    this.#flush();
    if (needed > this.#output.length) this.#output = new Uint8Array(alignSection(needed));
  }

  #flush(): void {
    if (this.#outputSize === 0) return;
    this.#file.write(this.#output.subarray(0, this.#outputSize), this.#fileSize);
    this.#fileSize += this.#outputSize;
    this.#outputSize = 0;
  }
}

function isNeverOver(): boolean {
  return false;
}

/** The part of the properties that grows with each entry. */
interface EntryCounts {
  entries: number;
  sets: number;
  merges: number;
  deletes: number;
  keys: number;
  smallestHi: number;
  smallestLo: number;
  largestHi: number;
  largestLo: number;
  smallestSequence: number;
  largestSequence: number;
  rawBytes: number;
  storedBytes: number;
  /** Sequence of the last entry. */
  lastSequence: number;
}

function newEntryCounts(): EntryCounts {
  return {
    entries: 0,
    sets: 0,
    merges: 0,
    deletes: 0,
    keys: 0,
    smallestHi: 0,
    smallestLo: 0,
    largestHi: 0,
    largestLo: 0,
    smallestSequence: SEQUENCE_MAX,
    largestSequence: 0,
    rawBytes: 0,
    storedBytes: 0,
    lastSequence: 0,
  };
}

function countEntry(
  counts: EntryCounts,
  hi: number,
  lo: number,
  sequence: number,
  kind: EntryKind,
): void {
  if (counts.entries === 0) {
    counts.smallestHi = hi;
    counts.smallestLo = lo;
  }
  counts.entries++;
  if (kind === SET) counts.sets++;
  else if (kind === MERGE) counts.merges++;
  else counts.deletes++;
  counts.largestHi = hi;
  counts.largestLo = lo;
  counts.lastSequence = sequence;
  if (sequence < counts.smallestSequence) counts.smallestSequence = sequence;
  if (sequence > counts.largestSequence) counts.largestSequence = sequence;
}
