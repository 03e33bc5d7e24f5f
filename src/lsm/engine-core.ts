/**
 * What the parts of an open engine share: the files, the memtables, the counters, and the one place where
 * a failure turns the engine read-only. The parts (write, read, checkpoint, compaction) hold it and do not
 * know each other.
 */
import type { Hasher } from '../base/hasher.ts';
import { DatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { ArenaPool } from './arena-pool.ts';
import type { BlockCache } from './block-cache.ts';
import type { CommitLog } from './commit-log.ts';
import { createExecutor } from './create-executor.ts';
import type {
  CompactionStyle,
  Durability,
  ExecutorKind,
  Scan,
  TreeSpec,
} from './engine-options.ts';
import { PointFold } from './fold.ts';
import type { JobExecutor } from './job-executor.ts';
import { MemoryBudget } from './memory-budget.ts';
import { emptyArenaBytes, TreeSlots } from './memtable.ts';
import type { MergeOperator } from './merge-operator.ts';
import { findMergeOperator } from './merge-operators.ts';
import type { OpenTables } from './open-tables.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import { SharedMemtable } from './shared-memtable.ts';
import type { Slices } from './slices.ts';
import { SnapshotList } from './snapshot-list.ts';
import { TableFile } from './table-file.ts';
import type { TableMeta } from './version-format.ts';
import type { VersionSet } from './version-set.ts';

/** Every option with its default filled in. */
export interface CoreOptions {
  readonly trees: readonly TreeSpec[];
  readonly durability: Durability;
  /** Infinity: none. */
  readonly memoryBytes: number;
  readonly memtableBytes: number;
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
  readonly onBackgroundError: (error: Error) => void;
  readonly executor: ExecutorKind;
  /** Undefined: the usual time. */
  readonly sliceMs: (() => number) | undefined;
  readonly seededBugs: SeededBugs;
}

/** A tree as reads and compactions need it. */
export interface Tree {
  readonly spec: TreeSpec;
  readonly operator: MergeOperator | undefined;
  /** For one point read at a time: reads are synchronous. */
  readonly fold: PointFold;
}

/** A memtable that takes no more commits and is not in tables yet. */
export interface SealedMemtable {
  readonly shared: SharedMemtable;
  /** Of its last commit. */
  readonly sequence: number;
}

/** A log on disk that holds commits that are not in tables, or that were not when this was noted. */
export interface LiveLog {
  readonly number: number;
  readonly bytes: number;
}

export interface CoreParts {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly hasher: Hasher;
  readonly cache: BlockCache;
  readonly tables: OpenTables;
  readonly versions: VersionSet;
  readonly slices: Slices;
  readonly options: CoreOptions;
}

export interface Counters {
  commits: number;
  flushBytesWritten: number;
  compactions: number;
  compactionBytesRead: number;
  compactionBytesWritten: number;
  trivialMoves: number;
}

export class EngineCore {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly hasher: Hasher;
  readonly cache: BlockCache;
  readonly openTables: OpenTables;
  readonly memory: MemoryBudget;
  readonly versions: VersionSet;
  readonly options: CoreOptions;
  readonly pool: ArenaPool;
  readonly slices: Slices;
  /** Runs flushes and compactions. */
  readonly executor: JobExecutor;
  readonly snapshots: SnapshotList = new SnapshotList();
  readonly counters: Counters = {
    commits: 0,
    flushBytesWritten: 0,
    compactions: 0,
    compactionBytesRead: 0,
    compactionBytesWritten: 0,
    trivialMoves: 0,
  };

  /** Takes the commits. */
  active: SharedMemtable;
  /** Newest first. */
  sealed: readonly SealedMemtable[] = [];
  /** Older than the log that takes the commits, oldest first. */
  liveLogs: readonly LiveLog[] = [];
  /** Missing when the engine was opened to read only. */
  log: CommitLog | undefined;
  appliedSequence: number;
  /** A sliced write under way; nothing else is written or sealed until it is settled. Never rejects. */
  writing: Promise<unknown> | undefined;
  /** Why the engine became read-only. */
  failure: DatabaseError | undefined;
  isClosed = false;
  /** Tables are being made outside (`table-ingest.ts`): no commit is taken meanwhile. */
  isIngesting = false;
  /** Closed with the engine. */
  readonly scans: Set<Pick<Scan, 'close'>> = new Set();
  readonly #slots: TreeSlots;
  readonly #trees: (Tree | undefined)[] = new Array(256).fill(undefined);

  constructor(parts: CoreParts) {
    this.fileSystem = parts.fileSystem;
    this.directory = parts.directory;
    this.hasher = parts.hasher;
    this.cache = parts.cache;
    this.openTables = parts.tables;
    this.versions = parts.versions;
    this.slices = parts.slices;
    this.options = parts.options;
    const { trees, memtableBytes, memoryBytes, tableBytes } = parts.options;
    const { cache, tables } = parts;
    this.memory = new MemoryBudget({ bytes: memoryBytes, tableBytes, cache, tables });
    for (const spec of trees) {
      const operator =
        spec.mergeOperator === undefined ? undefined : findMergeOperator(spec.mergeOperator);
      this.#trees[spec.id] = { spec, operator, fold: new PointFold(operator) };
    }
    this.executor = createExecutor(parts, this.slices);
    this.#slots = new TreeSlots(trees.map(({ id }) => id));
    this.pool = new ArenaPool(Math.max(memtableBytes, emptyArenaBytes(trees.length)), (bytes) =>
      this.memory.setMemtables(bytes),
    );
    this.active = this.newMemtable();
    this.appliedSequence = parts.versions.current.sequence;
  }

  get publishedSequence(): number {
    return this.log?.publishedSequence ?? this.appliedSequence;
  }

  get state(): 'open' | 'readonly' | 'closed' {
    if (this.isClosed) return 'closed';
    return this.log === undefined || this.failure !== undefined ? 'readonly' : 'open';
  }

  /** `INVALID_ARGUMENT` when the engine was not opened with this tree. */
  tree(id: number): Tree {
    const tree = this.#trees[id];
    if (tree === undefined) throw unknownTree(id);
    return tree;
  }

  hasTree(id: number): boolean {
    return this.#trees[id] !== undefined;
  }

  /** Bytes of a memtable without entries. */
  get emptyMemtableBytes(): number {
    return emptyArenaBytes(this.#slots.count);
  }

  /** RangeError when the memory is not to be had. */
  newMemtable(bytes: number = this.pool.arenaBytes): SharedMemtable {
    return new SharedMemtable(this.pool, this.#slots, bytes);
  }

  /** `RESOURCE_EXHAUSTED` when the budget has no room for one more memtable of the usual size. */
  requireMemtable(): void {
    const bytes = this.pool.costOf(this.pool.arenaBytes);
    if (bytes === 0 || this.memory.mayGrow(bytes)) return;
    const message = `memoryBytes leaves no room for another memtable: end old scans and iterators`;
    throw new DatabaseError('RESOURCE_EXHAUSTED', message);
  }

  newTable(meta: TableMeta): TableFile {
    const { fileSystem, directory, cache, hasher, openTables } = this;
    const { seededBugs } = this.options;
    const shared = { cache, hasher, tables: openTables, seededBugs };
    return new TableFile(meta, { fileSystem, directory, shared });
  }

  requireOpen(): void {
    if (this.isClosed) throw new DatabaseError('DATABASE_CLOSED', 'the engine is closed');
  }

  /** The log that takes commits. `DATABASE_CLOSED` or `READ_ONLY` when there is none. */
  requireWritable(): CommitLog {
    this.requireOpen();
    if (this.failure !== undefined) {
      const message = 'the engine is read-only since a failure; reopen it';
      throw new DatabaseError('READ_ONLY', message, { cause: this.failure });
    }
    if (this.log === undefined) {
      throw new DatabaseError('READ_ONLY', 'the engine was opened to read only');
    }
    return this.log;
  }

  /** From here on the engine only reads: nothing is written, published or deleted. */
  fail(failure: DatabaseError): void {
    if (this.failure !== undefined) return;
    this.failure = failure;
    this.log?.fail(failure);
    this.versions.freeze();
  }
}

function unknownTree(id: number): DatabaseError {
  return new DatabaseError('INVALID_ARGUMENT', `the engine was opened without a tree ${id}`);
}
