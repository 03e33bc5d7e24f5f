/** Times small operations: rounds of many, best of which noise has touched least, the median beside it. */
import { median, spread } from './statistics.ts';

export interface Timing {
  readonly bestNs: number;
  readonly medianNs: number;
  readonly spread: number;
  /** What `run` returned last: keeps the engine from dropping the work, and shows a changed answer. */
  readonly checksum: number;
}

/** `run` performs `operations` operations and returns a checksum of their results. */
export function timeRounds(rounds: number, operations: number, run: () => number): Timing {
  const times: number[] = [];
  let checksum = run(); // Warms up.
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    checksum = run();
    times.push(((performance.now() - start) * 1e6) / operations);
  }
  return { bestNs: Math.min(...times), medianNs: median(times), spread: spread(times), checksum };
}
