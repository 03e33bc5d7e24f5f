/**
 * Deletes records that have expired, by ordinary commits: a batch at a time, some while after they expired, or
 * when `compact` asks. Readers do not depend on it: for them a record is gone at once.
 */
import { isDatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';
import type { SessionHost } from './session-host.ts';
import { TimeSlice } from './time-slice.ts';
import { unlessDropped } from './unless-dropped.ts';

/** Deleted by one commit, so that other writes do not wait long. */
const DELETED_PER_TURN = 256;
/** What expires within this time goes together. */
const GATHER_MS = 1000;
/** The clock may jump: it is looked at so often at least while there is something to wait for. */
const WAIT_MS_MAX = 60_000;

export class Expirer {
  readonly #session: SessionHost;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  /** Never rejects. */
  #running: Promise<void> | undefined;

  constructor(session: SessionHost) {
    this.#session = session;
  }

  /** After a commit, or when a collection is opened: sees to it that its records go when they expire. */
  note(store: CollectionStore): void {
    const { soonest } = store.expiries;
    if (soonest === Number.POSITIVE_INFINITY || this.#isStopped) return;
    if (this.#running !== undefined) return;
    const waitMs = soonest - this.#session.now();
    if (waitMs <= 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#running = this.#runInBackground();
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(
        () => {
          this.#timer = undefined;
          this.#noteAll();
        },
        Math.min(WAIT_MS_MAX, waitMs + GATHER_MS),
      );
      this.#timer.unref();
    }
  }

  /** Deletes everything that has expired by now. */
  async purgeAll(): Promise<void> {
    await this.idle();
    for (const store of this.#session.collections.open) {
      await unlessDropped(store, () => this.#purge(store));
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  #noteAll(): void {
    for (const store of this.#session.collections.open) this.note(store);
  }

  async #runInBackground(): Promise<void> {
    try {
      for (const store of this.#session.collections.open) {
        await unlessDropped(store, () => this.#purge(store));
      }
      this.#running = undefined;
      this.#noteAll();
    } catch (error) {
      // The next commit asks again.
      this.#running = undefined;
      if (this.#isStopped) return;
      if (!isDatabaseError(error)) throw error;
      this.#session.options.onWarning(error);
    }
  }

  async #purge(store: CollectionStore): Promise<void> {
    while (store.expiries.soonest <= this.#session.now() && !this.#isStopped) {
      await this.#session.write(store, async (plan) => {
        const { records } = store.expiries.at(plan);
        const slice = new TimeSlice(this.#session.stores.pace);
        for (const record of records.slice(0, DELETED_PER_TURN)) {
          const head = store.reader.head(record, plan.sequence);
          if (head !== undefined) plan.delete({ record, head });
          if (slice.isOver) await slice.yield();
        }
      });
      store.expiries.refresh(this.#session.now());
    }
  }
}
