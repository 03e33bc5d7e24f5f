/**
 * The entry of a kernel worker, which runs from `dist`: an instance of the module of its own over the memory of
 * all, and jobs from the mailbox until it is told to stop. It never returns to its event loop meanwhile.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { instantiate, type Kernels, type SharedKernels } from './kernels.ts';
import { JOB_FAILED, runJob } from './worker-jobs.ts';
import { Mailbox, SLOTS } from './worker-mailbox.ts';

/** What a worker is given. */
export interface WorkerSettings {
  readonly shared: SharedKernels;
  readonly mailbox: SharedArrayBuffer;
  readonly workers: number;
  /** Which of them it is. */
  readonly worker: number;
}

function serve(
  port: MessagePort,
  { shared, mailbox: buffer, workers, worker }: WorkerSettings,
): void {
  const kernels = instantiate(shared);
  const mailbox = new Mailbox(buffer, workers);
  let next = 0;
  while (!mailbox.isStopping) {
    let slot = mailbox.take(worker, next);
    if (slot === -1) {
      // What is posted from here on is heard.
      const heard = mailbox.bell;
      slot = mailbox.take(worker, next);
      if (slot === -1) {
        if (!mailbox.isStopping) mailbox.listen(heard);
        continue;
      }
    }
    next = (slot + 1) % SLOTS;
    const isAsked = mailbox.end(slot, resultOf(kernels, mailbox, slot, worker));
    if (isAsked) port.postMessage(0);
  }
}

/** The main thread runs a job that fails again, and so learns why. */
function resultOf(kernels: Kernels, mailbox: Mailbox, slot: number, worker: number): number {
  try {
    return runJob(kernels, mailbox, slot, worker);
  } catch {
    return JOB_FAILED;
  }
}

assert(parentPort !== null, 'this file is the entry of a worker thread');
serve(parentPort, workerData as WorkerSettings);
