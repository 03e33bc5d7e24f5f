/**
 * Runs compactions, one at a time: in the background, a slice per turn of the event loop; or step by step
 * when the caller wants to say when.
 *
 * A compaction that fails for its own files leaves everything as it was. It is not tried again before the
 * next checkpoint: a full disk or a damaged block would fail it at once.
 */
import { AssertionError, assert } from '../base/assert.ts';
import { DatabaseError, isDatabaseError } from '../errors.ts';
import { Compaction } from './compaction.ts';
import { CompactionPolicy } from './compaction-policy.ts';
import type { CompactionPlan } from './compaction-shape.ts';
import type { EngineCore } from './engine-core.ts';
import { nextTurn } from './slices.ts';
import type { TableFile } from './table-file.ts';

/** Nobody has written for this long: time to give space back, in ms. */
const QUIET_MS = 250;
/** How long the background sleeps at a stretch for the sake of its rate, in ms. */
const PAUSE_MS_MAX = 20;

export class Compactor {
  readonly policy: CompactionPolicy;
  readonly #core: EngineCore;
  #compaction: Compaction | undefined;
  /** The end of the compaction that is past its merge. Never rejects. */
  #finishing: Promise<void> | undefined;
  #failure: Error | undefined;
  /** The background loop. Never rejects. */
  #loop: Promise<void> | undefined;
  #isStopped = false;
  #stalled = 0;
  /** Callers that a compaction keeps waiting: it goes on without regard to the rate. */
  #waiting = 0;
  #quietTimer: NodeJS.Timeout | undefined;

  constructor(core: EngineCore) {
    this.#core = core;
    this.policy = new CompactionPolicy(core);
    core.snapshots.onReleased = () => this.#awaitRelease();
  }

  /** Why the last compaction failed, until the next checkpoint. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get isStalled(): boolean {
    return this.#stalled > 0;
  }

  /** Something is due, also what waits until nobody writes. */
  isPending(): boolean {
    if (!this.#mayRun()) return false;
    return this.#compaction !== undefined || this.policy.quiet() !== undefined;
  }

  /** After a checkpoint: looks for work, and gives a failed compaction another chance. */
  kick(): void {
    this.#failure = undefined;
    this.#startLoop();
  }

  /** One slice; true while there is more to do. */
  step(sliceMs: number): boolean {
    if (!this.isPending()) return false;
    if (this.#finishing === undefined) {
      this.#compaction ??= new Compaction(this.#core, this.policy.quiet()!);
      this.#advance(this.#compaction, sliceMs);
    }
    return this.isPending();
  }

  /** Does all that is planned, then brings every tree into one level. */
  async compactAll(): Promise<void> {
    this.#core.requireWritable();
    this.#failure = undefined;
    this.#waiting++;
    try {
      await this.#compactAll();
    } finally {
      this.#waiting--;
    }
  }

  async #compactAll(): Promise<void> {
    for (;;) {
      if (this.isPending()) {
        await this.#runOne(this.policy.quiet());
      } else if (this.#failure === undefined) {
        const plan = this.policy.full();
        if (plan === undefined) return;
        await this.#runOne(plan);
      }
      if (this.#failure !== undefined) throw this.#failure;
      this.#core.requireWritable();
    }
  }

  /** Resolves when L0 is shallow enough for another table, or nothing makes it shallower. */
  async level0Drained(): Promise<void> {
    if (!this.#core.options.autoCompact) return;
    this.#stalled++;
    this.#waiting++;
    try {
      while (this.policy.isLevel0Full() && this.#isUrgent()) await this.#runOne(undefined);
    } finally {
      this.#stalled--;
      this.#waiting--;
    }
  }

  /** Gives up what is under way, unless it is being installed, and starts nothing more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#quietTimer);
    await this.#compaction?.cancel();
    await this.#loop;
    await this.#finishing;
    const compaction = this.#compaction;
    this.#compaction = undefined;
    await compaction?.abandon();
  }

  #startLoop(): void {
    if (!this.#core.options.autoCompact || this.#loop !== undefined || !this.#mayRun()) return;
    this.#loop = this.#runAll().finally(() => {
      this.#loop = undefined;
      this.#awaitQuiet();
    });
  }

  async #runAll(): Promise<void> {
    while (this.#isUrgent()) {
      await nextTurn();
      await this.#runOne(undefined);
    }
  }

  #mayRun(): boolean {
    return !this.#isStopped && this.#failure === undefined && this.#core.state === 'open';
  }

  #isUrgent(): boolean {
    if (!this.#mayRun()) return false;
    return this.#compaction !== undefined || this.#urgent() !== undefined;
  }

  #urgent(): CompactionPlan<TableFile> | undefined {
    return this.#core.slices.timed(() => this.policy.urgent());
  }

  /** When nobody writes for a while, gives space back for as long as that lasts. */
  #awaitQuiet(): void {
    if (!this.#mayRun() || this.policy.quiet() === undefined) return;
    const { appliedSequence } = this.#core;
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = undefined;
      if (this.#loop !== undefined) return;
      if (this.#core.appliedSequence !== appliedSequence) return this.#awaitQuiet();
      this.#loop = this.#runQuiet(appliedSequence).finally(() => {
        this.#loop = undefined;
        this.#startLoop();
      });
    }, QUIET_MS).unref();
  }

  /** A released snapshot may have held what can go now; snapshots come and go, so this is not asked at once. */
  #awaitRelease(): void {
    if (!this.#core.options.autoCompact || this.#quietTimer !== undefined) return;
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = undefined;
      this.#startLoop();
    }, QUIET_MS).unref();
  }

  async #runQuiet(sequence: number): Promise<void> {
    while (this.isPending() && this.#core.appliedSequence === sequence) {
      await nextTurn();
      await this.#runOne(this.policy.quiet());
    }
  }

  /**
   * Takes the compaction under way, or else `plan`, or else the next planned one, to its end. Several
   * callers may push the same one.
   */
  async #runOne(plan: CompactionPlan<TableFile> | undefined): Promise<void> {
    if (this.#isStopped) return;
    const next = plan ?? (this.#compaction === undefined ? this.#urgent() : undefined);
    if (this.#compaction === undefined && next !== undefined) {
      this.#compaction = new Compaction(this.#core, next);
    }
    const compaction = this.#compaction;
    while (compaction !== undefined && this.#compaction === compaction && !this.#isStopped) {
      if (this.#waiting > 0) compaction.hurry();
      const { pauseMs } = compaction;
      if (this.#finishing !== undefined) await this.#finishing;
      else if (pauseMs >= 1) await sleep(Math.min(pauseMs, PAUSE_MS_MAX));
      else this.#advance(compaction, this.#core.slices.sliceMs);
      if (this.#finishing === undefined) await this.#core.slices.turn();
    }
  }

  #advance(compaction: Compaction, sliceMs: number): void {
    assert(this.#finishing === undefined, 'a compaction past its merge has no more slices');
    let isMerged: boolean;
    try {
      isMerged = this.#core.slices.timed(() => compaction.step(sliceMs));
    } catch (error) {
      this.#finishing = this.#end(compaction, () => Promise.reject(error));
      return;
    }
    if (isMerged) this.#finishing = this.#end(compaction, () => compaction.finish());
  }

  async #end(compaction: Compaction, finish: () => Promise<void>): Promise<void> {
    try {
      await finish();
    } catch (error) {
      await compaction.abandon();
      this.#fail(error);
    } finally {
      this.#compaction = undefined;
      this.#finishing = undefined;
    }
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    const failure =
      isDatabaseError(error) || error instanceof AssertionError
        ? error
        : new DatabaseError('IO', 'compaction failed', { cause: error });
    this.#failure = failure;
    this.#core.options.onBackgroundError(failure);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
