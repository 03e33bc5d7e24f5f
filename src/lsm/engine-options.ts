/**
 * What the engine takes and gives back: options, statistics, and the shapes of its handles. Plain
 * types, no code, so that every other file of the engine may import them.
 */
import type { Hasher } from '../base/hasher.ts';
import type { MemoryStats } from './memory-stats.ts';

/**
 * When `committed` resolves: after the commit is on the device, after the operating system has it (it
 * survives a killed process), or at once.
 */
export type Durability = 'sync' | 'os' | 'none';

/**
 * `leveled`: one sorted run a level, merged into the next one table by table; reads ask few runs. `tiered`:
 * up to T runs a level, merged as a whole into one run of the next; far fewer bytes are written, more are
 * kept and read.
 */
export type CompactionStyle = 'leveled' | 'tiered';

/**
 * How the bits of a tree's Bloom filters are spread over its levels: `uniform` gives each key the same,
 * `monkey` more where there are fewer keys, so that fewer reads are led astray for the same memory.
 */
export type FilterBits = 'uniform' | 'monkey';

/** Who runs flushes and compactions: the calling thread, in slices, or a worker thread. */
export type ExecutorKind = 'slices' | 'worker';

/** One ordered map u64 → bytes. Id, name and merge operator are fixed once the tree has been written. */
export interface TreeSpec {
  /** 0 to 255. */
  readonly id: number;
  readonly name: string;
  /** How MERGE entries fold. A tree without one takes no MERGE. */
  readonly mergeOperator?: 'adjacency' | 'counter' | 'pairs' | undefined;
  /** Of the blocks of new tables. Default: 'none'. */
  readonly codec?: 'none' | 'lz4' | undefined;
  /** Bloom filter bits per key; 0 writes no filter. Default: 10. */
  readonly filterBitsPerKey?: number | undefined;
  /** How those bits are spread over the levels. Default: 'uniform'. */
  readonly filterBits?: FilterBits | undefined;
  /** Whether tables of the last level have a filter: of use to reads of absent keys only. Default: true. */
  readonly lastLevelFilter?: boolean | undefined;
  /** Recorded in the properties of new tables: who wrote the values, such as a graph layout. */
  readonly layout?: string | undefined;
  /** Target size of a block, in bytes. Default: the engine's `blockBytes`. */
  readonly blockBytes?: number | undefined;
}

/** Options of `LsmEngine.open`; an unknown one is `INVALID_ARGUMENT`. */
export interface EngineOptions {
  readonly trees: readonly TreeSpec[];
  readonly hasher: Hasher;
  readonly durability: Durability;
  /**
   * One budget for memtables, block cache, indexes and filters, log buffers and what flushes and compactions
   * work with; the cache gets what the others leave. Either this, or both of the next two.
   */
  readonly memoryBytes?: number | undefined;
  /**
   * Size of a memtable arena; `shouldCheckpoint` turns true shortly before it is full. Default with
   * `memoryBytes`: an eighth of it, 64 MiB at most.
   */
  readonly memtableBytes?: number | undefined;
  /** Blocks, and the indexes and filters of open tables. Not with `memoryBytes`. */
  readonly blockCacheBytes?: number | undefined;
  /** Tables that are open at the same time, with a file handle each. Default: 500. */
  readonly openTablesMax?: number | undefined;
  /** Compaction cuts its tables at about this size. Default: `memtableBytes / 4`, 64 KiB to 8 MiB. */
  readonly tableBytes?: number | undefined;
  /** Default: 4096. */
  readonly blockBytes?: number | undefined;
  /** May differ from one opening to the next. Default: 'leveled'. */
  readonly compaction?: CompactionStyle | undefined;
  /** What flushes and compactions together may write on average; flushes never wait. Default: Infinity. */
  readonly backgroundBytesPerSecond?: number | undefined;
  /** T: how much larger a level is than the one above it; the runs of a tiered level. Default: 10. */
  readonly levelRatio?: number | undefined;
  /**
   * Data of a tree beyond this is given a further level, in bytes. Default: `memtableBytes ×
   * level0Tables`.
   */
  readonly baseLevelBytes?: number | undefined;
  /** L0 tables of one tree that start a compaction. Default: 4. */
  readonly level0Tables?: number | undefined;
  /** Reads only: nothing is written or deleted. Default: false. */
  readonly readOnly?: boolean | undefined;
  /** Default: true. */
  readonly createIfMissing?: boolean | undefined;
  /** Compaction runs by itself, in slices. Default: true. */
  readonly autoCompact?: boolean | undefined;
  /**
   * Who flushes and compacts: this thread, in slices, or a worker thread. A file system that only this thread
   * can use leaves it at 'slices'. Default: 'slices'.
   */
  readonly executor?: ExecutorKind | undefined;
  /**
   * How long work in slices may hold the event loop, asked before each slice, in ms: whoever serves others
   * in the meantime makes it short. Default: 4.
   */
  readonly sliceMs?: (() => number) | undefined;
  /** Called during `open` for each attachment in the logs, in commit order. The bytes are borrowed. */
  readonly replay?: ((sequence: number, attachment: Uint8Array) => void) | undefined;
  /** Gets a `DatabaseError`, or an `AssertionError`: a bug of this library. */
  readonly onBackgroundError?: ((error: Error) => void) | undefined;
}

/** An entry that a checkpoint participant adds: a SET at the checkpoint's sequence. */
export interface TreeEntry {
  readonly tree: number;
  readonly hi: number;
  readonly lo: number;
  /** Undefined: the key is deleted. */
  readonly value: Uint8Array | undefined;
}

/** Somebody with files of his own that must agree with a version of the engine. */
export interface CheckpointParticipant {
  /** Synchronous, at the seal, between two commits. */
  freeze(sequence: number): void;
  /**
   * Called after the log is synced up to `sequence`, in every durability. Files that it wrote are synced
   * when it resolves.
   */
  write(sequence: number): Promise<readonly TreeEntry[]>;
  /** The version that names the entries is installed. The next checkpoint waits for it to resolve. */
  installed(sequence: number): void | Promise<void>;
  /** The checkpoint did not happen; what was frozen is still the only copy. */
  failed(error: unknown): void;
}

/** Keeps what readers at `sequence` see from being folded away, until it is released. */
export interface Snapshot {
  readonly sequence: number;
  /** Idempotent. */
  release(): void;
}

/** Both ends are inclusive; keys are (hi, lo) pairs. */
export interface ScanRange {
  readonly fromHi: number;
  readonly fromLo: number;
  readonly toHi: number;
  readonly toLo: number;
  /** Default: the applied sequence. */
  readonly sequence?: number | undefined;
}

/** Walks the user-visible entries of a range in key order. Holds files and memory until it is closed. */
export interface Scan {
  /** Moves to the next entry; false at the end. */
  next(): boolean;
  readonly hi: number;
  readonly lo: number;
  /** Borrowed until the next move. */
  readonly value: Uint8Array;
  /** Idempotent. */
  close(): void;
}

/** A key that bounds a range; it belongs to the range unless it is `exclusive`. */
export interface KeyBound {
  readonly hi: number;
  readonly lo: number;
  /** Default: false. */
  readonly exclusive?: boolean | undefined;
}

/** The range, the direction and the state of an iterator. */
export interface IteratorOptions {
  /** The smallest key. Default: no bound. */
  readonly from?: KeyBound | undefined;
  /** The largest key, also of a `reverse` iterator. Default: no bound. */
  readonly to?: KeyBound | undefined;
  /** Turns the order round: `next` goes to smaller keys. Default: false. */
  readonly reverse?: boolean | undefined;
  /** What it sees; the iterator keeps it visible, also after the snapshot is released. */
  readonly snapshot?: Snapshot | undefined;
  /** In place of `snapshot`: the applied sequence (the default), or one that a snapshot holds. */
  readonly sequence?: number | undefined;
}

/**
 * A place in the keys of a tree, as one sequence number sees them. Every move returns whether it now stands
 * on a key (`valid`); `hi`, `lo` and `value` may be read only then. A fresh one stands nowhere: `next` goes
 * to the first key, `prev` to the last. Behind the last key, `prev` goes back to it; before the first, `next`.
 *
 * It holds its sequence, and while it stands on a key, memory and files, until it is closed. A move costs a
 * few comparisons; a seek, or a change of direction, a search in each memtable and level; a step back in a
 * memtable, too. `DATABASE_CLOSED` after `close`, its own or the engine's.
 */
export interface EngineIterator extends Disposable {
  readonly valid: boolean;
  /** What it sees. */
  readonly sequence: number;
  readonly hi: number;
  readonly lo: number;
  /** Borrowed until the next move. */
  readonly value: Uint8Array;
  /** To the first key of the range, in the iterator's order. */
  first(): boolean;
  last(): boolean;
  /** To that key, or if it is not there, to the next one in the iterator's order, within the bounds. */
  seek(hi: number, lo: number): boolean;
  next(): boolean;
  prev(): boolean;
  /** Idempotent. */
  close(): void;
}

/** What one level of a tree holds. */
export interface LevelStats {
  readonly tables: number;
  readonly bytes: number;
  readonly entries: number;
}

/** One tree: its options in force, and its tables level by level. */
export interface TreeStats {
  readonly id: number;
  readonly name: string;
  /** As they are in force. */
  readonly codec: 'none' | 'lz4';
  readonly filterBitsPerKey: number;
  readonly filterBits: FilterBits;
  readonly lastLevelFilter: boolean;
  /** What new tables record as theirs; empty: nothing. */
  readonly layout: string;
  /** Sorted runs of tables: what a read of an absent key asks. */
  readonly runs: number;
  /** L0 first. */
  readonly levels: readonly LevelStats[];
}

/** The options in force, defaults filled in. */
export interface EngineSettings {
  readonly durability: Durability;
  /** Infinity: none was given. */
  readonly memoryBytes: number;
  readonly memtableBytes: number;
  /** Of the cache with what is charged to it; equal to `memoryBytes` where that was given. */
  readonly blockCacheBytes: number;
  readonly openTablesMax: number;
  readonly tableBytes: number;
  readonly blockBytes: number;
  readonly compaction: CompactionStyle;
  readonly backgroundBytesPerSecond: number;
  readonly levelRatio: number;
  readonly level0Tables: number;
  readonly baseLevelBytes: number;
  readonly autoCompact: boolean;
  /** The one in force. */
  readonly executor: ExecutorKind;
}

/** What `LsmEngine.stats` tells; units are in the names, counts begin at `open`. */
export interface EngineStats {
  readonly settings: EngineSettings;
  readonly appliedSequence: number;
  readonly publishedSequence: number;
  /** What the engine holds, and its budget; the next ones name parts of it. */
  readonly memory: MemoryStats;
  /** With a file handle each. */
  readonly openTables: number;
  /** Arenas of the active and the sealed memtables, those that readers hold, and one kept for reuse. */
  readonly memtableBytes: number;
  readonly sealedMemtables: number;
  readonly blockCacheBytes: number;
  /** Indexes and filters of open tables; counted against the budget of the block cache. */
  readonly tableReaderBytes: number;
  readonly blockCacheHits: number;
  readonly blockCacheMisses: number;
  /** The buffer that commits wait in. */
  readonly logBufferBytes: number;
  /** Bytes of the logs that an open would replay. */
  readonly logBytes: number;
  readonly trees: readonly TreeStats[];
  /** Counted since `open`. */
  readonly commits: number;
  readonly logWrites: number;
  readonly logSyncs: number;
  readonly logBytesWritten: number;
  readonly flushBytesWritten: number;
  readonly compactions: number;
  readonly compactionBytesRead: number;
  readonly compactionBytesWritten: number;
  readonly trivialMoves: number;
  readonly compactionPending: boolean;
  /** By how much acknowledgements were put off because compaction was behind, in ms. */
  readonly writeDelayMs: number;
  /** A checkpoint waits until compaction has drained L0. */
  readonly isStalled: boolean;
  /** Open ones. */
  readonly snapshots: number;
  readonly scans: number;
  /**
   * The longest piece of work without a turn of the event loop, in ms: slices of flushes, compactions and large
   * commits, plans and installs; the calls of others (`write`, `get`, moves of iterators) are not among them.
   */
  readonly longestSliceMs: number;
}

/** One thing that is not as it should be: a code for programs, the place, and the reason in words. */
export interface CheckProblem {
  readonly code: string;
  readonly where: string;
  readonly detail: string;
}

/** What `LsmEngine.check` found; `ok` when there is no problem. */
export interface CheckResult {
  readonly ok: boolean;
  readonly problems: readonly CheckProblem[];
}
