/** What the main thread of this process used of processors, apart from its other threads. */
import { readFileSync } from 'node:fs';

/** In ms since its start, on Linux to some ms; undefined elsewhere. */
export function mainThreadCpuMs(): number | undefined {
  try {
    const [ns] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ');
    return Number(ns) / 1e6;
  } catch {
    return undefined;
  }
}
