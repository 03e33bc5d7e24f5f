/**
 * How `memoryBytes` is divided, once, at opening. Each part is bounded by its own figure, so that their sum is
 * bounded whatever the phase:
 *
 *   engine   memtables (one filling, one being flushed, and half of one for what comes in meanwhile), log
 *            buffers, what flushes and merges work with, and the block cache with indexes and filters of
 *            tables; arrays of bulk loads are taken from memtables and cache, which rest meanwhile
 *   names    ids of records that searches have named
 *   module   codes, lists, originals, directories, search scratch: evicts among them as needed
 *   slack    what is not worth a bound of its own: maps of changed pages, bits of sweeps, filters of a thread
 *            that merges, bytes that are being read in the background
 *
 * Only a commit that is larger than a memtable takes what it needs.
 */
import { KIB, MIB } from '../base/units.ts';
import { leastCacheBytes } from '../lsm/block-cache.ts';
import { jobBytesFor, LOG_BYTES } from '../lsm/memory-budget.ts';

export interface MemoryPlan {
  /** Of one memtable. */
  readonly memtableBytes: number;
  /** Compaction cuts its tables at about this size. */
  readonly tableBytes: number;
  /** Of blocks, indexes and filters. */
  readonly blockCacheBytes: number;
  /** Of ids that searches have named. */
  readonly nameBytes: number;
  /** Of what a flush and a compaction work with. */
  readonly jobBytes: number;
  /** Of the kernel module. */
  readonly moduleBytes: number;
  /** Of arrays of bulk loads. */
  readonly bulkBytes: number;
  /** Of bytes that are being read in the background. */
  readonly stagedBytes: number;
  /** Dirty pages beyond this start a checkpoint. */
  readonly dirtyBytesMax: number;
}

/** The least memory that a database works with, in bytes. */
export const MEMORY_BYTES_MIN: number = 8 * MIB;

const MODULE_BYTES_MAX = 4096 * MIB - 64 * KIB;
const BLOCK_BYTES = 4096;
/** With less, searches of a large collection read more blocks again than they read pages less. */
const SMALL_CACHE_BYTES = 1.25 * MIB;
/** The heads of sixty thousand records fit; taken where it is at most an eleventh of the budget. */
const FULL_CACHE_BYTES = 1.75 * MIB;
/** With less, the blocks of heads are worth more than what is decoded from them. */
const NAMES_FROM_BYTES = 64 * MIB;

export function planMemory(memoryBytes: number): MemoryPlan {
  // A small budget is for reading: its memtables are smaller than their share would be.
  const memtableBytes = clamp((memoryBytes - 12 * MIB) / 19, 256 * KIB, 32 * MIB);
  const tableBytes = clamp(memtableBytes / 4, 64 * KIB, 8 * MIB);
  const jobBytes = jobBytesFor(tableBytes);
  const treeBytes = 2.5 * memtableBytes + LOG_BYTES + jobBytes;
  const slackBytes = memoryBytes / 24;
  const rest = memoryBytes - treeBytes - slackBytes;
  // A small budget needs more of it than a large one, beside indexes and filters of tables.
  const shareBytes = Math.max(
    memoryBytes / 16,
    Math.min(memoryBytes / 11, FULL_CACHE_BYTES),
    Math.min(memoryBytes / 8, SMALL_CACHE_BYTES),
  );
  const cacheBytes = shareBytes + leastCacheBytes(BLOCK_BYTES);
  const moduleBytes = Math.min(rest - cacheBytes, MODULE_BYTES_MAX);
  const frameBytes = Math.floor(moduleBytes / (64 * KIB)) * 64 * KIB;
  // Above what the module can address, the rest serves the tree.
  const nameBytes = memoryBytes < NAMES_FROM_BYTES ? 0 : Math.floor(memoryBytes / 128);
  const blockCacheBytes = Math.floor(rest - frameBytes) - nameBytes;
  return {
    memtableBytes,
    tableBytes,
    blockCacheBytes,
    nameBytes,
    jobBytes,
    moduleBytes: frameBytes,
    // Only one memtable is there, and the cache can do with less.
    bulkBytes: Math.floor(1.5 * memtableBytes + memoryBytes / 16 + 0.9 * slackBytes) - nameBytes,
    stagedBytes: clamp(slackBytes / 4, 64 * KIB, 4 * MIB),
    dirtyBytesMax: Math.floor(moduleBytes / 4),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.floor(Math.min(Math.max(value, least), most));
}
