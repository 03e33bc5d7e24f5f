/** Checks the options of an engine and fills in their defaults. */
import { KIB, MIB } from '../base/units.ts';
import type { CoreOptions } from './engine-core.ts';
import { leastMemory } from './memory-budget.ts';
import { ARENA_BYTES_MAX, emptyArenaBytes } from './memtable.ts';
import {
  checkEngineOptions,
  checkTrees,
  invalid,
  requireChoice,
  requireNumber,
} from './option-checks.ts';
import { NO_BUGS, type SeededOptions } from './seeded-bugs.ts';

/** Of the budget; one fills, one is flushed, and the cache should not be a remainder. */
const MEMTABLE_SHARE = 8;
const MEMTABLE_BYTES_MAX = 64 * MIB;

/** `INVALID_ARGUMENT`, naming the option. */
export function resolveOptions(options: SeededOptions): CoreOptions {
  checkEngineOptions(options);
  const { memoryBytes, memtableBytes, blockCacheBytes } = resolveMemory(options);
  const {
    trees,
    durability,
    openTablesMax = 500,
    tableBytes = Math.min(Math.max(memtableBytes / 4, 64 * KIB), 8 * MIB),
    blockBytes = 4096,
    compaction = 'leveled',
    backgroundBytesPerSecond = Number.POSITIVE_INFINITY,
    levelRatio = 10,
    level0Tables = 4,
    baseLevelBytes = memtableBytes * level0Tables,
    autoCompact = true,
    executor = 'slices',
    sliceMs,
    onBackgroundError = () => {},
    seededBugs = NO_BUGS,
  } = options;
  checkTrees(trees);
  requireNumber('openTablesMax', openTablesMax, 1);
  requireNumber('tableBytes', tableBytes, 1);
  requireNumber('blockBytes', blockBytes, 1);
  requireNumber('levelRatio', levelRatio, 2);
  requireNumber('level0Tables', level0Tables, 1);
  requireNumber('baseLevelBytes', baseLevelBytes, 1);
  requireChoice('durability', durability, ['sync', 'os', 'none']);
  requireChoice('compaction', compaction, ['leveled', 'tiered']);
  requireChoice('executor', executor, ['slices', 'worker']);
  if (typeof backgroundBytesPerSecond !== 'number' || !(backgroundBytesPerSecond > 0)) {
    const got = String(backgroundBytesPerSecond);
    throw invalid(`backgroundBytesPerSecond: expected a number above 0, got ${got}`);
  }
  const least = leastMemory(
    Math.max(memtableBytes, emptyArenaBytes(trees.length)),
    tableBytes,
    blockBytes,
  );
  if (memoryBytes < least) {
    throw invalid(`memoryBytes: expected ${least} or more, got ${memoryBytes}`);
  }
  return {
    trees,
    durability,
    memoryBytes,
    memtableBytes: Math.ceil(memtableBytes / 8) * 8,
    blockCacheBytes,
    openTablesMax,
    tableBytes,
    blockBytes,
    compaction,
    backgroundBytesPerSecond,
    levelRatio,
    level0Tables,
    baseLevelBytes,
    autoCompact,
    executor,
    sliceMs,
    onBackgroundError,
    seededBugs,
  };
}

/** What the memory options come to; without a budget it is Infinity. */
function resolveMemory(
  options: SeededOptions,
): Pick<CoreOptions, 'memoryBytes' | 'memtableBytes' | 'blockCacheBytes'> {
  const { memoryBytes, blockCacheBytes } = options;
  if (memoryBytes === undefined) {
    const { memtableBytes = Number.NaN } = options;
    requireMemtable('memtableBytes (or memoryBytes)', memtableBytes);
    requireNumber('blockCacheBytes (or memoryBytes)', blockCacheBytes ?? Number.NaN, 0);
    return {
      memoryBytes: Number.POSITIVE_INFINITY,
      memtableBytes,
      blockCacheBytes: blockCacheBytes ?? 0,
    };
  }
  requireNumber('memoryBytes', memoryBytes, 1);
  if (blockCacheBytes !== undefined) {
    throw invalid(
      'blockCacheBytes: with memoryBytes the cache gets what is left; leave one of the two out',
    );
  }
  const { memtableBytes = Math.min(memoryBytes / MEMTABLE_SHARE, MEMTABLE_BYTES_MAX) } = options;
  requireMemtable('memtableBytes', memtableBytes);
  return { memoryBytes, memtableBytes, blockCacheBytes: memoryBytes };
}

function requireMemtable(name: string, bytes: number): void {
  requireNumber(name, bytes, 1);
  if (bytes <= ARENA_BYTES_MAX) return;
  throw invalid(`${name}: expected at most ${ARENA_BYTES_MAX}, got ${bytes}`);
}
