/**
 * How `memoryBytes` is divided. Every part is bounded by its own figure, so that their sum is bounded
 * whatever the phase: two memtables (one filling, one being flushed), the block cache with the indexes
 * and filters of tables, and the rest for the module's memory, which holds codes, lists, originals and
 * search scratch and evicts among them as needed.
 */
import { KIB, MIB } from '../base/units.ts';

export interface MemoryPlan {
  /** Of one memtable; there are two. */
  readonly memtableBytes: number;
  readonly blockCacheBytes: number;
  /** Of the kernel module. */
  readonly moduleBytes: number;
  /** Of arrays of bulk loads, which run while memtables are empty. */
  readonly bulkBytes: number;
  /** Dirty pages beyond this start a checkpoint. */
  readonly dirtyBytesMax: number;
}

const MODULE_BYTES_MAX = 4096 * MIB - 64 * KIB;

export function planMemory(memoryBytes: number, hasBackgroundThread: boolean = false): MemoryPlan {
  const memtableBytes = clamp(memoryBytes / 16, 256 * KIB, 32 * MIB);
  // A thread that merges holds indexes and filters of what it reads beside those of the engine.
  const threadBytes = hasBackgroundThread ? memtableBytes / 2 : 0;
  const rest = memoryBytes - 2 * memtableBytes - threadBytes;
  // Log buffers, filters being built, maps of open pages: what is not worth a bound of its own.
  const slack = rest / 16;
  const blockCacheBytes = clamp(rest / 8, 512 * KIB, rest);
  const moduleBytes = Math.min(rest - slack - blockCacheBytes, MODULE_BYTES_MAX);
  return {
    memtableBytes,
    // Above what the module can address, the rest serves the tree.
    blockCacheBytes: Math.floor(rest - slack - moduleBytes),
    moduleBytes: Math.floor(moduleBytes / (64 * KIB)) * 64 * KIB,
    bulkBytes: Math.floor(2 * memtableBytes + slack),
    dirtyBytesMax: Math.floor(moduleBytes / 4),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.floor(Math.min(Math.max(value, least), most));
}
