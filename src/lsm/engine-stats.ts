/** Counts what an engine has and has done. */
import type { Compactor } from './compactor.ts';
import type { CoreOptions, EngineCore } from './engine-core.ts';
import type { EngineSettings, EngineStats, LevelStats, TreeStats } from './engine-options.ts';
import { DEFAULT_FILTER_BITS } from './filter-bits.ts';
import type { TableFile } from './table-file.ts';

export function engineStats(
  core: EngineCore,
  compactor: Compactor,
  writeDelayMs: number,
): EngineStats {
  const { sealed, pool, log, counters, liveLogs } = core;
  const cache = core.cache.stats();
  const memory = core.memory.stats();
  const logCounts = log?.counts ?? { writes: 0, syncs: 0, bytesWritten: 0 };
  return {
    settings: { ...settings(core.options), executor: core.executor.kind },
    appliedSequence: core.appliedSequence,
    publishedSequence: core.publishedSequence,
    memory,
    openTables: core.openTables.count,
    memtableBytes: pool.totalBytes,
    sealedMemtables: sealed.length,
    blockCacheBytes: cache.reservedBytes,
    tableReaderBytes: memory.tableReaderBytes,
    blockCacheHits: cache.hits,
    blockCacheMisses: cache.misses,
    logBufferBytes: log?.bufferBytes ?? 0,
    logBytes: liveLogs.reduce((sum, { bytes }) => sum + bytes, log?.activeBytes ?? 0),
    trees: treeStats(core),
    ...counters,
    logWrites: logCounts.writes,
    logSyncs: logCounts.syncs,
    logBytesWritten: logCounts.bytesWritten,
    compactionPending: compactor.isPending(),
    writeDelayMs,
    isStalled: compactor.isStalled,
    snapshots: core.snapshots.count,
    scans: core.scans.size,
    longestSliceMs: core.slices.longestMs,
  };
}

function settings(options: CoreOptions): EngineSettings {
  const {
    trees: _trees,
    onBackgroundError: _onBackgroundError,
    seededBugs: _seededBugs,
    sliceMs: _sliceMs,
    ...others
  } = options;
  return others;
}

function treeStats(core: EngineCore): TreeStats[] {
  const { current } = core.versions;
  return core.options.trees.map((spec) => ({
    id: spec.id,
    name: spec.name,
    codec: spec.codec ?? 'none',
    filterBitsPerKey: spec.filterBitsPerKey ?? DEFAULT_FILTER_BITS,
    filterBits: spec.filterBits ?? 'uniform',
    lastLevelFilter: spec.lastLevelFilter ?? true,
    layout: spec.layout ?? '',
    runs: current.runs(spec.id).length,
    levels: current.levels(spec.id).map(levelStats),
  }));
}

function levelStats(tables: readonly TableFile[]): LevelStats {
  let bytes = 0;
  let entries = 0;
  for (const { meta } of tables) {
    bytes += meta.sizeBytes;
    entries += meta.entries;
  }
  return { tables: tables.length, bytes, entries };
}
