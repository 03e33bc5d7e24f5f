/**
 * Where a kernel worker's code is: beside this file, once compiled. From the sources (tests), it is that of
 * the build: Node 20 runs no TypeScript in a worker, so tests build first.
 */
export function kernelWorkerEntry(): URL {
  const isSource = import.meta.url.endsWith('.ts');
  const path = isSource ? '../../dist/src/kernels/worker-thread.js' : './worker-thread.js';
  return new URL(path, import.meta.url);
}
