/**
 * Where the worker thread's code is: beside this file, once compiled. From the sources (tests), it is that of
 * the build: Node 20 runs no TypeScript in a worker, so tests build first.
 */
export function jobWorkerEntry(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  const path = isSource ? '../../dist/src/lsm/job-worker.js' : './job-worker.js';
  return new URL(path, import.meta.url);
}
