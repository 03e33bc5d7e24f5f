import type { Hasher } from '../base/hasher.ts';
import type { Pace } from '../base/pace.ts';
import type { WalkAdmission } from '../hnsw/walk-admission.ts';
import type { WalkPool } from '../hnsw/walk-pool.ts';
import type { WalkRunner } from '../hnsw/walk-runner.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import type { PageStore } from '../paged/page-store.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { StagedReads } from '../storage/staged-reads.ts';
import type { BulkMemory } from './bulk-memory.ts';
import type { HeadReader } from './head-reader.ts';
import type { NameCache } from './name-cache.ts';
import type { RecordFilters } from './record-filter.ts';
import type { TreePageMap } from './tree-page-map.ts';
import type { WriterQueue } from './writer-queue.ts';

/** What all collections of a database share. */
export interface Stores {
  readonly fileSystem: FileSystem;
  readonly engine: LsmEngine;
  readonly kernels: Kernels;
  /** Search workers, with the option `threads`. */
  readonly workers: KernelPool | undefined;
  /** Shares walks among them. */
  readonly walkRunner: WalkRunner | undefined;
  /** Reads of several things at once, where they are slow. */
  readonly reads: StagedReads;
  /** Bounds walks that pause, where no threads share them. */
  readonly admission: WalkAdmission;
  readonly allocator: CellAllocator;
  readonly pages: PageStore;
  readonly pageMap: TreePageMap;
  readonly hasher: Hasher;
  /** Scratches of searches. */
  readonly walks: WalkPool;
  /** Scratches of insertions. */
  readonly insertWalks: WalkPool;
  readonly filters: RecordFilters;
  /** Of records that searches have named. */
  readonly names: NameCache;
  /** Of the hits of a search. */
  readonly heads: HeadReader;
  readonly writer: WriterQueue;
  /** Arrays of bulk loads. */
  readonly bulk: BulkMemory;
  /** How long plans, checkpoints and sweeps may hold the event loop, and did. */
  readonly pace: Pace;
}
