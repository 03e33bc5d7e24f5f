/**
 * The storage engine: ordered maps from u64 to bytes with one write-ahead log, sequence numbers,
 * snapshots, and compaction in the background.
 *
 * The core is synchronous: writes go into the log's buffer and the memtable, reads come from memory or a
 * synchronous read. Only what waits for a device is a promise. One writer: calls of `write` do not
 * interleave, since nothing in them waits.
 *
 * This file is the surface. The parts: `recovery.ts` opens, `commit-log.ts` makes commits durable,
 * `read-path.ts` reads, `checkpoint.ts` turns memtables into tables, `compactor.ts` keeps them in shape.
 */
import { assert } from '../base/assert.ts';
import type { DatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { type BackupOptions, type BackupResult, writeBackup } from './backup.ts';
import { Checkpointer } from './checkpoint.ts';
import { writeCommit, writeCommitSliced } from './commit.ts';
import { Compactor } from './compactor.ts';
import { checkEngine } from './engine-check.ts';
import type { EngineCore } from './engine-core.ts';
import type {
  CheckpointParticipant,
  CheckResult,
  EngineIterator,
  EngineOptions,
  EngineStats,
  IteratorOptions,
  Scan,
  ScanRange,
  Snapshot,
  TreeSpec,
} from './engine-options.ts';
import { engineStats } from './engine-stats.ts';
import { openIterator } from './iterator.ts';
import { isInMemtables, openScan, readValue, readValueInto } from './read-path.ts';
import { openCore } from './recovery.ts';
import { resolveOptions } from './resolve-options.ts';
import { ingestTables, type TableIngest } from './table-ingest.ts';
import { pinVersion, type VersionPin } from './version-pin.ts';
import type { WriteBatch } from './write-batch.ts';
import { WriteThrottle } from './write-throttle.ts';

/** An open engine; `LsmEngine.open` makes one. Every call after `close` is `DATABASE_CLOSED`. */
export class LsmEngine implements AsyncDisposable {
  /**
   * Opens the engine of a directory, which is its own; files there that it does not know are left alone.
   * The caller holds the database's lock. Costs the replay of the logs; reads no table.
   *
   * `NOT_FOUND` when there is none and none may be made, `CORRUPTION`, `UNSUPPORTED_FORMAT`,
   * `INVALID_ARGUMENT` (options; trees that differ from the stored ones), `RESOURCE_EXHAUSTED`, `IO`.
   */
  static async open(
    fileSystem: FileSystem,
    directory: string,
    options: EngineOptions,
  ): Promise<LsmEngine> {
    const resolved = resolveOptions(options);
    return new LsmEngine(await openCore(fileSystem, directory, options, resolved));
  }

  readonly #core: EngineCore;
  readonly #compactor: Compactor;
  readonly #checkpointer: Checkpointer;
  readonly #throttle: WriteThrottle;
  #closing: Promise<void> | undefined;

  private constructor(core: EngineCore) {
    this.#core = core;
    this.#compactor = new Compactor(core);
    this.#throttle = new WriteThrottle(core, this.#compactor.policy);
    this.#checkpointer = new Checkpointer(core, this.#compactor);
    this.#compactor.kick();
  }

  /** As they were given to `open`. */
  get trees(): readonly TreeSpec[] {
    return this.#core.options.trees;
  }

  /** The last sequence number that `write` gave out. */
  get appliedSequence(): number {
    return this.#core.appliedSequence;
  }

  /** The last commit that is as durable as the option says; never moves again after a failure. */
  get publishedSequence(): number {
    return this.#core.publishedSequence;
  }

  get state(): 'open' | 'readonly' | 'closed' {
    return this.#core.state;
  }

  /** Why the engine became read-only; undefined as long as it has not, or was opened so. */
  get failure(): DatabaseError | undefined {
    return this.#core.failure;
  }

  /**
   * Applies a commit and returns its last sequence number: one number an entry, and one for a batch of
   * attachments alone. Synchronous; reads at the applied sequence see it at once. An empty batch is no
   * commit. `READ_ONLY`, `DATABASE_CLOSED`, `RESOURCE_EXHAUSTED`, and `INVALID_ARGUMENT` for a tree that
   * the engine was not opened with, or a MERGE into one that has no operator.
   */
  write(batch: WriteBatch): number {
    return writeCommit(this.#core, batch);
  }

  /**
   * As `write`, for large commits: in slices of a few ms with turns of the event loop between them. Readers
   * see all of it or nothing; `onApplied` is called in the moment in which they begin to. Nothing else is
   * written until it resolves, and the batch not touched; a checkpoint waits for it.
   */
  writeSliced(
    batch: WriteBatch,
    onApplied: (sequence: number) => void = () => {},
  ): Promise<number> {
    return writeCommitSliced(this.#core, batch, onApplied);
  }

  /**
   * Resolves when the commit is as durable as the option says, and published; a little later while
   * compaction is behind, lest a checkpoint must wait for it (`writeDelayMs` of the statistics). Rejects with
   * `IO` when writing or syncing the log has failed: whether the commit is on the device is then not known.
   */
  async committed(sequence: number): Promise<void> {
    const core = this.#core;
    assert(sequence >= 0, 'a commit is named by the number that write gave out');
    if (core.log === undefined) return;
    if (sequence > core.publishedSequence) await core.log.published(sequence);
    const delayMs = this.#throttle.reckon();
    if (delayMs > 0) await this.#throttle.wait(delayMs);
  }

  /** The folded value in bytes of its own, or undefined. */
  get(
    tree: number,
    hi: number,
    lo: number,
    sequence: number = this.#core.appliedSequence,
  ): Uint8Array | undefined {
    const core = this.#core;
    if (core.isClosed) core.requireOpen();
    return readValue(core, tree, hi, lo, sequence);
  }

  /**
   * As `get`, for callers who read often: copies the value into `into` and returns its length, or -1 when
   * there is none. When the length is larger than that of `into`, nothing is copied. Leaves no garbage.
   */
  getInto(
    tree: number,
    hi: number,
    lo: number,
    into: Uint8Array,
    sequence: number = this.#core.appliedSequence,
  ): number {
    const core = this.#core;
    if (core.isClosed) core.requireOpen();
    return readValueInto(core, tree, hi, lo, sequence, into);
  }

  /**
   * Stands for what the tables of a tree hold: the same object until that changes. Undefined for readers older than some
   * of it. All others find there what the tables say of a key that is not buffered. For caches of what was read.
   */
  tablesAt(tree: number, sequence: number): object | undefined {
    const { current } = this.#core.versions;
    return sequence < current.sequence ? undefined : current.runs(tree);
  }

  /** Whether `sequence` sees something of a key that is in no table yet. */
  isBuffered(tree: number, hi: number, lo: number, sequence: number): boolean {
    const core = this.#core;
    if (core.isClosed) core.requireOpen();
    return isInMemtables(core, tree, hi, lo, sequence);
  }

  /**
   * The visible entries of a range, in key order. A scan that outlives a turn of the event loop needs a
   * sequence that a snapshot holds, or one that was applied when it began.
   */
  scan(tree: number, range: ScanRange): Scan {
    this.#core.requireOpen();
    return openScan(this.#core, tree, range);
  }

  /**
   * A place in the keys of a tree that moves both ways, with bounds. It may stay open as long as one likes;
   * for a single pass upwards `scan` is a little faster.
   */
  iterator(tree: number, options?: IteratorOptions): EngineIterator {
    this.#core.requireOpen();
    return openIterator(this.#core, tree, options);
  }

  /** Holds the published state. */
  snapshot(): Snapshot {
    this.#core.requireOpen();
    const { options, snapshots, appliedSequence, publishedSequence } = this.#core;
    const isSeeded = options.seededBugs.has('a snapshot shows what is not published');
    return snapshots.take(isSeeded ? appliedSequence : publishedSequence);
  }

  /** The oldest sequence that a snapshot holds; undefined when there is none. */
  oldestSnapshot(): number | undefined {
    return this.#core.snapshots.oldest;
  }

  /** Whether the memtable is nearly full: the caller should checkpoint between two commits. */
  shouldCheckpoint(): boolean {
    return this.#checkpointer.isDue();
  }

  /**
   * Seals the memtable, before it returns unless another checkpoint is under way, and resolves when its
   * entries are in tables. Resolves later when L0 is too deep. If it rejects for its own files, the engine
   * is as it was, and the next checkpoint makes up for it; after a failure of log or version the engine is
   * read-only.
   */
  checkpoint(participant?: CheckpointParticipant): Promise<void> {
    return this.#checkpointer.checkpoint(participant);
  }

  /**
   * One commit of any size that goes neither through log nor memtable: `write` adds entries, sorted, tree by
   * tree; then they are installed together, at one sequence number, which is returned. The caller has
   * checkpointed and writes nothing else meanwhile: `INVALID_ARGUMENT` when commits are not in tables yet.
   * `onInstalled` is called in the moment in which readers begin to see it. When it rejects nothing has
   * happened, whatever was killed or failed; durable when it resolves, whatever the option says.
   */
  async ingestTables(
    write: (tables: TableIngest) => Promise<void>,
    onInstalled: (sequence: number) => void = () => {},
  ): Promise<number> {
    await this.#checkpointer.idle();
    const sequence = await ingestTables(this.#core, write, onInstalled);
    this.#compactor.kick();
    return sequence;
  }

  compactionPending(): boolean {
    return this.#compactor.isPending();
  }

  /**
   * One slice of compaction, for callers that turned the background off; true while there is more to do.
   * Syncs and installs take turns of the event loop: call again after one.
   */
  compactStep(sliceMs: number): boolean {
    this.#core.requireOpen();
    return this.#compactor.step(sliceMs);
  }

  /** Compacts what is due, then brings each tree's tables into one level. */
  async compact(): Promise<void> {
    await this.#compactor.compactAll();
  }

  /** Holds the version installed last: its files stay, and reads at its sequence are valid. */
  pinVersion(): VersionPin {
    return pinVersion(this.#core);
  }

  /**
   * Checkpoints, then writes the state into a directory that is empty or missing: a database without logs,
   * which can be opened, or restored elsewhere. Writes go on meanwhile. Tables are linked where that works;
   * such a backup survives everything but the device. `ALREADY_EXISTS`, `ABORTED`, `READ_ONLY` when there are
   * commits that no checkpoint can write any more, `IO`; after an error the target is empty or refused.
   */
  async backup(directory: string, options: BackupOptions = {}): Promise<BackupResult> {
    const core = this.#core;
    core.requireOpen();
    options.onProgress?.({ phase: 'checkpoint', done: 0, total: 0 });
    if (core.appliedSequence > core.versions.current.sequence) await this.checkpoint();
    const pin = this.pinVersion();
    try {
      return await this.backupPinned(pin, directory, options);
    } finally {
      pin.release();
    }
  }

  /** As `backup`, of a version that the caller has pinned and releases. */
  async backupPinned(
    pin: VersionPin,
    directory: string,
    options: BackupOptions = {},
  ): Promise<BackupResult> {
    const { fileSystem, hasher } = this.#core;
    return await writeBackup(pin, { fileSystem, hasher, directory }, options);
  }

  /**
   * So many bytes of the memory are in use by the caller, until it says another number: the block cache gives
   * them up as far as it can.
   */
  lend(bytes: number): void {
    if (bytes > 0) this.#core.pool.dropIdle();
    this.#core.memory.setLent(bytes);
  }

  stats(): EngineStats {
    return engineStats(this.#core, this.#compactor, this.#throttle.delayMs);
  }

  /** Reads every table once. */
  async check(): Promise<CheckResult> {
    this.#core.requireOpen();
    return await checkEngine(this.#core);
  }

  /**
   * Ends scans, gives up a compaction, waits for a checkpoint under way, syncs the log and lets all files
   * go. Idempotent. Rejects with `IO` when the log could not be synced; the files are let go all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const core = this.#core;
    core.isClosed = true;
    for (const scan of core.scans) scan.close();
    await core.writing;
    this.#throttle.stop();
    await this.#compactor.stop();
    await this.#checkpointer.idle();
    await this.#core.executor.close();
    try {
      await core.log?.close();
    } finally {
      await core.versions.close();
    }
  }
}
