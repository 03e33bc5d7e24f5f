/**
 * The storage engine: ordered maps from u64 to bytes with one write-ahead log, sequence numbers,
 * snapshots and background compaction.
 */
import type { DatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type {
  CheckpointParticipant,
  CheckResult,
  EngineOptions,
  EngineStats,
  Scan,
  ScanRange,
  Snapshot,
} from './engine-options.ts';
import type { WriteBatch } from './write-batch.ts';

export declare class LsmEngine implements AsyncDisposable {
  static open(
    fileSystem: FileSystem,
    directory: string,
    options: EngineOptions,
  ): Promise<LsmEngine>;
  private constructor();
  /** The last sequence number that `write` gave out. */
  get appliedSequence(): number;
  /** The last commit that is durable by the durability option; never moves again after a failure. */
  get publishedSequence(): number;
  get state(): 'open' | 'readonly' | 'closed';
  /** Why the engine became read-only. */
  get failure(): DatabaseError | undefined;
  write(batch: WriteBatch): number;
  committed(sequence: number): Promise<void>;
  get(tree: number, hi: number, lo: number, sequence?: number): Uint8Array | undefined;
  scan(tree: number, range: ScanRange): Scan;
  snapshot(): Snapshot;
  shouldCheckpoint(): boolean;
  checkpoint(participant?: CheckpointParticipant): Promise<void>;
  compactionPending(): boolean;
  compactStep(sliceMs: number): boolean;
  compact(): Promise<void>;
  stats(): EngineStats;
  check(): Promise<CheckResult>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
