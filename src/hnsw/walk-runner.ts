/**
 * Walks on several threads: those of searches that are under way together are shared out among kernel workers
 * and the main thread. A walk that is alone (`lone-walks.ts`) runs here at once, as without workers: that is
 * sooner than any hand-over.
 *
 * What a walk needs is always brought by the main thread, which is the only one that loads, evicts and allocates.
 * A walk whose worker died, or met what only a torn read can show, starts again.
 */
import { STATUS_DONE, STATUS_YIELD } from '../kernels/layout.ts';
import { JOB_FAILED, JOB_WALK } from '../kernels/worker-jobs.ts';
import type { KernelJob, KernelPool } from '../kernels/worker-pool.ts';
import type { Entry } from './entry.ts';
import { LoneWalks } from './lone-walks.ts';
import { Slices } from './slices.ts';
import type { BeamWidth } from './spare.ts';
import { WalkAdmission } from './walk-admission.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';

/** How long the main thread walks before it lets the event loop run. */
const SLICE_MS = 2;

/** Walks under way at a time for each thread, where one caller asks for many. */
const LANES_PER_THREAD = 4;

/** What the searches of one space share. */
export interface SearchContext extends WalkContext {
  /** Threads that they share. Default: none. */
  readonly runner?: WalkRunner | undefined;
  /** Bounds the walks that pause, where no threads share them. Default: none. */
  readonly admission?: WalkAdmission | undefined;
  /** How wide a beam on 1-bit codes is when `ef` is asked for; 0: walk on SQ8 codes. Default: as wide. */
  readonly beamOnBits?: ((ef: number) => number) | undefined;
}

/** A walk on its way. */
interface Running {
  readonly walk: WalkDriver;
  readonly entry: Entry;
  readonly ef: number;
  /** Of the search: knows its signal. */
  readonly slices: Slices;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Else whoever walks it first begins it. */
  isBegun: boolean;
  /** It has started again, and stays on the main thread. */
  isHere: boolean;
}

/** Calls `use` with a walk for `ef` results and spare ones, as soon as there is memory for one more, and closes it. */
export async function withWalk<T>(
  context: SearchContext,
  { ef, spare }: BeamWidth,
  use: (walk: WalkDriver) => Promise<T>,
): Promise<T> {
  const admission = context.runner?.admission ?? context.admission;
  // Most that grow do so once.
  const bytes = 2 * (context.kernels.exports.walkBytes(context.space.address, ef + spare) >>> 0);
  const entering = admission?.enter(bytes);
  if (entering !== undefined) await entering;
  try {
    const walk = new WalkDriver(context, ef, spare);
    try {
      return await use(walk);
    } finally {
      walk.close();
    }
  } finally {
    admission?.leave(bytes);
  }
}

/** What is walked, and how many results are measured by originals: 0, none. */
interface Search extends Pick<Running, 'entry' | 'ef' | 'slices'> {
  readonly refined: number;
}

/**
 * Walks to the end, and refines: here while it is alone, with pauses of the search where there are no workers. Notes
 * how long it took.
 */
export async function runWalk(
  runner: WalkRunner | undefined,
  walk: WalkDriver,
  search: Search,
): Promise<void> {
  const start = performance.now();
  let walked = start;
  if (runner !== undefined && !runner.isAlone(1)) {
    walk.refine(search.refined);
    await runner.run(walk, { ...search, isBegun: false });
    walked = performance.now();
  } else {
    walk.begin(search.entry, search.ef);
    await runHere(runner, walk, search);
    walked = performance.now();
    walk.refine(search.refined);
    if (search.refined > 0) await runHere(runner, walk, search);
  }
  walk.walkMs = walked - start;
  walk.refineMs = performance.now() - walked;
}

async function runHere(
  runner: WalkRunner | undefined,
  walk: WalkDriver,
  search: Search,
): Promise<void> {
  const { slices } = search;
  let isDone = walk.advance();
  while (!isDone) {
    if (slices.isOver && !walk.isInNeed) {
      if (runner !== undefined) return await runner.run(walk, { ...search, isBegun: true });
      await slices.pause();
    }
    isDone = walk.isInNeed ? await bring(walk, slices) : walk.advance();
  }
}

/** Reads what a walk needs, and goes on; whether it is done. */
async function bring(walk: WalkDriver, slices: Slices): Promise<boolean> {
  const isDone = await walk.bring();
  slices.throwIfAborted();
  return isDone;
}

export class WalkRunner {
  readonly admission: WalkAdmission;
  readonly #pool: KernelPool;
  readonly #lone = new LoneWalks();
  #waiting: Running[] = [];
  readonly #posted = new Map<KernelJob, Running>();
  #isPumping = false;

  /** Walks under way may take `bytesMax` of the module's memory. */
  constructor(pool: KernelPool, bytesMax: number) {
    this.admission = new WalkAdmission(bytesMax);
    this.#pool = pool;
    pool.listen(() => this.#start());
  }

  /**
   * Whether a walk that is asked for now need not be shared: then it is to be walked at once. `entered`: how many
   * the asker himself has in the admission.
   */
  isAlone(entered: 0 | 1): boolean {
    if (this.#isPumping || this.#waiting.length > 0 || this.#posted.size > 0) return false;
    return this.admission.count === entered && this.#lone.enter();
  }

  /** Resolves when a walk with its query is done; the main thread does not touch it meanwhile. */
  run(
    walk: WalkDriver,
    given: Pick<Running, 'entry' | 'ef' | 'slices' | 'isBegun'>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ walk, ...given, resolve, reject, isHere: false });
      this.#start();
    });
  }

  /** Walks that keep all threads busy. */
  get lanes(): number {
    return LANES_PER_THREAD * (this.#pool.threads + 1);
  }

  /** As many for workers alone. */
  get lanesPosted(): number {
    return LANES_PER_THREAD * this.#pool.threads;
  }

  /** Posts a walk that has not begun, if there is room; `ended` is told, once, whether it came to its end. */
  launch(
    walk: WalkDriver,
    { entry, ef, slices }: Pick<Running, 'entry' | 'ef' | 'slices'>,
    ended: (isDone: boolean) => void,
  ): void {
    const [resolve, reject] = [() => ended(true), () => ended(false)];
    const running = { walk, entry, ef, slices, resolve, reject, isBegun: false, isHere: false };
    if (this.#pool.hasRoom) this.#post(running);
    else this.#waiting.push(running);
  }

  /** Walks on, here, a walk that no worker has; false when there is none. */
  advanceOne(): boolean {
    const running = this.#next();
    if (running === undefined) return false;
    this.#advance(running, new Slices(SLICE_MS, undefined));
    return true;
  }

  /** Tells of walks that workers have done. */
  collect(): void {
    this.#pool.collect();
  }

  /** Sleeps until a worker has done something, `ms` at most; whether one has. */
  awaitEnded(ms: number): boolean {
    return this.#pool.awaitEnded(ms);
  }

  /** Goes on with what was launched in later turns of the event loop. */
  goOn(): void {
    this.#start();
  }

  /** Not at once: what else arrives in this turn of the event loop is to be shared out together. */
  #start(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#pool.isAttended = true;
    setImmediate(() => void this.#pump());
  }

  async #pump(): Promise<void> {
    const slices = new Slices(SLICE_MS, undefined);
    for (;;) {
      this.#pool.collect();
      this.#share();
      const running = this.#next();
      if (running === undefined) break;
      this.#advance(running, slices);
      // Searches whose walks are done go on first, and may bring their next.
      await settledContinuations();
      if (slices.isOver) await slices.pause();
    }
    this.#isPumping = false;
    this.#pool.isAttended = false;
  }

  /** Leaves the oldest walk to the main thread, and posts the others as far as there is room. */
  #share(): void {
    if (this.#waiting.length < 2) return;
    const kept: Running[] = [];
    for (const running of this.#waiting) {
      const isShared = kept.length > 0 && !running.isHere && this.#pool.hasRoom;
      if (isShared) this.#post(running);
      else kept.push(running);
    }
    this.#waiting = kept;
  }

  #post(running: Running): void {
    const { walk, entry, ef, isBegun } = running;
    const job: KernelJob = {
      operation: JOB_WALK,
      parameters: [walk.address, entry.node, entry.layer, ef, isBegun ? 0 : 1],
      onEnd: (result) => {
        this.#posted.delete(job);
        running.isBegun = true;
        this.#take(running, result);
      },
    };
    this.#posted.set(job, running);
    this.#pool.post(job);
  }

  /** What the main thread walks on next: of those that nobody has. */
  #next(): Running | undefined {
    const first = this.#waiting.shift();
    if (first !== undefined) return first;
    const job = this.#pool.takeBack(JOB_WALK);
    const running = job && this.#posted.get(job);
    if (job !== undefined) this.#posted.delete(job);
    return running;
  }

  /** Walks here, until the end or the end of the slice. */
  #advance(running: Running, slices: Slices): void {
    try {
      running.slices.throwIfAborted();
      if (!running.isBegun) begin(running);
      do {
        if (running.walk.advance()) {
          running.resolve();
          return;
        }
        if (running.walk.isInNeed) {
          void this.#bring(running);
          return;
        }
      } while (!slices.isOver);
      running.slices.throwIfAborted();
      this.#waiting.push(running);
    } catch (error) {
      running.reject(error);
    }
  }

  /** A worker gives a walk back: done, in need of something, or for a look around. */
  #take(running: Running, result: number): void {
    if (result === STATUS_DONE) {
      running.resolve();
      return;
    }
    try {
      running.slices.throwIfAborted();
      if (result === STATUS_YIELD) {
        this.#waiting.push(running);
      } else {
        this.#serve(running, result);
        if (running.walk.isInNeed) {
          void this.#bring(running);
          return;
        }
        // What was brought may be gone again soon.
        this.#waiting.unshift(running);
      }
      this.#start();
    } catch (error) {
      running.reject(error);
    }
  }

  #serve(running: Running, status: number): void {
    try {
      if (status !== JOB_FAILED) {
        running.walk.serveOrLeave(status);
        return;
      }
    } catch {
      // Whatever it was, it happens again if it is no matter of threads.
    }
    restart(running);
  }

  /** Reads what a walk needs while others walk, and goes on with it here. */
  async #bring(running: Running): Promise<void> {
    const { walk, slices } = running;
    try {
      let isDone = false;
      while (!isDone && walk.isInNeed) isDone = await bring(walk, slices);
      if (isDone) {
        running.resolve();
        return;
      }
    } catch (error) {
      if (running.isHere || slices.isAborted) {
        running.reject(error);
        return;
      }
      restart(running);
    }
    this.#waiting.push(running);
    this.#start();
  }
}

/** From the beginning, and to the end on the main thread. */
function restart(running: Running): void {
  running.isHere = true;
  begin(running);
}

function begin(running: Running): void {
  running.isBegun = true;
  running.walk.begin(running.entry, running.ef);
}

/** Resolves when no promise that is settled has anything left to do. */
function settledContinuations(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
