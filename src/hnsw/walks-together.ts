/**
 * Many walks that one caller asks for at once, shared among all threads in one turn of the event loop, without a
 * promise for each: those cost about as much as a walk. There are always a few under way, so that workers find the
 * next one while the main thread finishes the last, and the main thread walks itself when there is nothing to finish.
 */
import type { Entry } from './entry.ts';
import { spareOf } from './spare.ts';
import type { WalkContext, WalkDriver } from './walk-driver.ts';
import type { WalkRunner } from './walk-runner.ts';

/** What is walked, each for an `Ask` that it is known by. */
export interface WalksTogether<Ask extends { readonly ef: number }> {
  readonly entry: Entry;
  /** What comes next; undefined: nothing more in this turn. */
  readonly next: () => Ask | undefined;
  /** A walk with its query, not begun. */
  readonly prepare: (ask: Ask) => WalkDriver;
  /** Its walk is done, and closed when this returns. */
  readonly done: (ask: Ask, walk: WalkDriver) => void;
}

/** How long the main thread sleeps for a worker at a time, in ms, and how often until it leaves the rest: within a slice. */
const NAP_MS = 0.5;
const NAPS_MAX = 8;

/**
 * Walks to the end what is asked for. What does not come to its end for want of memory, of a worker that died, or of
 * what is slow to read, is left: `done` is not told of it.
 */
export function walkTogether<Ask extends { readonly ef: number }>(
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

class TogetherRun<Ask extends { readonly ef: number }> {
  readonly #runner: WalkRunner;
  readonly #context: WalkContext;
  readonly #walks: WalksTogether<Ask>;
  readonly #ended: { readonly ask: Ask; readonly walk: WalkDriver; readonly close: () => void }[] =
    [];
  /** It waits for room. */
  #held: Ask | undefined;
  #underWay = 0;
  #isOver = false;

  constructor(runner: WalkRunner, context: WalkContext, walks: WalksTogether<Ask>) {
    this.#runner = runner;
    this.#context = context;
    this.#walks = walks;
  }

  run(): void {
    for (let naps = 0; naps < NAPS_MAX; ) {
      this.#runner.collect();
      if (this.#finishEnded()) naps = 0;
      while (this.#underWay < this.#runner.lanes && this.#begin());
      if (this.#underWay === 0) return;
      if (this.#runner.advanceOne() || this.#ended.length > 0) continue;
      if (!this.#runner.awaitEnded(NAP_MS)) naps++;
    }
  }

  /** Walks that are still under way close themselves, when whoever has them is done. */
  leaveRest(): void {
    this.#isOver = true;
    for (const { close } of this.#ended) close();
    if (this.#underWay > this.#ended.length) this.#runner.goOn();
  }

  /** Whether there were any. */
  #finishEnded(): boolean {
    let hasEnded = false;
    for (let ended = this.#ended.pop(); ended !== undefined; ended = this.#ended.pop()) {
      hasEnded = true;
      this.#underWay--;
      try {
        this.#walks.done(ended.ask, ended.walk);
      } finally {
        ended.close();
      }
    }
    return hasEnded;
  }

  /** Begins the next walk; false when there is none, or no room for it now. */
  #begin(): boolean {
    const { kernels, space } = this.#context;
    const { entry, next, prepare } = this.#walks;
    const { admission } = this.#runner;
    const ask = this.#held ?? next();
    this.#held = undefined;
    if (ask === undefined) return false;
    const room = ask.ef + spareOf(this.#context, ask.ef);
    const bytes = 2 * (kernels.exports.walkBytes(space.address, room) >>> 0);
    if (!admission.tryEnter(bytes)) {
      if (this.#underWay > 0) this.#held = ask;
      return false;
    }
    let walk: WalkDriver;
    try {
      walk = prepare(ask);
    } catch (error) {
      admission.leave(bytes);
      throw error;
    }
    const close = (): void => {
      walk.close();
      admission.leave(bytes);
    };
    this.#underWay++;
    this.#runner.launch(walk, { entry, ef: ask.ef }, (isDone) => {
      if (isDone && !this.#isOver) {
        this.#ended.push({ ask, walk, close });
      } else {
        this.#underWay--;
        close();
      }
    });
    return true;
  }
}
