/** Runs jobs on the engine's own thread, a slice at a time, for whoever calls `advance`. Deterministic. */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { JobExecutor, RunningJob } from './job-executor.ts';
import { JobRun } from './job-run.ts';
import type { Slices } from './slices.ts';
import type { TableFile } from './table-file.ts';
import type { JobResult, TableJob } from './table-job.ts';

export interface SlicedExecutorOptions {
  readonly fileSystem: FileSystem;
  readonly hasher: Hasher;
  readonly slices: Slices;
  readonly budget: ByteBudget;
}

export class SlicedExecutor implements JobExecutor {
  readonly kind = 'slices';
  readonly #options: SlicedExecutorOptions;
  /** Flushes whose merges have not ended. Compactions stand still meanwhile. */
  readonly #flushes: Set<SlicedJob> = new Set();

  constructor(options: SlicedExecutorOptions) {
    this.#options = options;
  }

  start(job: TableJob, tables: ReadonlyMap<number, TableFile>): RunningJob {
    return new SlicedJob(job, tables, this.#options, this.#flushes);
  }

  async close(): Promise<void> {}
}

class SlicedJob implements RunningJob {
  readonly #run: JobRun;
  readonly #options: SlicedExecutorOptions;
  readonly #flushes: Set<SlicedJob>;
  readonly #isFlush: boolean;
  #isHurried = false;
  #countedBytes = 0;
  #resumeAtMs = 0;

  constructor(
    job: TableJob,
    tables: ReadonlyMap<number, TableFile>,
    options: SlicedExecutorOptions,
    flushes: Set<SlicedJob>,
  ) {
    const { fileSystem, hasher } = options;
    this.#options = options;
    this.#flushes = flushes;
    this.#isFlush = job.kind === 'flush';
    if (this.#isFlush) flushes.add(this);
    // What was written before is paid first: a compaction of one slice would never wait.
    else this.#resumeAtMs = performance.now() + options.budget.take(0);
    this.#run = new JobRun(job, {
      fileSystem,
      hasher,
      table: ({ number }) => {
        const table = tables.get(number);
        assert(table !== undefined, 'a job is given the tables that it names');
        return table;
      },
      onBegin: () => {},
    });
  }

  get pauseMs(): number {
    return this.#isHurried ? 0 : Math.max(0, this.#resumeAtMs - performance.now());
  }

  hurry(): void {
    this.#isHurried = true;
  }

  advance(sliceMs: number): boolean {
    if (!this.#isFlush && (this.#flushes.size > 0 || this.pauseMs >= 1)) return false;
    const isDone = this.#options.slices.once(sliceMs, (isOver) => this.#run.step(isOver));
    this.#pay();
    if (isDone) this.#flushes.delete(this);
    return isDone;
  }

  async result(): Promise<JobResult> {
    return await this.#run.finished();
  }

  async abandon(): Promise<number> {
    this.#flushes.delete(this);
    await this.#run.abandon();
    return this.#run.begunCount;
  }

  #pay(): void {
    const { budget } = this.#options;
    const bytes = this.#run.bytesWritten - this.#countedBytes;
    this.#countedBytes += bytes;
    if (bytes === 0) return;
    if (this.#isFlush) budget.count(bytes);
    else this.#resumeAtMs = performance.now() + budget.take(bytes);
  }
}
