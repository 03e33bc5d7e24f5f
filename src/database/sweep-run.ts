/**
 * One sweep of a vector space, a piece a commit: each piece takes a turn of the writer like any other write, so
 * users' writes go on in between. What a piece does is in `hnsw/sweep.ts`; here is the order of the pieces,
 * and when places become free.
 *
 * A place becomes free when no edge leads to it any more and nobody can still hold it: neither a search
 * or scan that began before the last edge went, nor a backup; all of them hold a snapshot. From then on it
 * may be given again at once.
 *
 * A crash leaves lists repaired up to some piece and all ghosts where they were; the next sweep begins anew.
 * What it holds in memory is a few bits for each place (`GraphSweep.bytes`).
 */

import { NodeBits } from '../hnsw/node-bits.ts';
import type { GraphSweep, ListKey } from '../hnsw/sweep.ts';
import { decodeList } from '../lsm/list-codec.ts';
import type { SessionHost } from './session-host.ts';
import { findingEntry, freeGhost } from './sweep-changes.ts';
import type { SweepControl } from './sweep-control.ts';
import type { SweptSpace } from './sweep-moves.ts';
import { TimeSlice } from './time-slice.ts';
import { GRAPH_TREE, graphHi } from './trees.ts';
import type { VectorStore } from './vector-store.ts';
import type { WritePlan } from './write-plan.ts';

/** Of one piece: about ten milliseconds each, in slices, and one commit. */
const LISTS_PER_TURN = 4096;
const REPAIRS_PER_TURN = 256;
/** When ghosts come faster than sweeps take them out, each turn does more, and writes wait longer for theirs. */
const GHOST_SHARE_PRESSING = 0.15;
const LINKS_PER_TURN = 32;
const REACHING_PASSES_MAX = 8;
const FREED_PER_TURN = 512;
const PAGES_PER_TURN = 256;

const LAYER_LAST = 255;
/** How often it is looked whether older readers have ended. */
const WAIT_MS = 10;
/** So often at least it is looked whether transactions end: a snapshot is not waited for. */
const LOOKS_MIN = 50;

export class SweepRun {
  readonly #session: SessionHost;
  readonly #store: SweptSpace['store'];
  readonly #space: VectorStore;
  readonly #control: SweepControl;

  constructor(session: SessionHost, { store, space }: SweptSpace, control: SweepControl) {
    this.#session = session;
    this.#store = store;
    this.#space = space;
    this.#control = control;
  }

  /**
   * Removes the ghosts that there are now; returns how many places became free. Undefined when a snapshot or a
   * transaction stays open that may see them: whoever holds it may be waiting for this. Then the ghosts are out
   * of all lists, and keep their places.
   */
  async run(): Promise<number | undefined> {
    const ghosts = await this.#gatherGhosts();
    if (ghosts.count === 0) return 0;
    const { graph } = this.#space;
    const sweep = graph.beginSweep(ghosts);
    try {
      await this.#repairLists(sweep);
      await this.#replaceEntry(sweep);
      await this.#relinkAbove(sweep);
      await this.#relink(sweep, (node) => sweep.needsLink(node));
      await this.#repairAgain(sweep);
      await this.#reachAll(sweep);
      await this.#relink(sweep, (node) => !sweep.isReached(node));
      await this.#repairAgain(sweep);
      return (await this.#readersGone()) ? await this.#freePlaces(sweep) : undefined;
    } finally {
      graph.endSweep();
    }
  }

  async #gatherGhosts(): Promise<NodeBits> {
    const ghosts = new NodeBits();
    const { vectors } = this.#space;
    const { slotsPerPage } = vectors.geometry;
    await this.#eachPages(async (from, to) => {
      await this.#session.stores.writer.run(async () => {
        const end = Math.min(to, vectors.counters.pages);
        const slice = this.#slice();
        for (let page = from; page < end; page++) {
          for (const slot of vectors.states.read(page).ghosts.keys()) {
            ghosts.add(page * slotsPerPage + slot);
          }
          if (slice.isOver) await slice.yield();
        }
      });
    });
    return ghosts;
  }

  async #repairLists(sweep: GraphSweep): Promise<void> {
    const total = this.#space.vectors.counters.nodes;
    let at: ListKey | undefined = { layer: 0, node: 0 };
    let done = 0;
    while (at !== undefined) {
      const from: ListKey = at;
      this.#control.proceed({ phase: 'sweep', done, total });
      const piece = await this.#write(async (plan) => {
        const found = await this.#examine(sweep, from);
        await this.#repair(sweep, plan, found.damaged);
        return found;
      });
      at = piece.next;
      done = Math.min(total, done + piece.examined);
    }
  }

  /** Looks at lists from `from` on; `next` is undefined at the end. */
  async #examine(
    sweep: GraphSweep,
    from: ListKey,
  ): Promise<{ damaged: ListKey[]; examined: number; next: ListKey | undefined }> {
    const { engine } = this.#session.stores;
    const { id, space, vectors } = this.#space;
    const ids = new Uint32Array(4 * Math.max(space.capBottom, space.capUpper));
    const scan = engine.scan(GRAPH_TREE, {
      fromHi: graphHi(id, from.layer),
      fromLo: from.node,
      toHi: graphHi(id, LAYER_LAST),
      toLo: 0xffffffff,
    });
    const { ghosts, nodes } = vectors.counters;
    const repairsMax = REPAIRS_PER_TURN * (ghosts > GHOST_SHARE_PRESSING * nodes ? 2 : 1);
    const damaged: ListKey[] = [];
    let examined = 0;
    const slice = this.#slice();
    try {
      while (scan.next()) {
        const at = { layer: scan.hi & LAYER_LAST, node: scan.lo };
        if (examined === LISTS_PER_TURN || damaged.length === repairsMax) {
          return { damaged, examined, next: at };
        }
        examined++;
        const count = decodeList(scan.value, ids);
        if (sweep.examine(at.layer, at.node, ids, count)) damaged.push(at);
        if (slice.isOver) await slice.yield();
      }
    } finally {
      scan.close();
    }
    return { damaged, examined, next: undefined };
  }

  async #repair(sweep: GraphSweep, plan: WritePlan, keys: readonly ListKey[]): Promise<void> {
    const slice = this.#slice();
    for (const { layer, node } of keys) {
      plan.noteRepair();
      sweep.repair(layer, node);
      if (slice.isOver) await slice.yield();
    }
  }

  async #replaceEntry(sweep: GraphSweep): Promise<void> {
    await this.#write(async (plan) => {
      const { entry } = this.#space.graph;
      if (entry === undefined || !sweep.ghosts.has(entry.node)) return;
      plan.noteRepair();
      const { engine } = this.#session.stores;
      const finding = findingEntry(engine, this.#space, entry.layer);
      sweep.replaceEntry(await this.#slice().run(finding));
    });
  }

  /**
   * Passes over all lists of layer 0 until one reaches nothing new: three or so, since most lists lead anywhere. What
   * commits meanwhile reach does not count, and passes have an end: beside steady writes none might be the last.
   */
  async #reachAll(sweep: GraphSweep): Promise<void> {
    sweep.beginReaching();
    for (let pass = 0, found = 1; found > 0 && pass < REACHING_PASSES_MAX; pass++) {
      found = 0;
      for (let from: number | undefined = 0; from !== undefined; ) {
        const first: number = from;
        this.#control.proceed();
        const piece = await this.#session.stores.writer.run(() => this.#reachFrom(sweep, first));
        found += piece.found;
        from = piece.next;
      }
    }
  }

  /** By the lists of layer 0 from a node on: how many it reaches, and the node to go on with. */
  async #reachFrom(
    sweep: GraphSweep,
    first: number,
  ): Promise<{ readonly found: number; readonly next: number | undefined }> {
    const { engine } = this.#session.stores;
    const { id, space } = this.#space;
    const ids = new Uint32Array(4 * Math.max(space.capBottom, space.capUpper));
    const hi = graphHi(id, 0);
    const scan = engine.scan(GRAPH_TREE, {
      fromHi: hi,
      fromLo: first,
      toHi: hi,
      toLo: 0xffffffff,
    });
    const slice = this.#slice();
    let found = 0;
    try {
      for (let examined = 0; scan.next(); examined++) {
        if (examined === LISTS_PER_TURN) return { found, next: scan.lo };
        found += sweep.reach(scan.lo, ids, decodeList(scan.value, ids));
        if (slice.isOver) await slice.yield();
      }
    } finally {
      scan.close();
    }
    return { found, next: undefined };
  }

  async #relinkAbove(sweep: GraphSweep): Promise<void> {
    for (let i = 0; i < sweep.weakAbove.length; i += LINKS_PER_TURN) {
      this.#control.proceed();
      const keys = sweep.weakAbove.slice(i, i + LINKS_PER_TURN);
      await this.#write((plan) => this.#link(sweep, plan, keys));
    }
  }

  /** Links the living nodes of layer 0 again that `needsLink`. */
  async #relink(sweep: GraphSweep, needsLink: (node: number) => boolean): Promise<void> {
    const { vectors } = this.#space;
    const { slotsPerPage } = vectors.geometry;
    for (let page = 0; page < vectors.counters.pages; ) {
      const from = page;
      this.#control.proceed({ phase: 'link', done: page, total: vectors.counters.pages });
      page = await this.#write(async (plan) => {
        const keys: ListKey[] = [];
        const slice = this.#slice();
        const end = Math.min(from + PAGES_PER_TURN, vectors.counters.pages);
        let next = from;
        for (; next < end && keys.length < LINKS_PER_TURN; next++) {
          const states = vectors.states.read(next);
          for (let slot = 0; slot < slotsPerPage; slot++) {
            const node = next * slotsPerPage + slot;
            if (states.isLive(slot) && needsLink(node)) keys.push({ layer: 0, node });
          }
          if (slice.isOver) await slice.yield();
        }
        await this.#link(sweep, plan, keys);
        return next;
      });
    }
  }

  async #link(sweep: GraphSweep, plan: WritePlan, keys: readonly ListKey[]): Promise<void> {
    const { vectors } = this.#space;
    const slice = this.#slice();
    for (const key of keys) {
      // Deleted since: the next sweep's.
      if (!vectors.isLive(key.node)) continue;
      plan.noteRepair();
      sweep.relink(key, vectors.readVector(key.node));
      if (slice.isOver) await slice.yield();
    }
  }

  /** Lists that plans wrote meanwhile. */
  async #repairAgain(sweep: GraphSweep): Promise<void> {
    while (sweep.revisit(1).length > 0) {
      this.#control.proceed();
      await this.#write((plan) => this.#repair(sweep, plan, sweep.revisit(REPAIRS_PER_TURN)));
    }
  }

  /** Waits until whoever reads now began after the last edge to a ghost went; false when that may never be. */
  async #readersGone(): Promise<boolean> {
    const { stores, views } = this.#session;
    const { engine } = stores;
    const last = engine.appliedSequence;
    await engine.committed(last);
    for (let looks = 1; ; looks++) {
      this.#control.proceed();
      const oldest = engine.oldestSnapshot();
      if (oldest === undefined || oldest >= last) return true;
      if (looks >= LOOKS_MIN && (views.oldest ?? last) < last) return false;
      await this.#control.pause(WAIT_MS);
    }
  }

  async #freePlaces(sweep: GraphSweep): Promise<number> {
    const { vectors } = this.#space;
    const { slotsPerPage } = vectors.geometry;
    let freed = 0;
    for (let page = 0; page < vectors.counters.pages; ) {
      const from = page;
      this.#control.proceed({ phase: 'free', done: page, total: vectors.counters.pages });
      const piece = await this.#write(async (plan) => {
        // No walk comes to a ghost of the sweep any more; if one did, its edges go first.
        await this.#repair(sweep, plan, sweep.revisit(Number.POSITIVE_INFINITY));
        const ghosts: number[] = [];
        const slice = this.#slice();
        const end = Math.min(from + PAGES_PER_TURN, vectors.counters.pages);
        let next = from;
        for (; next < end && ghosts.length < FREED_PER_TURN; next++) {
          for (const slot of vectors.states.read(next).ghosts.keys()) {
            const node = next * slotsPerPage + slot;
            if (sweep.ghosts.has(node)) ghosts.push(node);
          }
          if (slice.isOver) await slice.yield();
        }
        for (const ghost of ghosts) {
          freeGhost(plan, this.#space, sweep, ghost);
          if (slice.isOver) await slice.yield();
        }
        return { next, freed: ghosts.length };
      });
      page = piece.next;
      freed += piece.freed;
    }
    return freed;
  }

  async #eachPages(visit: (from: number, to: number) => Promise<void>): Promise<void> {
    const { vectors } = this.#space;
    for (let page = 0; page < vectors.counters.pages; page += PAGES_PER_TURN) {
      this.#control.proceed();
      await visit(page, page + PAGES_PER_TURN);
    }
  }

  #slice(): TimeSlice {
    return new TimeSlice(this.#session.stores.pace);
  }

  #write<T>(prepare: (plan: WritePlan) => Promise<T>): Promise<T> {
    return this.#session.write(this.#store, prepare);
  }
}
