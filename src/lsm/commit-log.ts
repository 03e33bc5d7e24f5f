/**
 * Group commit: when the write-ahead log is written and synced, and whom that concerns.
 *
 * - All commits of one turn of the event loop go out in one write. At most one sync is in flight; what
 *   arrives meanwhile rides the next.
 * - A log that was switched away from is on the device before the next one gets its first byte. So only
 *   the newest log can have a torn tail, and recovery never finds a hole between two logs.
 * - After the first failure nothing is written or synced again, and nothing further is published: nobody
 *   knows what reached the device.
 */
import { assert } from '../base/assert.ts';
import { MIB } from '../base/units.ts';
import { type DatabaseError, isDatabaseError } from '../errors.ts';
import { doubtfulWrite } from './doubtful-write.ts';
import type { Durability } from './engine-options.ts';
import { COMMIT_HEADER_SIZE } from './log-format.ts';
import { type Commit, LogWriter, type LogWriterOptions } from './log-writer.ts';
import { nextTurn, type SlicedWork } from './slices.ts';

/** More is written in several turns of the event loop, so that none of them is long. */
const WRITE_BYTES_MAX = 4 * MIB;

export interface CommitLogOptions extends LogWriterOptions {
  readonly durability: Durability;
  /** All up to here is already durable. */
  readonly sequence: number;
  /** The number of the log that the first commit goes to. */
  readonly logNumber: number;
  readonly onFailure: (failure: DatabaseError) => void;
}

interface Segment {
  readonly log: LogWriter;
  /** The last commit that was appended. */
  sequence: number;
}

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CommitLog {
  readonly #options: CommitLogOptions;
  /** Oldest first. The last one takes commits; the others wait for their sync. */
  readonly #segments: Segment[];
  #published: number;
  /** On the device up to here. */
  #synced: number;
  /** Somebody waits for a sync up to here, whatever the durability. */
  #syncWanted = 0;
  #waiters: Waiter[] = [];
  #syncWaiters: Waiter[] = [];
  #isScheduled = false;
  #pump: Promise<void> | undefined;
  #failure: DatabaseError | undefined;
  readonly #publishesEarly: boolean;
  readonly #skipsSync: boolean;
  #writes = 0;
  #syncs = 0;
  #bytesWritten = 0;

  constructor(options: CommitLogOptions) {
    this.#options = options;
    const { seededBugs } = options;
    this.#publishesEarly = seededBugs?.has('a commit is acknowledged before its sync') ?? false;
    this.#skipsSync = seededBugs?.has('a log that is complete is not synced') ?? false;
    this.#published = options.sequence;
    this.#synced = options.sequence;
    this.#segments = [this.#segment(options.logNumber, options.sequence)];
  }

  get publishedSequence(): number {
    return this.#published;
  }

  get bufferBytes(): number {
    return this.#segments.reduce((sum, { log }) => sum + log.bufferBytes, 0);
  }

  get counts(): { readonly writes: number; readonly syncs: number; readonly bytesWritten: number } {
    return { writes: this.#writes, syncs: this.#syncs, bytesWritten: this.#bytesWritten };
  }

  /** The log that takes commits. */
  get activeNumber(): number {
    return this.#active.log.number;
  }

  get activeBytes(): number {
    return this.#active.log.size;
  }

  /** By how many bytes buffers grow when a commit of that size comes in. */
  growthFor(commitBytes: number): number {
    return this.#active.log.growthFor(commitBytes + COMMIT_HEADER_SIZE);
  }

  /** Takes a commit whose last sequence is `sequence`. The bytes are copied. */
  append(commit: Commit, sequence: number): void {
    this.appending(commit)(() => false);
    this.appended(sequence);
  }

  /** As `append`, slice by slice; `appended` must follow before anything else is asked of the log. */
  appending(commit: Commit): SlicedWork {
    assert(this.#failure === undefined, 'a failed log takes no commits');
    return this.#active.log.appending(commit);
  }

  appended(sequence: number): void {
    const active = this.#active;
    assert(sequence > active.sequence, 'sequences ascend');
    active.sequence = sequence;
    if (this.#options.durability === 'none') this.#published = sequence;
    this.#schedule();
  }

  /**
   * Commits up to `sequence` are durable without the log: they came as tables. The log that takes commits
   * has none yet, and all logs before it are on the device.
   */
  passOver(sequence: number): void {
    const active = this.#active;
    assert(active.log.size === 0, 'what is passed over follows the last checkpoint');
    assert(sequence > active.sequence, 'sequences ascend');
    active.sequence = sequence;
    this.#synced = sequence;
    this.#publish(sequence);
  }

  /** Later commits go to the log of that number. */
  switchTo(logNumber: number): void {
    const { log, sequence } = this.#active;
    this.#segments.push(this.#segment(logNumber, sequence));
    if (!log.isSynced || this.#pump !== undefined) {
      this.#schedule();
    } else if (this.#segments.length === 2) {
      this.#segments.shift();
      log.close();
    }
  }

  /** Resolves when the commit is as durable as the option says. Rejects with IO after a failure. */
  published(sequence: number): Promise<void> {
    assert(sequence <= this.#active.sequence, 'the commit was appended');
    if (sequence <= this.#published) return Promise.resolve();
    return this.#wait(this.#waiters, sequence);
  }

  /** Resolves when the commit is on the device, whatever the durability. */
  synced(sequence: number): Promise<void> {
    assert(sequence <= this.#active.sequence, 'the commit was appended');
    if (sequence <= this.#synced) return Promise.resolve();
    this.#syncWanted = Math.max(this.#syncWanted, sequence);
    const waiting = this.#wait(this.#syncWaiters, sequence);
    if (this.#failure === undefined) this.#schedule();
    return waiting;
  }

  /** Stops for good, as after a failed write, because of somebody else's failure. */
  fail(failure: DatabaseError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    const waiters = [...this.#waiters, ...this.#syncWaiters];
    this.#waiters = [];
    this.#syncWaiters = [];
    for (const { reject } of waiters) reject(failure);
  }

  /** Syncs what was appended, unless the log has failed, and lets the files go. Rejects if that fails. */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) {
        await this.synced(this.#active.sequence);
        this.#leaveMark();
      }
    } finally {
      await this.#pump;
      for (const { log } of this.#segments) log.close();
    }
  }

  get #active(): Segment {
    return this.#segments[this.#segments.length - 1];
  }

  #segment(logNumber: number, sequence: number): Segment {
    return { log: new LogWriter(logNumber, this.#options), sequence };
  }

  #wait(waiters: Waiter[], sequence: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => waiters.push({ sequence, resolve, reject }));
  }

  #schedule(): void {
    if (this.#isScheduled || this.#pump !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#failure !== undefined) return;
      this.#pump = this.#run().finally(() => {
        this.#pump = undefined;
        // A commit that came after the last look, or a caller that was told of its commit just now.
        if (this.#hasWork()) this.#schedule();
      });
    });
  }

  /** Writes and syncs until there is nothing left to do. Never rejects. */
  async #run(): Promise<void> {
    try {
      while (this.#hasWork()) {
        const segment = this.#segments[0];
        const { log, sequence } = segment;
        for (const end = log.size; ; await nextTurn()) {
          this.#write(log, WRITE_BYTES_MAX);
          if (!log.hasBuffered || log.writtenBytes >= end) break;
        }
        if (this.#options.durability === 'os' || this.#publishesEarly) this.#publish(sequence);
        const isLeft = this.#skipsSync && segment !== this.#active;
        if (this.#needsSync(segment)) {
          this.#syncs++;
          if (!isLeft) await log.sync();
          this.#synced = Math.max(this.#synced, sequence);
          this.#publish(this.#synced);
          this.#syncWaiters = resolveUpTo(this.#syncWaiters, this.#synced);
        }
        if (isLeft || (segment !== this.#active && log.isSynced)) {
          this.#segments.shift();
          log.close();
        }
      }
    } catch (cause) {
      const failure = doubtfulWrite('the write-ahead log', cause);
      this.fail(failure);
      this.#options.onFailure(failure);
    }
  }

  #hasWork(): boolean {
    if (this.#failure !== undefined) return false;
    const oldest = this.#segments[0];
    return oldest !== this.#active || oldest.log.hasBuffered || this.#needsSync(oldest);
  }

  #needsSync(segment: Segment): boolean {
    if (segment.log.isSynced) return false;
    return (
      segment !== this.#active ||
      this.#options.durability === 'sync' ||
      this.#syncWanted > this.#synced
    );
  }

  #write(log: LogWriter, maxBytes?: number): void {
    if (!log.hasBuffered) return;
    const before = log.writtenBytes;
    log.write(maxBytes);
    this.#writes++;
    this.#bytesWritten += log.writtenBytes - before;
  }

  #publish(sequence: number): void {
    if (this.#failure !== undefined) return;
    this.#published = Math.max(this.#published, sequence);
    this.#waiters = resolveUpTo(this.#waiters, this.#published);
  }

  /** A hint for the next open. It needs no sync, and if it fails nothing is lost. */
  #leaveMark(): void {
    const { log } = this.#active;
    if (log.size === 0) return;
    log.appendMark();
    try {
      this.#write(log);
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
    }
  }
}

/** Resolves the waiters for sequences up to `sequence`; returns the others. */
function resolveUpTo(waiters: Waiter[], sequence: number): Waiter[] {
  if (waiters.length === 0) return waiters;
  for (const waiter of waiters) if (waiter.sequence <= sequence) waiter.resolve();
  return waiters.filter((waiter) => waiter.sequence > sequence);
}
