/** Checks the options of an engine and fills in their defaults. */
import { KIB, MIB } from '../base/units.ts';
import { DatabaseError } from '../errors.ts';
import type { CoreOptions } from './engine-core.ts';
import type { TreeSpec } from './engine-options.ts';
import { leastMemory } from './memory-budget.ts';
import { emptyArenaBytes } from './memtable.ts';
import { findMergeOperator } from './merge-operator.ts';
import { NO_BUGS, type SeededOptions } from './seeded-bugs.ts';

/** Of the budget; one fills, one is flushed, and the cache should not be a remainder. */
const MEMTABLE_SHARE = 8;
const MEMTABLE_BYTES_MAX = 64 * MIB;

/** `INVALID_ARGUMENT`, naming the option. */
export function resolveOptions(options: SeededOptions): CoreOptions {
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
  if (!['sync', 'os', 'none'].includes(durability)) {
    throw invalid(`durability: expected 'sync', 'os' or 'none', got ${String(durability)}`);
  }
  if (!['leveled', 'tiered'].includes(compaction)) {
    throw invalid(`compaction: expected 'leveled' or 'tiered', got ${String(compaction)}`);
  }
  if (!['slices', 'worker'].includes(executor)) {
    throw invalid(`executor: expected 'slices' or 'worker', got ${String(executor)}`);
  }
  if (!(backgroundBytesPerSecond > 0)) {
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
    requireNumber('memtableBytes (or memoryBytes)', memtableBytes, 1);
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
      'blockCacheBytes: the cache gets what is left of memoryBytes, expected neither or one',
    );
  }
  const { memtableBytes = Math.min(memoryBytes / MEMTABLE_SHARE, MEMTABLE_BYTES_MAX) } = options;
  requireNumber('memtableBytes', memtableBytes, 1);
  return { memoryBytes, memtableBytes, blockCacheBytes: memoryBytes };
}

function checkTrees(trees: readonly TreeSpec[]): void {
  const seen = new Set<number>();
  for (const spec of trees) {
    const { id, name, mergeOperator, blockBytes = 1, filterBitsPerKey = 0 } = spec;
    if (!Number.isInteger(id) || id < 0 || id > 255) {
      throw invalid(`trees: the id of ${name} is ${id}, expected 0 to 255`);
    }
    if (seen.has(id)) throw invalid(`trees: the id ${id} is there twice`);
    seen.add(id);
    if (new TextEncoder().encode(name).length > 255) {
      throw invalid(`trees: the name of ${id} is longer than 255 bytes`);
    }
    if (mergeOperator !== undefined && findMergeOperator(mergeOperator) === undefined) {
      throw invalid(`trees: ${name} names an unknown merge operator, ${String(mergeOperator)}`);
    }
    requireNumber(`trees: blockBytes of ${name}`, blockBytes, 1);
    requireNumber(`trees: filterBitsPerKey of ${name}`, filterBitsPerKey, 0);
    const { filterBits = 'uniform', lastLevelFilter = true } = spec;
    if (!['uniform', 'monkey'].includes(filterBits)) {
      const got = String(filterBits);
      throw invalid(`trees: filterBits of ${name}: expected 'uniform' or 'monkey', got ${got}`);
    }
    if (typeof lastLevelFilter !== 'boolean') {
      const got = String(lastLevelFilter);
      throw invalid(`trees: lastLevelFilter of ${name}: expected a boolean, got ${got}`);
    }
  }
  if (trees.length === 0 || trees.length > 254) {
    throw invalid(`trees: expected 1 to 254 trees, got ${trees.length}`);
  }
}

function requireNumber(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw invalid(`${name}: expected a number from ${least} on, got ${value}`);
}

function invalid(message: string): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', message);
}
