/// <reference lib="esnext.disposable" preserve="true" />
export type { BackupOptions, BackupProgress, BackupReport } from './database/backup.ts';
export type { BulkPhase, BulkState } from './database/bulk-progress.ts';
export type { CheckProblem, CheckReport } from './database/check-database.ts';
export type {
  Collection,
  CollectionInfo,
  NamespaceOptions,
  VectorSpaceInfo,
} from './database/collection.ts';
export { type Database, open } from './database/database.ts';
export type {
  DatabaseStats,
  GraphStats,
  MemoryStats,
  TreeStats,
} from './database/database-stats.ts';
export type { BuildInput, BuildOptions, IngestOptions } from './database/ingest.ts';
export { type InspectOptions, inspect } from './database/inspect.ts';
export type { Logger, LogMethod } from './database/logger.ts';
export type { OpenViewsStats } from './database/open-views.ts';
export type {
  CollectionOptions,
  DatabaseOptions,
  Durability,
  EffectiveCollectionOptions,
  EffectiveSpaceOptions,
  FieldType,
  FileSystem,
  Metric,
  VectorSpaceOptions,
} from './database/options.ts';
export type { RecallOptions, RecallReport } from './database/recall-measurement.ts';
export type {
  CountOptions,
  DeleteSelection,
  Filter,
  GetOptions,
  GroupOptions,
  Hit,
  IncludePart,
  Json,
  RecordId,
  RecordInput,
  ScanOptions,
  SearchOptions,
  SearchResult,
  SearchStats,
  StoredRecord,
  UpdateInput,
  UpsertResult,
  VectorInput,
} from './database/record.ts';
export type { DistanceOptions } from './database/record-distance.ts';
export {
  type DatabaseRepairReport,
  type Loss,
  type RepairOptions,
  repair,
} from './database/repair/repair.ts';
export { type RestoreOptions, type RestoreReport, restore } from './database/restore.ts';
export { type RetryOptions, retry } from './database/retry.ts';
export type { SearchManyOptions } from './database/search-many.ts';
export type { Snapshot, SnapshotCollection } from './database/snapshot.ts';
export type { CompactProgress } from './database/sweep-control.ts';
export type { CompactOptions, CompactReport } from './database/sweeper.ts';
export type { Transaction } from './database/transaction.ts';
export type { TransactionCollection } from './database/transaction-collection.ts';
export { DatabaseError, type ErrorCode, isDatabaseError } from './errors.ts';
export {
  type Embedder,
  type HashingEmbedderOptions,
  hashingEmbedder,
} from './text/hashing-embedder.ts';
