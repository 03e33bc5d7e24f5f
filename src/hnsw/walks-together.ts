/**
 * Many walks that one caller asks for at once, shared among all threads in one turn of the event loop, without a
 * promise for each: those cost about as much as a walk. Workers find a few posted all the time. The main thread finishes
 * what they have walked, posts the next, and then walks one itself.
 *
 * It walks in a scratch of its own, which no worker gets: lines of a scratch that another processor has written last come
 * over one by one (a tenth of a walk). For the same reason the scratches of workers are used again by the next walks.
 */
import type { Entry } from './entry.ts';
import { Slices } from './slices.ts';
import type { BeamWidth } from './spare.ts';
import { type WalkContext, WalkDriver } from './walk-driver.ts';
import type { WalkRunner } from './walk-runner.ts';

/** What is walked, each for an `Ask` that it is known by. */
export interface WalksTogether<Ask> {
  readonly entry: Entry;
  /** What comes next; undefined: nothing more in this turn. */
  readonly next: () => Ask | undefined;
  /** The width of its beam. */
  readonly widthOf: (ask: Ask) => BeamWidth;
  /** Gives a walk its query; it is begun by whoever walks it. */
  readonly prepare: (ask: Ask, walk: WalkDriver) => void;
  /** Its walk is done, and another's when this returns. */
  readonly done: (ask: Ask, walk: WalkDriver) => void;
}

/** How long the main thread walks one, in ms. */
const SLICE_MS = 5;
/** How long it sleeps for a worker at a time, and how often until it leaves the rest: within a slice. */
const NAP_MS = 0.5;
const NAPS_MAX = 8;

/**
 * Walks to the end what is asked for. What does not come to its end for want of memory, of a worker that died, or of
 * what is slow to read, is left: `done` is not told of it.
 */
export function walkTogether<Ask>(
  runner: WalkRunner,
  context: WalkContext,
  walks: WalksTogether<Ask>,
): void {
  const run = new TogetherRun(runner, context, walks);
  try {
    run.run();
  } finally {
    run.leaveRest();
  }
}

/** A walk for one after the other, with what it has in the admission. */
interface Lane<Ask> {
  walk: WalkDriver | undefined;
  bytes: number;
  ask: Ask | undefined;
}

class TogetherRun<Ask> {
  readonly #runner: WalkRunner;
  readonly #context: WalkContext;
  readonly #walks: WalksTogether<Ask>;
  /** The main thread's, and those of workers that are not under way, or have ended. */
  readonly #own = newLane<Ask>();
  readonly #idle: Lane<Ask>[];
  readonly #ended: Lane<Ask>[] = [];
  /** It waits for room. */
  #held: Ask | undefined;
  #underWay = 0;
  #isOver = false;
  readonly #leaving = new AbortController();
  /** Of walks that end only by being left. */
  readonly #slices = new Slices(Number.POSITIVE_INFINITY, this.#leaving.signal);

  constructor(runner: WalkRunner, context: WalkContext, walks: WalksTogether<Ask>) {
    this.#runner = runner;
    this.#context = context;
    this.#walks = walks;
    this.#idle = Array.from({ length: runner.lanesPosted }, () => newLane<Ask>());
  }

  run(): void {
    for (let naps = 0; naps < NAPS_MAX; ) {
      this.#runner.collect();
      if (this.#finishEnded()) naps = 0;
      while (this.#launchNext());
      if (this.#walkNext()) continue;
      if (this.#underWay === 0) return;
      if (this.#runner.advanceOne() || this.#ended.length > 0) continue;
      if (!this.#runner.awaitEnded(NAP_MS)) naps++;
    }
  }

  /** Walks that are still under way close themselves, when whoever has them gives them back. */
  leaveRest(): void {
    this.#isOver = true;
    if (this.#underWay > 0) this.#leaving.abort();
    for (const lane of [this.#own, ...this.#idle, ...this.#ended]) this.#close(lane);
    if (this.#underWay > 0) this.#runner.goOn();
  }

  /** Whether there were any. */
  #finishEnded(): boolean {
    let hasEnded = false;
    for (let lane = this.#ended.pop(); lane !== undefined; lane = this.#ended.pop()) {
      hasEnded = true;
      this.#idle.push(lane);
      this.#finish(lane);
    }
    return hasEnded;
  }

  #finish({ ask, walk }: Lane<Ask>): void {
    if (ask !== undefined && walk !== undefined) this.#walks.done(ask, walk);
  }

  /** Posts the next walk; false when there is none, or no room for it now. */
  #launchNext(): boolean {
    const lane = this.#idle.at(-1);
    if (lane === undefined || !this.#takeNext(lane)) return false;
    const { ask, walk } = lane;
    if (ask === undefined || walk === undefined) return false;
    this.#idle.pop();
    this.#underWay++;
    const { entry, widthOf } = this.#walks;
    const given = { entry, ef: widthOf(ask).ef, slices: this.#slices };
    this.#runner.launch(walk, given, (isDone) => {
      this.#underWay--;
      if (isDone && !this.#isOver) this.#ended.push(lane);
      else this.#close(lane);
    });
    return true;
  }

  /** Walks the next one here; false when there is none, or no room for it now. */
  #walkNext(): boolean {
    const lane = this.#own;
    if (!this.#takeNext(lane)) return false;
    if (this.#walkHere(lane)) this.#finish(lane);
    return true;
  }

  /** To the end, unless that takes too long or something is slow to read. */
  #walkHere({ ask, walk }: Lane<Ask>): boolean {
    if (ask === undefined || walk === undefined) return false;
    const { entry, widthOf } = this.#walks;
    walk.begin(entry, widthOf(ask).ef);
    if (walk.advance()) return true;
    const slices = new Slices(SLICE_MS, undefined);
    while (!walk.isInNeed && !slices.isOver) if (walk.advance()) return true;
    return false;
  }

  /** Gives a lane the next walk with its query; false when there is none, or no room for it now. */
  #takeNext(lane: Lane<Ask>): boolean {
    const { next, prepare } = this.#walks;
    const ask = this.#held ?? next();
    this.#held = ask;
    const walk = ask && this.#walkFor(lane, ask);
    if (ask === undefined || walk === undefined) return false;
    this.#held = undefined;
    lane.ask = ask;
    prepare(ask, walk);
    return true;
  }

  #walkFor(lane: Lane<Ask>, ask: Ask): WalkDriver | undefined {
    const { ef, spare } = this.#walks.widthOf(ask);
    if (lane.walk?.fits(ef, spare)) return lane.walk;
    this.#close(lane);
    const { kernels, space } = this.#context;
    const { admission } = this.#runner;
    const bytes = 2 * (kernels.exports.walkBytes(space.address, ef + spare) >>> 0);
    if (!admission.tryEnter(bytes)) return undefined;
    try {
      lane.walk = new WalkDriver(this.#context, ef, spare);
    } catch (error) {
      admission.leave(bytes);
      throw error;
    }
    lane.bytes = bytes;
    return lane.walk;
  }

  #close(lane: Lane<Ask>): void {
    if (lane.walk === undefined) return;
    lane.walk.close();
    lane.walk = undefined;
    this.#runner.admission.leave(lane.bytes);
  }
}

function newLane<Ask>(): Lane<Ask> {
  return { walk: undefined, bytes: 0, ask: undefined };
}
