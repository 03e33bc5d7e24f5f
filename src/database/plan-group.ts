/**
 * The plans of one commit, one for each collection that it changes, with one batch between them: everything is
 * committed together, or everything is undone.
 */
import { WriteBatch } from '../lsm/write-batch.ts';
import type { CollectionStore } from './collection-store.ts';
import type { Stores } from './stores.ts';
import { TimeSlice } from './time-slice.ts';
import { WritePlan } from './write-plan.ts';

export class PlanGroup {
  readonly plans: readonly WritePlan[];
  readonly #stores: Stores;
  readonly #batch = new WriteBatch();
  /** Of the commit. */
  #sequence = 0;

  /** Begins a plan for each of the collections, which are different ones; `now` is in ms since 1970. */
  constructor(stores: Stores, collections: readonly CollectionStore[], now: number) {
    this.#stores = stores;
    const plans: WritePlan[] = [];
    this.plans = plans;
    try {
      for (const store of collections) {
        plans.push(new WritePlan(stores, store, { batch: this.#batch, now }));
      }
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** Whether nothing is to be written. */
  get isEmpty(): boolean {
    return this.#batch.entryCount === 0 && this.plans.every(({ hasRepairs }) => !hasRepairs);
  }

  /**
   * Writes the batch, in slices of time. When it resolves the commit is applied, and `settle` is to follow; when it
   * rejects nothing has happened, and the plans are to be undone.
   */
  async commit(): Promise<void> {
    const { engine, pace } = this.#stores;
    for (const plan of this.plans) await plan.prepare();
    await new TimeSlice(pace).handOn();
    this.#sequence = await engine.writeSliced(this.#batch, (applied) => {
      for (const plan of this.plans) plan.applied(applied);
    });
  }

  /**
   * After `commit`: gives back what the plans held, in slices of time. `durable` resolves when the commit is durable and
   * published, and is to be awaited outside the writer's turn. When it rejects, the commit is so all the same.
   */
  async settle(): Promise<{ readonly durable: Promise<void> }> {
    const { engine, pace } = this.#stores;
    const slice = new TimeSlice(pace);
    try {
      for (const plan of this.plans) await slice.run(plan.settling());
    } catch (error) {
      await engine.committed(this.#sequence);
      throw error;
    }
    return { durable: engine.committed(this.#sequence) };
  }

  /** Undoes everything since the beginning. */
  rollback(): void {
    for (const plan of this.plans.toReversed()) plan.rollback();
  }
}
