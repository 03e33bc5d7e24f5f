/** What engine and worker thread say to each other. */
import type { CallTotal } from '../storage/file-system.ts';
import type { PackedError } from './error-transfer.ts';
import type { JobResult, TableJob } from './table-job.ts';

/** Words of the memory that both sides of a job share. */
export const CONTROL_WORDS = 3;
/** Set by the engine: the job is given up. */
export const CANCELLED = 0;
/** Set by the worker: how many of the reserved numbers are in use. Right also when the worker is dead. */
export const BEGUN = 1;
/** Set by the engine: somebody waits, the budget of bytes does not count. */
export const HURRIED = 2;

export interface WorkerSettings {
  readonly backgroundBytesPerSecond: number;
}

export interface JobRequest {
  readonly id: number;
  readonly job: TableJob;
  readonly control: SharedArrayBuffer;
}

export interface JobAnswer {
  readonly id: number;
  /** One of the two is there. */
  readonly result: JobResult | undefined;
  readonly error: PackedError | undefined;
  /** Calls to files since the last answer. */
  readonly calls: readonly CallTotal[];
}
