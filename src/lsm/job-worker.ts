/** The entry of the worker thread that flushes and compacts for an engine. Runs from `dist`. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { loadHasher } from '../base/hasher.ts';
import { CountingFileSystem } from '../storage/counting-file-system.ts';
import { NodeFileSystem } from '../storage/node-file-system.ts';
import { ByteBudget } from './byte-budget.ts';
import { packError } from './error-transfer.ts';
import type { JobAnswer, JobRequest, WorkerSettings } from './job-messages.ts';
import { JobQueue } from './job-queue.ts';

async function serve(port: MessagePort, settings: WorkerSettings): Promise<void> {
  const fileSystem = new CountingFileSystem(new NodeFileSystem());
  const queue = new JobQueue({
    fileSystem,
    hasher: await loadHasher(),
    budget: new ByteBudget(settings.backgroundBytesPerSecond),
    onEnd: (id, end) => {
      const calls = fileSystem.totals();
      fileSystem.reset();
      const result = 'result' in end ? end.result : undefined;
      const error = 'error' in end ? packError(end.error) : undefined;
      port.postMessage({ id, result, error, calls } satisfies JobAnswer);
    },
  });
  // What was posted before waits for the first listener.
  port.on('message', (request: JobRequest) => queue.add(request));
}

assert(parentPort !== null, 'this file is the entry of a worker thread');
void serve(parentPort, workerData as WorkerSettings);
