/** What the bench asks of a subject: an ordered map from u64 to bytes on a disk. */
import type { Value } from '../harness/report.ts';
import type { Workload } from './workload.ts';

export interface StoreOptions {
  readonly directory: string;
  readonly durability: 'os' | 'sync';
  /** Of the buffer that writes go to, for those who have one. */
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  /** How much larger a level is than the one above it; those who cannot choose leave it out. */
  readonly levelRatio?: number | undefined;
}

/** Sums since the store was opened. */
export interface StoreFigures {
  readonly writtenBytes: number;
  /** Undefined: not known, since the subject maps its files. */
  readonly readBytes: number | undefined;
  readonly stalls: number;
  readonly stallMs: number;
  readonly longestStallMs: number;
  /** The longest slice of synchronous work, by the subject's own clock. */
  readonly longestSliceMs: number | undefined;
  /** Most memory by the subject's own account so far, in bytes, where it keeps one. */
  readonly memoryBytes: number | undefined;
}

export interface Store {
  /** The effective options. */
  readonly config: Readonly<Record<string, Value>>;
  /** Outside the clock: whatever the writes of these entries need that the subject's API asks for. */
  prepare(order: Uint32Array, version: number, batchEntries: number): void;
  /** Commits the prepared batch of that number. */
  write(batch: number): Promise<void>;
  /** The value of entry `index`. */
  get(index: number): Uint8Array | undefined;
  /** The same, awaited, for those who offer it. */
  getAwaited: ((index: number) => Promise<Uint8Array | undefined>) | undefined;
  /** Walks over all entries in key order, or against it, values included; returns their number. */
  scan(isReverse: boolean): number | Promise<number>;
  /** Resolves when the background has nothing left to do. */
  settle(): Promise<void>;
  /** Leaves nothing on disk that is not needed, where the subject can. */
  compact(): Promise<void>;
  figures(): StoreFigures;
  close(): Promise<void>;
}

export type OpenStore = (workload: Workload, options: StoreOptions) => Promise<Store>;
