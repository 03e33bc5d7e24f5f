/**
 * The threads of a bulk build: kernel workers, if there are any, and the main thread. The leaves of one round, and
 * the pieces of one cut, are independent: each is posted to the workers as long as they have few in stock,
 * and done here otherwise. Which thread does what makes no difference to the lists.
 *
 * Every thread has a scratch of its own, side by side, with room behind it for the lists of the leaf that it is
 * merging: should it die, they are put back (`kernels/worker-jobs.ts`).
 */
import { JOB_ASSIGN, JOB_FAILED, JOB_JOIN, JOB_LEAF } from '../kernels/worker-jobs.ts';
import type { KernelPool } from '../kernels/worker-pool.ts';
import type { BuildArea } from './build-area.ts';
import {
  ASSIGNED_MAX,
  BuildJob,
  type BuildNodes,
  buildJobBytes,
  type LeafOptions,
  type RowShape,
} from './build-job.ts';
import { buildLeaf } from './build-leaf.ts';

/** Pieces of work that each worker has in stock, besides the one it does. */
const STOCK = 6;
const STOCK_MAX = 40;

/** Bytes of the module's memory for `threads` workers and the main thread. */
export function crewBytes(
  shape: RowShape,
  cap: number,
  leaf: Pick<LeafOptions, 'leafMax'>,
  threads: number,
): number {
  if (threads === 0) return buildJobBytes(shape, cap, leaf);
  const { scratch, kept, piece } = crewParts(shape, cap, leaf);
  return (threads + 1) * (scratch + kept) + stockOf(threads) * piece;
}

export class BuildCrew {
  /** The scratch of the main thread. */
  readonly job: BuildJob;
  /** Those of the workers. */
  readonly #theirs: BuildJob[] = [];
  readonly #area: BuildArea;
  readonly #pool: KernelPool | undefined;
  readonly #run: number = 0;
  /** Of the first thread, bytes from one to the next, and where kept lists stand behind it. */
  readonly #scratch: number = 0;
  readonly #stride: number = 0;
  readonly #kept: number = 0;
  /** Places for the ids of a piece of work, and what comes of it. */
  readonly #free: number[] = [];
  #inFlight = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  readonly #forget: () => void = () => {};

  constructor(area: BuildArea, nodes: BuildNodes, leaf: LeafOptions) {
    const { memory, pool } = area;
    this.#area = area;
    this.#pool = pool;
    if (pool === undefined) {
      this.job = new BuildJob(memory, nodes, leaf);
      return;
    }
    const { threads } = pool;
    const { scratch, kept, piece } = crewParts(memory.space, nodes.cap, leaf);
    this.#run = area.take(crewBytes(memory.space, nodes.cap, leaf, threads));
    this.#scratch = this.#run;
    this.#stride = scratch + kept;
    this.#kept = scratch;
    const at = (thread: number): number => this.#scratch + thread * this.#stride;
    for (let i = 0; i < threads; i++) this.#theirs.push(new BuildJob(memory, nodes, leaf, at(i)));
    this.job = new BuildJob(memory, nodes, leaf, at(threads));
    for (let i = 0; i < stockOf(threads); i++) this.#free.push(at(threads + 1) + i * piece);
    this.#forget = pool.listen(() => this.#wake());
  }

  /** Waits until all leaves are built; in later ones so many of the nearest members are looked at. */
  async lookAt(nearest: number | undefined): Promise<void> {
    await this.settled();
    for (const job of [this.job, ...this.#theirs]) job.lookAt(nearest);
  }

  /** Whether pieces can be done elsewhere. */
  get hasWorkers(): boolean {
    return this.#pool !== undefined;
  }

  /** Builds a leaf, whose ids are copied: now, or until `settled`. Leaves under way have no common member. */
  async leaf(ids: Uint32Array): Promise<void> {
    const members = ids.length;
    if (members < 2) return;
    const { memory, slices } = this.#area;
    const { u32 } = memory.kernels.memory;
    this.#pool?.collect();
    const place = this.#place();
    if (place === undefined) {
      u32.set(ids, this.job.ids >>> 2);
      await buildLeaf(memory, this.job, { ids: this.job.ids, members }, slices);
      return;
    }
    u32.set(ids, place >>> 2);
    this.#post(JOB_LEAF, place, [this.#scratch, this.#stride, place, members, this.#kept]);
  }

  /** Writes new lists of the nodes [from, to) to `out`: now, or until `joined`. */
  join(from: number, to: number, out: number): void {
    this.#pool?.collect();
    const place = this.#place();
    if (place === undefined)
      this.#area.memory.kernels.exports.buildJoin(this.job.address, from, to, out);
    else this.#post(JOB_JOIN, place, [this.#scratch, this.#stride, from, to, out]);
  }

  /** Resolves when the lists of all that was given to `join` are written. Throws what went wrong. */
  async joined(): Promise<void> {
    while (this.#inFlight > 0) {
      if (this.#pool?.help(JOB_JOIN) !== true) await this.ended();
      if (this.#area.slices.isOver) await this.#area.slices.pause();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Posts a piece of a cut to a worker: false when they have enough. `onEnd` gets the address of the leaders. */
  assign(ids: Uint32Array, leaders: number, onEnd: (nearest: number) => void): boolean {
    const place = this.#place();
    if (place === undefined) return false;
    const { u32 } = this.#area.memory.kernels.memory;
    u32.set(ids, place >>> 2);
    const nearest = place + 4 * ASSIGNED_MAX;
    const given = [this.#scratch, this.#stride, place, ids.length, this.job.leaders, leaders];
    this.#post(JOB_ASSIGN, place, [...given, nearest, 0], () => onEnd(nearest));
    return true;
  }

  /** Does a piece of a cut that no worker has begun; whether there was one. */
  helpAssign(): boolean {
    return this.#pool?.help(JOB_ASSIGN) === true;
  }

  /** Resolves when a piece has ended, or should be done here. Null when nothing is under way. */
  ended(): Promise<void> | null {
    if (this.#inFlight === 0 || this.#pool?.collect() !== false) return null;
    const ended = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // Collects at once what has ended in this moment: whoever waits for it must be known.
    this.#pool.watch();
    return ended;
  }

  /** Resolves when every leaf is built. Throws what went wrong. */
  async settled(): Promise<void> {
    const { memory, slices } = this.#area;
    while (this.#inFlight > 0) {
      const job = this.#pool?.takeBack(JOB_LEAF);
      if (job === undefined) {
        await this.ended();
      } else {
        const [, , ids, members] = job.parameters;
        try {
          await buildLeaf(memory, this.job, { ids, members }, slices);
        } finally {
          job.onEnd(0);
        }
      }
      if (slices.isOver) await slices.pause();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits for what workers have begun, drops the rest, and gives the memory back. */
  async release(): Promise<void> {
    const pool = this.#pool;
    if (pool === undefined) {
      this.job.release();
      return;
    }
    for (const operation of [JOB_LEAF, JOB_ASSIGN, JOB_JOIN]) {
      for (let job = pool.takeBack(operation); job !== undefined; ) {
        job.onEnd(0);
        job = pool.takeBack(operation);
      }
    }
    while (this.#inFlight > 0) await this.ended();
    this.#forget();
    this.#area.give(this.#run);
  }

  /** Undefined when workers have enough in stock. */
  #place(): number | undefined {
    return this.#pool?.hasRoom === true ? this.#free.pop() : undefined;
  }

  #post(operation: number, place: number, parameters: readonly number[], then = (): void => {}) {
    this.#inFlight++;
    const onEnd = (result: number): void => {
      this.#inFlight--;
      this.#free.push(place);
      if (result === JOB_FAILED) this.#failure = failed();
      then();
      this.#wake();
    };
    this.#pool?.post({ operation, parameters, onEnd });
  }
}

function crewParts(
  shape: RowShape,
  cap: number,
  leaf: Pick<LeafOptions, 'leafMax'>,
): { readonly scratch: number; readonly kept: number; readonly piece: number } {
  return {
    scratch: buildJobBytes(shape, cap, leaf),
    kept: roundUp16(leaf.leafMax * (4 + 4 * cap)),
    piece: roundUp16(Math.max(8 * ASSIGNED_MAX, 4 * leaf.leafMax)),
  };
}

function roundUp16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function stockOf(threads: number): number {
  return Math.min(STOCK * threads, STOCK_MAX);
}

function failed(): Error {
  return new Error('a kernel failed in a worker thread in the middle of a build');
}
