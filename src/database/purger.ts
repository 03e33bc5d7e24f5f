/**
 * Deletes what dropped collections held, one after the other, in commits of some records, lists or pages each, beside
 * other writes: records with their indexes first; then, when nobody reads any more what was there before, lists
 * and pages; in the end what is left of the collection in the catalog. A crash leaves the collection dropped, and
 * the next opening goes on.
 */
import { isDatabaseError } from '../errors.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { WriteBatch } from '../lsm/write-batch.ts';
import { bitsHi, pageKey } from '../paged/page-map.ts';
import { deleteCatalogEntry } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import type { SessionHost } from './session-host.ts';
import { TimeSlice } from './time-slice.ts';
import { FIELDS_TREE, GRAPH_TREE, graphHi, PAGES_TREE } from './trees.ts';
import type { VectorStore } from './vector-store.ts';

const RECORDS_PER_TURN = 256;
const LISTS_PER_TURN = 4096;
const PAGES_PER_TURN = 256;
const LAYER_LAST = 255;
/** How often it is looked whether older readers have ended. */
const WAIT_MS = 10;

export class Purger {
  readonly #session: SessionHost;
  #isStopped = false;
  /** Purges, one after the other; never rejects. */
  #tail: Promise<void> = Promise.resolve();

  constructor(session: SessionHost) {
    this.#session = session;
  }

  /** The collection has been dropped. */
  add(store: CollectionStore): void {
    this.#tail = this.#tail.then(() => this.#run(store));
  }

  /** Resolves when nothing is left to do, or it was stopped. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  /** Ends the purge under way after its commit; the next opening goes on. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(store: CollectionStore): Promise<void> {
    try {
      await this.#purge(store);
    } catch (error) {
      if (this.#isStopped) return;
      this.#session.options.onWarning(isDatabaseError(error) ? error : new Error(String(error)));
    }
  }

  async #purge(store: CollectionStore): Promise<void> {
    while ((await this.#deleteRecords(store)) > 0);
    await this.#readersGone();
    for (const space of store.vectorStores) {
      while ((await this.#deleteLists(store, space)) > 0);
      while ((await this.#dropPages(store, space)) > 0);
    }
    // A sweep that was under way ends at its next commit.
    await this.#session.sweeper.idle();
    if (!this.#isStopped) await this.#forget(store);
  }

  async #deleteRecords(store: CollectionStore): Promise<number> {
    if (this.#isStopped) return 0;
    return await this.#session.writeDropped(store, async (plan) => {
      const scan = store.reader.scanHeads(0, plan.sequence);
      const slice = new TimeSlice(this.#session.stores.pace);
      let count = 0;
      try {
        for (let found = scan.next(); found !== undefined; found = scan.next()) {
          plan.delete(found);
          if (++count === RECORDS_PER_TURN) break;
          if (slice.isOver) await slice.yield();
        }
      } finally {
        scan.close();
      }
      return count;
    });
  }

  /** Waits until whoever reads now began after the last record went. */
  async #readersGone(): Promise<void> {
    const { engine } = this.#session.stores;
    const last = engine.appliedSequence;
    await engine.committed(last);
    while (!this.#isStopped) {
      const oldest = engine.oldestSnapshot();
      if (oldest === undefined || oldest >= last) return;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }

  async #deleteLists(store: CollectionStore, { id }: VectorStore): Promise<number> {
    if (this.#isStopped) return 0;
    const range = { fromHi: graphHi(id, 0), toHi: graphHi(id, LAYER_LAST) };
    return await this.#session.writeDropped(store, async (plan) => {
      const { engine } = this.#session.stores;
      const scan = engine.scan(GRAPH_TREE, { ...range, fromLo: 0, toLo: 0xffffffff });
      let count = 0;
      try {
        for (; count < LISTS_PER_TURN && scan.next(); count++) {
          plan.batch.delete(GRAPH_TREE, scan.hi, scan.lo);
        }
      } finally {
        scan.close();
      }
      return count;
    });
  }

  async #dropPages(store: CollectionStore, { id, vectors, graph }: VectorStore): Promise<number> {
    if (this.#isStopped) return 0;
    return await this.#session.writeDropped(store, async (plan) => {
      const pages = vectors.dropLast(PAGES_PER_TURN, 'used too');
      for (const page of pages) {
        plan.batch.delete(PAGES_TREE, id, pageKey(page, 'states'));
        plan.afterCommit(() => graph.forgetPage(page));
      }
      return pages.length;
    });
  }

  /** The catalog forgets the collection, and the pages' tree its spaces. */
  async #forget(store: CollectionStore): Promise<void> {
    const { engine } = this.#session.stores;
    await this.#session.exclusive(async () => {
      // Gives the units of the pages back.
      await this.#session.checkpointer.run();
      const batch = new WriteBatch();
      const fields = store.entry.collection * 256;
      deleteRange(engine, batch, { tree: FIELDS_TREE, fromHi: fields, toHi: fields + 255 });
      for (const { id } of store.vectorStores) {
        for (const hi of [id, bitsHi(id)]) {
          deleteRange(engine, batch, { tree: PAGES_TREE, fromHi: hi, toHi: hi });
        }
      }
      deleteCatalogEntry(batch, store.entry);
      const sequence = engine.write(batch);
      this.#session.forget(store);
      return { result: undefined, durable: engine.committed(sequence) };
    });
  }
}

function deleteRange(
  engine: LsmEngine,
  batch: WriteBatch,
  { tree, fromHi, toHi }: { readonly tree: number; readonly fromHi: number; readonly toHi: number },
): void {
  const scan = engine.scan(tree, { fromHi, fromLo: 0, toHi, toLo: 0xffffffff });
  try {
    while (scan.next()) batch.delete(tree, scan.hi, scan.lo);
  } finally {
    scan.close();
  }
}
