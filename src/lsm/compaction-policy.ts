/**
 * Asks the planners about the engine as it is now: its current version, its options, its open snapshots.
 * What they answer is theirs; what is done with it is the compactor's.
 */
import { planCompaction, planFullCompaction, planQuietCompaction } from './compaction-plan.ts';
import type { CompactionPlan, PlanOptions } from './compaction-shape.ts';
import type { EngineCore } from './engine-core.ts';
import { level0Depth, leveledDebt } from './leveled-plan.ts';
import type { TableFile } from './table-file.ts';
import { tieredDebt } from './tiered-plan.ts';
import type { Version } from './version.ts';
import { STALL_FACTOR, type WriteDebt } from './write-delay.ts';

/** What compaction owes in one version. */
interface Owed {
  readonly version: Version;
  readonly level0Runs: number;
  readonly pendingBytes: number;
}

export class CompactionPolicy {
  readonly #core: EngineCore;
  /** Kept, for it is asked for with every commit. */
  #owed: Owed | undefined;

  constructor(core: EngineCore) {
    this.#core = core;
  }

  /** What must be done, or undefined. */
  urgent(): CompactionPlan<TableFile> | undefined {
    return planCompaction(this.#trees(), this.#options());
  }

  /** What must be done, or is worth doing while nobody writes; undefined at rest. */
  quiet(): CompactionPlan<TableFile> | undefined {
    return planQuietCompaction(this.#trees(), this.#options());
  }

  /** The next step to one run a tree. */
  full(): CompactionPlan<TableFile> | undefined {
    const options = this.#options();
    for (const [tree, runs] of this.#trees()) {
      const plan = planFullCompaction(tree, runs, options);
      if (plan !== undefined) return plan;
    }
    return undefined;
  }

  debt(): WriteDebt {
    const { versions, sealed } = this.#core;
    const { current } = versions;
    const owed = this.#owed?.version === current ? this.#owed : this.#owedBy(current);
    this.#owed = owed;
    const { level0Runs, pendingBytes } = owed;
    return { level0Runs, pendingBytes, sealedMemtables: sealed.length };
  }

  /** L0 is so deep that checkpoints must wait. */
  isLevel0Full(): boolean {
    return this.debt().level0Runs > STALL_FACTOR * this.#core.options.level0Tables;
  }

  #owedBy(version: Version): Owed {
    const options = this.#options();
    const debtOf = options.compaction === 'tiered' ? tieredDebt : leveledDebt;
    let level0Runs = 0;
    let pendingBytes = 0;
    for (const tree of version.treeIds) {
      const runs = version.runs(tree);
      level0Runs = Math.max(level0Runs, level0Depth(runs));
      pendingBytes += debtOf(runs, options);
    }
    return { version, level0Runs, pendingBytes };
  }

  #trees(): (readonly [number, ReturnType<Version['runs']>])[] {
    const { current } = this.#core.versions;
    return current.treeIds.map((tree) => [tree, current.runs(tree)] as const);
  }

  #options(): PlanOptions {
    const { options, snapshots } = this.#core;
    return { ...options, snapshots: snapshots.sequences() };
  }
}
