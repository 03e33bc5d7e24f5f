/**
 * The worker thread's side of jobs: runs what it is given, one slice after the other, flushes before
 * compactions; between two slices it listens, so that a flush never waits for a compaction under way.
 *
 * It reads tables through handles of its own, which it lets go at the end of each job.
 */
import type { Hasher } from '../base/hasher.ts';
import { DatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { BlockCache } from './block-cache.ts';
import type { ByteBudget } from './byte-budget.ts';
import { BEGUN, CANCELLED, HURRIED, type JobRequest } from './job-messages.ts';
import { JobRun } from './job-run.ts';
import { OpenTables } from './open-tables.ts';
import { nextTurn, Slices } from './slices.ts';
import { TableFile } from './table-file.ts';
import type { JobResult, TableJob } from './table-job.ts';

/** Long enough to waste little on turns of the loop, short enough for a flush to begin at once. */
const SLICE_MS = 10;
/** The most that a compaction sleeps at a stretch for the sake of the budget, in ms. */
const PAUSE_MS_MAX = 20;
/** Tables open at the same time. */
const OPEN_TABLES_MAX = 64;
/** Index and filter of a table, for one byte of it, with room to spare. */
const READER_SHARE = 1 / 8;

export interface JobQueueOptions {
  readonly fileSystem: FileSystem;
  readonly hasher: Hasher;
  readonly budget: ByteBudget;
  /** Called once for each job. */
  readonly onEnd: (id: number, end: JobEnd) => void;
}

export type JobEnd = { readonly result: JobResult } | { readonly error: unknown };

export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #slices = new Slices();
  #tasks: Task[] = [];
  #isRunning = false;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  /** Begins the job now or later. */
  add(request: JobRequest): void {
    this.#tasks.push(new Task(request, this.#options));
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#tasks.length > 0) {
      const task = this.#tasks.find(({ isFlush }) => isFlush) ?? this.#tasks[0];
      if (task.pauseMs >= 1) await sleep(Math.min(task.pauseMs, PAUSE_MS_MAX));
      else if (this.#advance(task)) this.#tasks = this.#tasks.filter((one) => one !== task);
      await nextTurn();
    }
    this.#isRunning = false;
  }

  /** True when the task needs no more slices. Its syncs and its answer follow by themselves. */
  #advance(task: Task): boolean {
    try {
      if (!this.#slices.once(SLICE_MS, (isOver) => task.step(isOver))) return false;
      void task.end();
    } catch (error) {
      void task.fail(error);
    }
    return true;
  }
}

class Task {
  readonly isFlush: boolean;
  readonly #id: number;
  readonly #control: Int32Array;
  readonly #options: JobQueueOptions;
  readonly #run: JobRun;
  readonly #tables: TableFile[] = [];
  #countedBytes = 0;
  #resumeAtMs = 0;

  constructor({ id, job, control }: JobRequest, options: JobQueueOptions) {
    const { fileSystem, hasher } = options;
    const { directory, seededBugs } = job;
    const words = new Int32Array(control);
    const cache = new BlockCache({ bytes: readerBytes(job) });
    const shared = { cache, hasher, seededBugs, tables: new OpenTables(OPEN_TABLES_MAX) };
    this.isFlush = job.kind === 'flush';
    this.#id = id;
    this.#control = words;
    this.#options = options;
    if (!this.isFlush) this.#resumeAtMs = performance.now() + options.budget.take(0);
    this.#run = new JobRun(job, {
      fileSystem,
      hasher,
      table: (meta) => {
        const table = new TableFile(meta, { fileSystem, directory, shared });
        this.#tables.push(table);
        return table;
      },
      onBegin: (count) => Atomics.store(words, BEGUN, count),
    });
  }

  get pauseMs(): number {
    if (this.#isSet(HURRIED) || this.#isSet(CANCELLED)) return 0;
    return this.#resumeAtMs - performance.now();
  }

  step(isOver: () => boolean): boolean {
    if (this.#isSet(CANCELLED)) throw new DatabaseError('ABORTED', 'the job was given up');
    const isDone = this.#run.step(isOver);
    const bytes = this.#run.bytesWritten - this.#countedBytes;
    this.#countedBytes += bytes;
    const { budget } = this.#options;
    if (this.isFlush) budget.count(bytes);
    else if (bytes > 0) this.#resumeAtMs = performance.now() + budget.take(bytes);
    return isDone;
  }

  async end(): Promise<void> {
    let result: JobResult;
    try {
      result = await this.#run.finished();
    } catch (error) {
      await this.fail(error);
      return;
    }
    await this.#letGo();
    this.#options.onEnd(this.#id, { result });
  }

  async fail(error: unknown): Promise<void> {
    await this.#letGo();
    this.#options.onEnd(this.#id, { error });
  }

  /** After it nothing of the job is open any more. */
  async #letGo(): Promise<void> {
    await this.#run.abandon();
    for (const table of this.#tables) {
      try {
        table.close();
      } catch {
        // It was only read.
      }
    }
  }

  #isSet(word: number): boolean {
    return Atomics.load(this.#control, word) !== 0;
  }
}

/** For the indexes and filters of one table of each run, and of the ones that come next. */
function readerBytes({ parts }: TableJob): number {
  const bytes = parts.map(
    ({ runs, output }) => (runs.length + 2) * READER_SHARE * output.tableBytes,
  );
  return Math.max(0, ...bytes);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
