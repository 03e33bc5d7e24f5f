/**
 * One budget for everything of an engine that grows: memtables (readers' and spare ones included), indexes
 * and filters of open tables, the log's buffers, what flushes and compactions work with, and the block cache,
 * which gets what the others leave.
 *
 * When they grow, the cache gives up segments, then tables are closed; what can do neither (a memtable, a
 * log buffer) is asked for before it is made, and refused.
 *
 * Without `memoryBytes` only cache and tables share a bound, `blockCacheBytes`.
 */
import { KIB } from '../base/units.ts';
import { type BlockCache, leastCacheBytes } from './block-cache.ts';
import { LOG_BUFFER_BYTES } from './log-writer.ts';
import type { MemoryStats } from './memory-stats.ts';
import type { OpenTables } from './open-tables.ts';

export interface MemoryBudgetOptions {
  /** Infinity: none. */
  readonly bytes: number;
  readonly tableBytes: number;
  readonly cache: BlockCache;
  readonly tables: OpenTables;
}

/** Output buffer, block under construction, index, of one table that is being written. */
const WRITER_BYTES = 320 * KIB;
/** Keys gathered for a filter, 8 bytes each in an array that doubles, for one byte of a table. */
const KEYS_SHARE = 0.75;
/** A flush and a compaction may run at the same time. */
const JOBS = 2;
/** Index and filter of a table, for one byte of it. */
const READER_SHARE = 1 / 16;

/** Two logs when one is switched for another. */
export const LOG_BYTES: number = 2 * LOG_BUFFER_BYTES;

/** The budget below which an engine could not work. */
export function leastMemory(memtableBytes: number, tableBytes: number, blockBytes: number): number {
  const memtables = 2 * memtableBytes + Math.ceil(memtableBytes / 2);
  const cache = leastCacheBytes(blockBytes);
  const reader = READER_SHARE * tableBytes;
  return Math.ceil(memtables + LOG_BYTES + jobBytesFor(tableBytes) + cache + reader);
}

/** What the jobs of an engine with tables of that size need. */
export function jobBytesFor(tableBytes: number): number {
  return Math.ceil(JOBS * (WRITER_BYTES + KEYS_SHARE * tableBytes));
}

export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #jobBytes: number;
  #memtableBytes = 0;
  #logBytes = 0;
  #lentBytes = 0;

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
    this.#jobBytes = this.#isWhole ? jobBytesFor(options.tableBytes) : 0;
    this.#charge(this.#jobBytes);
  }

  setMemtables(bytes: number): void {
    this.#charge(bytes - this.#memtableBytes);
    this.#memtableBytes = bytes;
  }

  addLogBuffer(bytes: number): void {
    this.#charge(bytes);
    this.#logBytes += bytes;
  }

  /** So many bytes are in use by others; not limited here, but the cache gives up what it can. */
  setLent(bytes: number): void {
    const { cache, tables } = this.#options;
    cache.charge(bytes - this.#lentBytes);
    this.#lentBytes = bytes;
    while (cache.excessBytes > 0 && tables.evictOne(NO_TABLE));
  }

  /** Whether memtables and log may take so many bytes more. */
  mayGrow(bytes: number): boolean {
    if (!this.#isWhole) return true;
    const { cache, tableBytes } = this.#options;
    const fixed = this.#memtableBytes + this.#logBytes + this.#jobBytes + this.#lentBytes;
    return fixed + bytes + cache.leastBytes + READER_SHARE * tableBytes <= this.#options.bytes;
  }

  stats(): MemoryStats {
    const { scratchBytes, reservedBytes, chargedBytes } = this.#options.cache.stats();
    const own = this.#memtableBytes + this.#logBytes + this.#jobBytes;
    const others = this.#lentBytes + (this.#isWhole ? own : 0);
    const parts = {
      memtableBytes: this.#memtableBytes,
      blockCacheBytes: reservedBytes + scratchBytes,
      tableReaderBytes: chargedBytes - others,
      logBufferBytes: this.#logBytes,
      jobBytes: this.#jobBytes,
    };
    const totalBytes = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
    return { budgetBytes: this.#options.bytes, ...parts, totalBytes };
  }

  get #isWhole(): boolean {
    return this.#options.bytes !== Number.POSITIVE_INFINITY;
  }

  /** Without a budget of its own, what is not the cache's is not its concern. */
  #charge(bytes: number): void {
    if (!this.#isWhole || bytes === 0) return;
    const { cache, tables } = this.#options;
    cache.charge(bytes);
    while (cache.excessBytes > 0 && tables.evictOne(NO_TABLE));
  }
}

const NO_TABLE = { isUsed: false, letGo: (): void => {} };
