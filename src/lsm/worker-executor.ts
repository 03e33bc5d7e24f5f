/**
 * Runs jobs in one worker thread, which begins with the first of them and ends with the engine. Idle, it does
 * not keep the process alive.
 *
 * Memtables are shared, the entries of participants are transferred: a job is sent without a copy of data.
 * A thread that dies fails its jobs with `ABORTED` (`RESOURCE_EXHAUSTED` when it ran out of memory); what it
 * had begun is known from shared memory, and the next job gets a fresh one.
 */
import { Worker } from 'node:worker_threads';
import { DatabaseError } from '../errors.ts';
import type { ThreadAccess } from '../storage/file-system.ts';
import { unpackError } from './error-transfer.ts';
import type { JobExecutor, RunningJob } from './job-executor.ts';
import {
  BEGUN,
  CANCELLED,
  CONTROL_WORDS,
  HURRIED,
  type JobAnswer,
  type JobRequest,
  type WorkerSettings,
} from './job-messages.ts';
import { jobWorkerEntry } from './job-worker-entry.ts';
import type { JobResult, TableJob } from './table-job.ts';

export class WorkerExecutor implements JobExecutor {
  readonly kind = 'worker';
  readonly #access: ThreadAccess;
  readonly #settings: WorkerSettings;
  #thread: WorkerThread | undefined;
  #nextId = 1;

  constructor(access: ThreadAccess, settings: WorkerSettings) {
    this.#access = access;
    this.#settings = settings;
  }

  start(job: TableJob): RunningJob {
    if (this.#thread === undefined || this.#thread.isDead) {
      this.#thread = new WorkerThread(this.#access, this.#settings);
    }
    const remote = new RemoteJob();
    this.#thread.post({ id: this.#nextId++, job, control: remote.control }, remote);
    return remote;
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
    this.#thread = undefined;
  }
}

/** A thread and the jobs that it has not answered. */
class WorkerThread {
  readonly #access: ThreadAccess;
  readonly #worker: Worker;
  readonly #jobs: Map<number, RemoteJob> = new Map();
  #failure: Error | undefined;
  isDead = false;

  constructor(access: ThreadAccess, settings: WorkerSettings) {
    this.#access = access;
    this.#worker = new Worker(jobWorkerEntry(), {
      workerData: settings,
      name: 'stratavec jobs',
      // Flags of the main thread may be such as no worker takes.
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: JobAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => {
      this.#failure = error;
      this.isDead = true;
    });
    this.#worker.on('exit', (code) => this.#bury(code));
  }

  post(request: JobRequest, job: RemoteJob): void {
    this.#worker.postMessage(request, transfersOf(request.job));
    this.#jobs.set(request.id, job);
    this.#worker.ref();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #take({ id, result, error, calls }: JobAnswer): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (this.#jobs.size === 0) this.#worker.unref();
    this.#access.onCalls(calls);
    if (result !== undefined) job?.resolve(result);
    else if (error !== undefined) job?.reject(unpackError(error));
  }

  /** Only now the thread is sure to read and write nothing any more. */
  #bury(code: number): void {
    this.isDead = true;
    const cause = this.#failure;
    const isOutOfMemory = (cause as { code?: unknown } | undefined)?.code === OUT_OF_MEMORY;
    const error = new DatabaseError(
      isOutOfMemory ? 'RESOURCE_EXHAUSTED' : 'ABORTED',
      `the worker thread of flushes and compactions ended with ${code}; the next job gets a new one`,
      cause === undefined ? {} : { cause },
    );
    for (const job of this.#jobs.values()) job.reject(error);
    this.#jobs.clear();
  }
}

const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY';

class RemoteJob implements RunningJob {
  readonly control: SharedArrayBuffer = new SharedArrayBuffer(4 * CONTROL_WORDS);
  readonly pauseMs = 0;
  readonly #words = new Int32Array(this.control);
  readonly #ended: Promise<JobResult>;
  resolve!: (result: JobResult) => void;
  reject!: (error: Error) => void;

  constructor() {
    this.#ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.#ended.catch(() => {}); // Whoever asks for the result hears of it.
  }

  advance(): boolean {
    return true;
  }

  hurry(): void {
    Atomics.store(this.#words, HURRIED, 1);
  }

  result(): Promise<JobResult> {
    return this.#ended;
  }

  async abandon(): Promise<number> {
    Atomics.store(this.#words, CANCELLED, 1);
    try {
      await this.#ended;
    } catch {
      // What it began is all that matters.
    }
    return Atomics.load(this.#words, BEGUN);
  }
}

/** What the engine does not need any more once the job is sent. */
function transfersOf(job: TableJob): ArrayBuffer[] {
  return job.parts.flatMap(({ added }) =>
    added === undefined
      ? []
      : [added.hi, added.lo, added.kinds, added.ends, added.bytes].map(({ buffer }) => buffer),
  );
}
