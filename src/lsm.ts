/**
 * The storage engine on its own: `import { LsmEngine } from 'stratavec/lsm'`. A first session, the
 * guarantees and the knobs are in docs/lsm.md.
 */
export { type Hasher, loadHasher } from './base/hasher.ts';
export {
  CorruptionError,
  DatabaseError,
  type ErrorCode,
  isDatabaseError,
  type Location,
} from './errors.ts';
export type { BackupOptions, BackupProgress, BackupResult } from './lsm/backup.ts';
export { decodeCount, encodeCount } from './lsm/counter.ts';
export { dumpDirectory, dumpFile } from './lsm/dump/dump-file.ts';
export { LsmEngine } from './lsm/engine.ts';
export type {
  CheckProblem,
  CheckpointParticipant,
  CheckResult,
  CompactionStyle,
  Durability,
  EngineIterator,
  EngineOptions,
  EngineSettings,
  EngineStats,
  FilterBits,
  IteratorOptions,
  KeyBound,
  LevelStats,
  Scan,
  ScanRange,
  Snapshot,
  TreeEntry,
  TreeSpec,
  TreeStats,
} from './lsm/engine-options.ts';
export {
  createGraphLayout,
  type EdgeBatch,
  type GraphLayout,
  type GraphLayoutName,
} from './lsm/graph/graph-layout.ts';
export {
  type GraphEngine,
  type GraphIterator,
  type GraphIteratorOptions,
  type GraphScan,
  GraphStore,
  NO_NODE,
} from './lsm/graph/graph-store.ts';
export { decodeList, encodeEdges, encodeList, listCount } from './lsm/list-codec.ts';
export { LsmTree } from './lsm/lsm-tree.ts';
export type { MemoryStats } from './lsm/memory-stats.ts';
export { repairEngine } from './lsm/repair/repair.ts';
export type { Loss, RepairReport } from './lsm/repair/report.ts';
export { type RestoreOptions, restoreEngine } from './lsm/restore.ts';
export type { TableIngest } from './lsm/table-ingest.ts';
export type { VersionPin } from './lsm/version-pin.ts';
export { WriteBatch } from './lsm/write-batch.ts';
export { type Count, CountingFileSystem, type Counts } from './storage/counting-file-system.ts';
export { type FaultKind, FaultyFileSystem } from './storage/faulty-file-system.ts';
export type { File, FileSystem, Lock, LockOptions, OpenMode } from './storage/file-system.ts';
export type { Operation } from './storage/intercepting-file-system.ts';
export { MemoryFileSystem } from './storage/memory-file-system.ts';
export { NodeFileSystem } from './storage/node-file-system.ts';
export { type TracedCall, TracingFileSystem } from './storage/tracing-file-system.ts';
