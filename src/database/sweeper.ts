/**
 * Decides when a collection is swept and its space given back, and does it: by itself in the background, or
 * all of it when `compact` asks. One collection at a time.
 *
 *   sweep → if pages are loosely filled: move, sweep again → drop pages → shrink the file → merge tables
 *
 * A sweep begins when a tenth of the nodes are ghosts. A walk visits ghosts like other nodes, so a tenth
 * costs searches about that share of time; and the more ghosts go at once, the fewer lists are written
 * for each: at a twentieth, two thirds of all lists name one and are rewritten, 12 lists a ghost; at a
 * tenth it is 9.
 */
import { keepAlive } from '../base/keep-alive.ts';
import { isDatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';
import { timed } from './logger.ts';
import type { SessionHost } from './session-host.ts';
import { type CompactProgress, SweepControl } from './sweep-control.ts';
import {
  dropEmptyPages,
  emptyLastPages,
  isLoose,
  pagesNeeded,
  type SweptSpace,
  shrinkPageFile,
} from './sweep-moves.ts';
import { SweepRun } from './sweep-run.ts';
import { compactionChannel, traced } from './tracing.ts';
import { unlessDropped } from './unless-dropped.ts';
import type { VectorStore } from './vector-store.ts';

/** Share of ghosts among all nodes that starts a sweep, and how many there must be at least. */
export const GHOST_SHARE_MAX = 0.1;
export const GHOSTS_MIN = 256;

/** Of pages given up by one run: from this share on, tables are merged too, so that their space comes back. */
const MERGE_SHARE = 0.25;

/** Slack at the end of the page file that is left alone in the background. */
const FILE_SLACK_SHARE = 0.15;

/** Options of `Database.compact`. */
export interface CompactOptions {
  /** Called after each piece. Default: none. */
  readonly onProgress?: ((progress: CompactProgress) => void) | undefined;
  /** Ends it between two pieces: `ABORTED`; what was done stays. */
  readonly signal?: AbortSignal | undefined;
}

/** What a compaction gave back. */
export interface CompactReport {
  /** Deleted vectors taken out of the graphs. */
  readonly ghostsRemoved: number;
  /** Vectors that were moved to make pages empty. */
  readonly vectorsMoved: number;
  /** Pages that were empty then. */
  readonly pagesDropped: number;
  /** By how much logs, tables and pages are smaller; below 0 where they grew, as a small database may. */
  readonly bytesFreed: number;
}

interface Tally {
  ghostsRemoved: number;
  vectorsMoved: number;
  pagesDropped: number;
}

/** @internal */
export class Sweeper {
  readonly #session: SessionHost;
  readonly #stop = new AbortController();
  /** The run under way; never rejects. */
  #running: Promise<void> | undefined;
  /** After a failure, by vector space: as many ghosts there must be until it is tried again. */
  readonly #retryAt = new Map<VectorStore, number>();
  /** Those whose ghosts a snapshot or a transaction held when they were swept. */
  readonly #held = new Set<VectorStore>();

  constructor(session: SessionHost) {
    this.#session = session;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** After a commit: begins a run when it is time. */
  noteCommit(store: CollectionStore): void {
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    const space = store.vectorStores.find((other) => this.#isDue(other));
    if (space === undefined) return;
    this.#running = this.#runInBackground({ store, space }).then(() => {
      this.#running = undefined;
      for (const other of this.#session.collections.open) this.noteCommit(other);
    });
  }

  /** A snapshot or a transaction has ended: what it held can go now. */
  noteRelease(): void {
    if (this.#held.size === 0) return;
    for (const space of this.#held) this.#retryAt.delete(space);
    this.#held.clear();
    for (const store of this.#session.collections.open) this.noteCommit(store);
  }

  /** Sweeps, empties pages and merges tables until nothing is to be had. */
  async compact(options: CompactOptions): Promise<CompactReport> {
    // The pauses of a sweep do not keep the process alive, which is right only where nobody waits for it.
    const letGo = keepAlive();
    try {
      return await this.#compact(options);
    } finally {
      letGo();
    }
  }

  async #compact(options: CompactOptions): Promise<CompactReport> {
    // No turn of the event loop lies between the last look and the begin: two must not sweep at once.
    while (this.#running !== undefined) await this.#running;
    const before = this.#diskBytes();
    const tally: Tally = { ghostsRemoved: 0, vectorsMoved: 0, pagesDropped: 0 };
    const run = this.#watched(undefined, () => this.#compactAll(options, tally));
    this.#running = run.then(
      () => {},
      () => {},
    );
    try {
      await run;
    } finally {
      this.#running = undefined;
    }
    return { ...tally, bytesFreed: before - this.#diskBytes() };
  }

  /** Ends runs after the piece that is under way, and begins none any more. */
  stop(): void {
    this.#stop.abort();
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #compactAll(options: CompactOptions, tally: Tally): Promise<void> {
    const { engine } = this.#session.stores;
    await this.#session.expirer.purgeAll();
    for (const store of this.#session.collections.open) {
      for (const space of store.vectorStores) {
        const forced = { ...options, isForced: true };
        await unlessDropped(store, () => this.#runOn({ store, space }, forced, tally));
      }
    }
    const control = this.#control(options);
    await shrinkPageFile(this.#session, { slackBytes: 0, control });
    control.proceed({ phase: 'tables', done: 0, total: 1 });
    await control.until(engine.compact());
    control.proceed({ phase: 'tables', done: 1, total: 1 });
  }

  async #watched(collection: string | undefined, run: () => Promise<void>): Promise<void> {
    const { logger } = this.#session.options;
    const context = () => ({ collection });
    await traced(compactionChannel, context, () => timed(logger, 'compaction', run));
  }

  async #runInBackground(swept: SweptSpace): Promise<void> {
    const { space } = swept;
    const { engine, pages } = this.#session.stores;
    const tally: Tally = { ghostsRemoved: 0, vectorsMoved: 0, pagesDropped: 0 };
    const pagesBefore = space.vectors.counters.pages;
    try {
      await this.#watched(swept.store.entry.name, () =>
        this.#runOn(swept, { isForced: false }, tally),
      );
      if (tally.pagesDropped === 0) return;
      const slackBytes = Math.floor(FILE_SLACK_SHARE * pages.stats().fileBytes);
      const control = this.#control({});
      await shrinkPageFile(this.#session, { slackBytes, control });
      if (tally.pagesDropped >= MERGE_SHARE * pagesBefore) await control.until(engine.compact());
      if (!this.#held.has(space)) this.#retryAt.delete(space);
    } catch (error) {
      if (this.#stop.signal.aborted || swept.store.entry.isDropped) return;
      this.#postpone(space);
      if (!isDatabaseError(error)) throw error;
      this.#session.options.onWarning(error);
    }
  }

  /** Once more while pages are loosely filled: what was deleted meanwhile stood in the way. */
  async #runOn(
    swept: SweptSpace,
    options: CompactOptions & { readonly isForced: boolean },
    tally: Tally,
  ): Promise<void> {
    for (let round = 0; ; round++) {
      const before = tally.pagesDropped;
      await this.#runOnce(swept, options, tally);
      if (this.#held.has(swept.space)) break;
      if (!isLoose(swept.space) || (round > 0 && tally.pagesDropped === before)) break;
    }
  }

  async #runOnce(
    swept: SweptSpace,
    options: CompactOptions & { readonly isForced: boolean },
    tally: Tally,
  ): Promise<void> {
    const { store, space } = swept;
    const control = this.#control(options, store);
    const removed = await this.#sweep(swept, control);
    if (removed === undefined) return;
    tally.ghostsRemoved += removed;
    const { vectors } = space;
    const { live, ghosts, pages } = vectors.counters;
    // The ghosts of deletions since the sweep began still have their places.
    const target = pagesNeeded(space, live + ghosts);
    if (target < pages && (options.isForced || isLoose(space))) {
      const { writer } = this.#session.stores;
      await writer.run(async () => vectors.setCeiling(target));
      try {
        tally.vectorsMoved += await emptyLastPages(this.#session, swept, { target, control });
        await this.#sweep(swept, control);
        tally.pagesDropped += await dropEmptyPages(this.#session, swept, control);
      } finally {
        await writer.run(async () => vectors.setCeiling(Number.POSITIVE_INFINITY));
      }
    } else {
      tally.pagesDropped += await dropEmptyPages(this.#session, swept, control);
    }
  }

  async #sweep(swept: SweptSpace, control: SweepControl): Promise<number | undefined> {
    const removed = await new SweepRun(this.#session, swept, control).run();
    if (removed === undefined) {
      this.#held.add(swept.space);
      this.#postpone(swept.space);
    } else {
      this.#held.delete(swept.space);
    }
    return removed;
  }

  /** Not before there are more ghosts by a quarter. */
  #postpone(space: VectorStore): void {
    this.#retryAt.set(space, Math.ceil(1.25 * space.vectors.counters.ghosts));
  }

  #control(options: CompactOptions, store?: CollectionStore): SweepControl {
    const { onProgress, signal } = options;
    const stopped = this.#stop.signal;
    return new SweepControl({ onProgress, signal, stopped, collection: store?.entry.name });
  }

  #isDue(space: VectorStore): boolean {
    const { ghosts, nodes } = space.vectors.counters;
    if (ghosts < GHOSTS_MIN || ghosts < GHOST_SHARE_MAX * nodes) return false;
    return ghosts >= (this.#retryAt.get(space) ?? 0);
  }

  #diskBytes(): number {
    const { engine, pages } = this.#session.stores;
    const { logBytes, trees } = engine.stats();
    const tables = trees.flatMap(({ levels }) => levels.map(({ bytes }) => bytes));
    return logBytes + tables.reduce((sum, bytes) => sum + bytes, 0) + pages.stats().fileBytes;
  }
}
