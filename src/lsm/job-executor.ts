/**
 * Who runs jobs: this thread, a slice at a time, or another one. Both keep one contract:
 *
 * - a job that fails, is given up or loses its thread has made nothing but files among its reserved numbers,
 *   and says how many of them it began;
 * - errors arrive as they were thrown: code, message, location; a broken invariant stays one;
 * - a flush goes before a compaction, and only compactions wait for the budget of bytes;
 * - once a job has ended, nobody reads its tables and arenas.
 */
import type { ExecutorKind } from './engine-options.ts';
import type { TableFile } from './table-file.ts';
import type { JobResult, TableJob } from './table-job.ts';

export interface RunningJob {
  /**
   * Does one slice of the work, where it is this thread's. True when nothing is left for this thread to
   * do: then `result` tells. Throws what fails.
   */
  advance(sliceMs: number): boolean;
  /** How long this thread should wait before the next slice, in ms, for the sake of the budget. */
  readonly pauseMs: number;
  /** Somebody waits for the job: the budget is not waited for any more. */
  hurry(): void;
  /** After `advance` has returned true. */
  result(): Promise<JobResult>;
  /** Ends the job, whatever its state. Resolves to how many of its numbers were begun; never rejects. */
  abandon(): Promise<number>;
}

export interface JobExecutor {
  readonly kind: ExecutorKind;
  /** `tables`: those that the job names, by number, and stay as long as it runs. */
  start(job: TableJob, tables: ReadonlyMap<number, TableFile>): RunningJob;
  /** Lets go of the thread, if there is one. No job is running. */
  close(): Promise<void>;
}
