/** Checks the options of an engine and fills in their defaults. */
import { KIB, MIB } from '../base/units.ts';
import { DatabaseError } from '../errors.ts';
import type { CoreOptions } from './engine-core.ts';
import type { TreeSpec } from './engine-options.ts';
import { findMergeOperator } from './merge-operator.ts';
import { NO_BUGS, type SeededOptions } from './seeded-bugs.ts';

/** `INVALID_ARGUMENT`, naming the option. */
export function resolveOptions(options: SeededOptions): CoreOptions {
  const {
    trees,
    durability,
    memtableBytes,
    blockCacheBytes,
    tableBytes = Math.min(Math.max(memtableBytes / 4, 64 * KIB), 8 * MIB),
    blockBytes = 4096,
    compaction = 'leveled',
    backgroundBytesPerSecond = Number.POSITIVE_INFINITY,
    levelRatio = 10,
    level0Tables = 4,
    baseLevelBytes = memtableBytes * level0Tables,
    autoCompact = true,
    onBackgroundError = () => {},
    seededBugs = NO_BUGS,
  } = options;
  checkTrees(trees);
  requireNumber('memtableBytes', memtableBytes, 1);
  requireNumber('blockCacheBytes', blockCacheBytes, 0);
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
  if (!(backgroundBytesPerSecond > 0)) {
    const got = String(backgroundBytesPerSecond);
    throw invalid(`backgroundBytesPerSecond: expected a number above 0, got ${got}`);
  }
  return {
    trees,
    durability,
    memtableBytes: Math.ceil(memtableBytes / 8) * 8,
    tableBytes,
    blockBytes,
    compaction,
    backgroundBytesPerSecond,
    levelRatio,
    level0Tables,
    baseLevelBytes,
    autoCompact,
    onBackgroundError,
    seededBugs,
  };
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
