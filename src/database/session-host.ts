/**
 * What the parts of a session ask of it, and of each other through it: sweeps, the end of records, the purge of what
 * was dropped, jobs on fields, the catalog. `Session` makes them all and is one.
 */
import type { EffectiveDatabaseOptions } from './check-options.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { CollectionStore } from './collection-store.ts';
import type { OpenCollections } from './open-collections.ts';
import type { OpenViews } from './open-views.ts';
import type { Stores } from './stores.ts';
import type { WritePlan } from './write-plan.ts';

export interface SessionHost {
  readonly stores: Stores;
  readonly options: EffectiveDatabaseOptions;
  readonly checkpointer: Checkpointer;
  readonly views: OpenViews;
  readonly sweeper: { idle(): Promise<void> };
  readonly expirer: { purgeAll(): Promise<void> };
  readonly purger: { add(store: CollectionStore): void };
  readonly collections: OpenCollections;
  /** The time by which records expire, in ms since the epoch; it never goes back. */
  now(): number;
  /** The collection was dropped, and nothing is left of it. */
  forget(store: CollectionStore): void;
  /** One commit on a collection: see `Session.write`. */
  write<T>(store: CollectionStore, prepare: (plan: WritePlan) => Promise<T>): Promise<T>;
  /** As `write`, on a collection that was dropped. */
  writeDropped<T>(store: CollectionStore, prepare: (plan: WritePlan) => Promise<T>): Promise<T>;
  /** A turn of the writer. What it returns in `durable` is awaited after the turn. */
  exclusive<T>(turn: () => Promise<{ result: T; durable: Promise<void> }>): Promise<T>;
}
