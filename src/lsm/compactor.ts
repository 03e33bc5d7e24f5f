/**
 * Runs compactions, one at a time: in the background, a slice per turn of the event loop; or step by step
 * when the caller wants to say when.
 *
 * A compaction that fails for its own files leaves everything as it was. It is not tried again before the
 * next checkpoint: a full disk or a damaged block would fail it at once.
 */
import { assert } from '../base/assert.ts';
import { DatabaseError, isDatabaseError } from '../errors.ts';
import { Compaction } from './compaction.ts';
import { planCompaction, planFullCompaction } from './compaction-plan.ts';
import type { CompactionPlan, PlanOptions } from './compaction-shape.ts';
import type { EngineCore } from './engine-core.ts';
import { level0Depth } from './leveled-plan.ts';
import { nextTurn, SLICE_MS } from './slices.ts';
import type { TableFile } from './table-file.ts';

/** A checkpoint waits while L0 is this many times deeper than what starts a compaction. */
const STALL_FACTOR = 3;

export class Compactor {
  readonly #core: EngineCore;
  #compaction: Compaction | undefined;
  /** The end of the compaction that is past its merge. Never rejects. */
  #finishing: Promise<void> | undefined;
  #failure: DatabaseError | undefined;
  /** The background loop. Never rejects. */
  #loop: Promise<void> | undefined;
  #isStopped = false;
  #stalled = 0;

  constructor(core: EngineCore) {
    this.#core = core;
  }

  /** Why the last compaction failed, until the next checkpoint. */
  get failure(): DatabaseError | undefined {
    return this.#failure;
  }

  get isStalled(): boolean {
    return this.#stalled > 0;
  }

  isPending(): boolean {
    if (this.#isStopped || this.#failure !== undefined || this.#core.state !== 'open') return false;
    return this.#compaction !== undefined || this.#plan() !== undefined;
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
      this.#compaction ??= new Compaction(this.#core, this.#plan()!);
      this.#advance(this.#compaction, sliceMs);
    }
    return this.isPending();
  }

  /** Does all that is planned, then brings every tree into one level. */
  async compactAll(): Promise<void> {
    this.#core.requireWritable();
    this.#failure = undefined;
    for (;;) {
      if (this.isPending()) {
        await this.#runOne(undefined);
      } else if (this.#failure === undefined) {
        const plan = this.#fullPlan();
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
    try {
      while (this.#isLevel0Full() && this.isPending()) await this.#runOne(undefined);
    } finally {
      this.#stalled--;
    }
  }

  /** Gives up what is under way, unless it is being installed, and starts nothing more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
    await this.#finishing;
    const compaction = this.#compaction;
    this.#compaction = undefined;
    await compaction?.abandon();
  }

  #planOptions(): PlanOptions {
    const { options, snapshots } = this.#core;
    return { ...options, snapshots: snapshots.sequences() };
  }

  #plan(): CompactionPlan<TableFile> | undefined {
    const { current } = this.#core.versions;
    const trees = current.treeIds.map((tree) => [tree, current.runs(tree)] as const);
    return planCompaction(trees, this.#planOptions());
  }

  #fullPlan(): CompactionPlan<TableFile> | undefined {
    const { current } = this.#core.versions;
    for (const tree of current.treeIds) {
      const plan = planFullCompaction(tree, current.runs(tree), this.#planOptions());
      if (plan !== undefined) return plan;
    }
    return undefined;
  }

  #isLevel0Full(): boolean {
    const { current } = this.#core.versions;
    const depthMax = STALL_FACTOR * this.#core.options.level0Tables;
    return current.treeIds.some((tree) => level0Depth(current.runs(tree)) > depthMax);
  }

  #startLoop(): void {
    if (!this.#core.options.autoCompact || this.#loop !== undefined || !this.isPending()) return;
    this.#loop = this.#runAll().finally(() => {
      this.#loop = undefined;
    });
  }

  async #runAll(): Promise<void> {
    while (this.isPending()) {
      await nextTurn();
      await this.#runOne(undefined);
    }
  }

  /**
   * Takes the compaction under way, or else `plan`, or else the next planned one, to its end. Several
   * callers may push the same one.
   */
  async #runOne(plan: CompactionPlan<TableFile> | undefined): Promise<void> {
    if (this.#isStopped) return;
    const next = plan ?? (this.#compaction === undefined ? this.#plan() : undefined);
    if (this.#compaction === undefined && next !== undefined) {
      this.#compaction = new Compaction(this.#core, next);
    }
    const compaction = this.#compaction;
    while (compaction !== undefined && this.#compaction === compaction && !this.#isStopped) {
      if (this.#finishing === undefined) this.#advance(compaction, SLICE_MS);
      if (this.#finishing === undefined) await nextTurn();
      else await this.#finishing;
    }
  }

  #advance(compaction: Compaction, sliceMs: number): void {
    assert(this.#finishing === undefined, 'a compaction past its merge has no more slices');
    let isMerged: boolean;
    try {
      isMerged = compaction.step(sliceMs);
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
    const failure = isDatabaseError(error)
      ? error
      : new DatabaseError('IO', 'compaction failed', { cause: error });
    this.#failure = failure;
    this.#core.options.onBackgroundError(failure);
  }
}
