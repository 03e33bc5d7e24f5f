/**
 * Arrays for the last steps of a search, used again by the next one: arrays of more than 64 bytes cost an
 * allocation outside of the JavaScript heap each, and more in collections.
 */
import { BestNodes } from './best-nodes.ts';

/** How many are measured in one call. */
export const BATCH = 16;

/** Results in the order of their estimates. */
export interface RefineScratch {
  count: number;
  /** From here on they have not been looked at. */
  next: number;
  readonly nodes: Uint32Array;
  readonly distances: Float32Array;
  /** Below which the distance hardly is. */
  readonly bounds: Float32Array;
  readonly best: BestNodes;
}

/** Larger ones are not kept. */
const KEPT_MAX = 2048;
const IDLE_MAX = 8;
const LEAST = 128;

const idle: RefineScratch[] = [];

/** For `count` results of which `limit` are wanted. `giveScratch` gives it back. */
export function takeScratch(count: number, limit: number): RefineScratch {
  const last = idle.pop();
  const scratch = last !== undefined && last.nodes.length >= count ? last : create(count);
  scratch.count = count;
  scratch.next = 0;
  scratch.best.reset(Math.min(limit, count));
  return scratch;
}

export function giveScratch(scratch: RefineScratch): void {
  if (idle.length < IDLE_MAX && scratch.nodes.length <= KEPT_MAX) idle.push(scratch);
}

function create(count: number): RefineScratch {
  const size = Math.max(LEAST, 2 ** Math.ceil(Math.log2(count)));
  return {
    count,
    next: 0,
    nodes: new Uint32Array(size),
    distances: new Float32Array(size),
    bounds: new Float32Array(size),
    best: new BestNodes(size),
  };
}
