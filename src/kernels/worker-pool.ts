/**
 * Worker threads that run kernels over the memory that they share with the main thread. A job is posted to the
 * mailbox, where any worker takes it in a few µs, or the main thread takes it back and does it itself: so a pool
 * works as well while its workers are still starting, or after they died.
 *
 * A worker that dies is replaced, and what it was doing is posted again. An idle pool does not keep the
 * process alive.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { keepAlive } from '../base/keep-alive.ts';
import type { CellReaders } from './cell-allocator.ts';
import type { Kernels } from './kernels.ts';
import { kernelWorkerEntry } from './worker-entry.ts';
import { runJob, undoJob } from './worker-jobs.ts';
import { createMailbox, type Mailbox, SLOTS } from './worker-mailbox.ts';
import type { WorkerSettings } from './worker-thread.ts';

/** A job to be posted: JOB_*, its arguments, and who is told of its result. */
export interface KernelJob {
  readonly operation: number;
  readonly parameters: readonly number[];
  /** Called on the main thread, in `collect` or between two turns of the event loop. Must not throw. */
  readonly onEnd: (result: number) => void;
}

/** So many workers that die one after the other, soon, with nothing done meanwhile, are replaced. */
const FRUITLESS_MAX = 8;
const FRUITLESS_MS = 500;
const HEAP_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 };

export class KernelPool implements CellReaders {
  readonly threads: number;
  /** Jobs that workers have done, and workers that have died and were replaced. */
  done = 0;
  replaced = 0;
  readonly #kernels: Kernels;
  readonly #mailbox: Mailbox;
  readonly #onError: (error: Error) => void;
  readonly #workers: (Worker | undefined)[];
  readonly #jobs: (KernelJob | undefined)[] = new Array<KernelJob | undefined>(SLOTS);
  /** Told when jobs are ready again that somebody had begun. */
  readonly #listeners = new Set<() => void>();
  /** Lets the process end; there are jobs until it is called. */
  #letGo: () => void = () => {};
  #posted = 0;
  /** Where the next job is posted, or behind it. */
  #next = 0;
  /** Ends that were seen. */
  #collected = 0;
  #isWatching = false;
  #isAttended = false;
  #fruitless = 0;
  #hasForgotten = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  /** Told when all jobs have been collected. */
  #whenIdle: () => void = () => {};
  /** Ends of workers that died or were told to. */
  readonly #exits: Promise<unknown>[] = [];

  /**
   * Starts `threads` workers, 1 or more; they are there some 50 ms later. `onError` hears of what ends one that
   * nobody ended.
   */
  constructor(kernels: Kernels, threads: number, onError: (error: Error) => void = () => {}) {
    assert(threads > 0, 'a pool has workers');
    this.threads = threads;
    this.#kernels = kernels;
    this.#onError = onError;
    this.#mailbox = createMailbox(threads);
    this.#workers = Array.from({ length: threads }, (_, worker) => this.#start(worker));
  }

  /** Jobs that were posted and have not been collected. */
  get posted(): number {
    return this.#posted;
  }

  get hasRoom(): boolean {
    return this.#posted < SLOTS;
  }

  /** Calls `listener` when jobs are ready again whose worker died. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Posts a job, for which there is room, and wakes a worker. Its end is noticed by `collect` or `watch`. */
  post(job: KernelJob): void {
    assert(!this.#isClosed, 'the pool is open');
    assert(this.hasRoom, 'there is room in the mailbox');
    // Round and round: whoever takes jobs goes round as well, so that none waits for ever.
    while (this.#jobs[this.#next] !== undefined) this.#next = (this.#next + 1) % SLOTS;
    this.#mailbox.post(this.#next, job.operation, job.parameters);
    this.#jobs[this.#next] = job;
    if (this.#posted++ === 0) this.#letGo = keepAlive();
    this.#mailbox.ring(1);
  }

  /** Somebody calls `collect` again and again from now on; when it does not any more, jobs are watched. */
  set isAttended(isAttended: boolean) {
    this.#isAttended = isAttended;
    if (!isAttended) this.watch();
  }

  /** Collects ends of jobs between two turns of the event loop, as long as there are jobs. */
  watch(): void {
    if (this.#isWatching || this.#posted === 0) return;
    this.#isWatching = true;
    void this.#watch();
  }

  /** A job of this kind that no worker has begun: it is the caller's again, and its `onEnd` is not called. */
  takeBack(operation: number): KernelJob | undefined {
    if (this.#posted === 0) return undefined;
    for (let slot = 0; slot < SLOTS; slot++) {
      const job = this.#jobs[slot];
      if (job?.operation !== operation) continue;
      if (!this.#mailbox.takeSlot(this.threads, slot)) continue;
      this.#release(slot);
      return job;
    }
    return undefined;
  }

  /** Runs a job of this kind that no worker has begun, as the thread after the last worker. */
  help(operation: number): boolean {
    for (let slot = 0; slot < SLOTS; slot++) {
      const job = this.#jobs[slot];
      if (job?.operation !== operation) continue;
      if (!this.#mailbox.takeSlot(this.threads, slot)) continue;
      const result = runJob(this.#kernels, this.#mailbox, slot, this.threads);
      this.#release(slot);
      job.onEnd(result);
      return true;
    }
    return false;
  }

  /** Sleeps until a job has ended that `collect` has not told of, `ms` at most; whether one has. */
  awaitEnded(ms: number): boolean {
    return this.#mailbox.awaitEnded(this.#collected, ms);
  }

  /** Tells of all jobs that have ended; whether there were any. */
  collect(): boolean {
    const { endedCount } = this.#mailbox;
    if (this.#posted === 0 || endedCount === this.#collected) return false;
    this.#collected = endedCount;
    return this.#collectAll();
  }

  #collectAll(): boolean {
    let hasEnded = false;
    for (let slot = 0; slot < SLOTS; slot++) {
      const job = this.#jobs[slot];
      if (job === undefined || !this.#mailbox.isOver(slot)) continue;
      const result = this.#mailbox.result(slot);
      this.#fruitless = 0;
      this.done++;
      this.#release(slot);
      hasEnded = true;
      job.onEnd(result);
    }
    return hasEnded;
  }

  /** `CellReaders.forgot`. */
  forgot(): void {
    this.#hasForgotten = true;
  }

  /** `CellReaders.settle`. A worker that does not leave its call is taken for dead, and ended. */
  settle(): void {
    if (!this.#hasForgotten) return;
    this.#hasForgotten = false;
    // Whoever is in a call has taken a job.
    if (this.#posted === 0) return;
    for (let worker = 0; worker < this.threads; worker++) {
      if (this.#workers[worker] === undefined) continue;
      if (!this.#mailbox.awaitCall(worker)) this.#end(worker);
    }
  }

  /** `CellReaders.isReading`. */
  get isReading(): boolean {
    return this.#posted > 0;
  }

  /** Ends all workers, once all jobs have been collected: there may be some that nobody waits for. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The workers that live, for tests that end some. */
  get workers(): readonly Worker[] {
    return this.#workers.filter((worker) => worker !== undefined);
  }

  async #close(): Promise<void> {
    while (this.#posted > 0) {
      this.watch();
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    this.#isClosed = true;
    this.#mailbox.stop();
    for (let worker = 0; worker < this.threads; worker++) this.#end(worker);
    await Promise.all(this.#exits);
  }

  #start(worker: number): Worker {
    const { threads } = this;
    const mailbox = this.#mailbox.buffer;
    const workerData: WorkerSettings = {
      shared: this.#kernels.shared,
      mailbox,
      workers: threads,
      worker,
    };
    const thread = new Worker(kernelWorkerEntry(), {
      workerData,
      name: `stratavec kernels ${worker}`,
      resourceLimits: HEAP_LIMITS,
      // Flags of the main thread may be such as no worker takes.
      execArgv: [],
    });
    thread.on('message', () => {
      this.collect();
      if (!this.#isAttended) this.watch();
    });
    const started = performance.now();
    // It ends the thread: what is to be done is done at its end.
    thread.on('error', (error) => this.#onError(error));
    thread.on('exit', () => {
      const isFruitless = performance.now() - started < FRUITLESS_MS;
      this.#fruitless = isFruitless ? this.#fruitless + 1 : 0;
      this.#bury(worker, thread);
    });
    // Behind the listener of messages, which would undo it.
    thread.unref();
    return thread;
  }

  /** Ends a worker; `#bury` follows. */
  #end(worker: number): void {
    const thread = this.#workers[worker];
    if (thread === undefined) return;
    this.#workers[worker] = undefined;
    this.#exits.push(thread.terminate());
  }

  /** The thread is gone: what it was doing is posted again, and another takes its place. */
  #bury(worker: number, thread: Worker): void {
    if (this.#isClosed) return;
    this.#mailbox.resetCall(worker);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!this.#mailbox.isTakenBy(slot, worker)) continue;
      undoJob(this.#kernels, this.#mailbox, slot, worker);
      this.#mailbox.restart(slot);
    }
    const isReplaced = this.#fruitless <= FRUITLESS_MAX;
    assert(
      this.#workers[worker] === thread || this.#workers[worker] === undefined,
      'a worker is replaced when it is gone',
    );
    this.#workers[worker] = isReplaced ? this.#start(worker) : undefined;
    if (isReplaced) this.replaced++;
    // What it had ended without saying so.
    this.#collectAll();
    this.#mailbox.ring(this.threads);
    for (const listener of this.#listeners) listener();
  }

  #release(slot: number): void {
    this.#jobs[slot] = undefined;
    this.#mailbox.free(slot);
    if (--this.#posted > 0) return;
    this.#letGo();
    this.#whenIdle();
  }

  async #watch(): Promise<void> {
    while (this.#posted > 0 && !this.#isAttended && !this.#isClosed) {
      const seen = this.#mailbox.endedCount;
      if (this.collect()) continue;
      const isAsked = (await this.#mailbox.ended(seen)) === 'asked';
      if (isAsked && this.#mailbox.endedCount === seen) break;
    }
    this.#isWatching = false;
  }
}
