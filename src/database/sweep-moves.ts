/**
 * Where space comes back: after many deletions pages are mostly empty, and hardly any is wholly so. The
 * vectors of the last pages are moved to free places on the ones before, beside their neighbours, until
 * as few pages are left as the default fill asks for; a sweep redirects the edges, the empty pages
 * at the end are given up, and the page file is cut behind what is still used.
 */
import { FILL_MIN } from '../paged/place-policy.ts';
import type { CollectionStore } from './collection-store.ts';
import type { SessionHost } from './session-host.ts';
import { dropLastPages } from './sweep-changes.ts';
import type { SweepControl } from './sweep-control.ts';
import { TimeSlice } from './time-slice.ts';
import { unlessDropped } from './unless-dropped.ts';
import type { VectorStore } from './vector-store.ts';

const MOVES_PER_TURN = 64;
const DROPS_PER_TURN = 256;
const RELOCATIONS_PER_TURN = 64;
const LOOKS_PER_TURN = 1024;
/** Rounds of rewriting pages, each into what the one before left free. */
const ROUNDS_MAX = 4;

/**
 * Share of places with living vectors below which pages are emptied without being asked. Between it and
 * FILL_MIN insertions fill the places again; below it a fifth of the pages can go, for one move a place.
 */
export const LIVING_FILL_MIN = 0.7;

/** A vector space, and the collection that it is of. */
export interface SweptSpace {
  readonly store: CollectionStore;
  readonly space: VectorStore;
}

/** Pages that so many nodes need at the default fill; by default the living ones. */
export function pagesNeeded(
  { vectors }: VectorStore,
  nodes: number = vectors.counters.live,
): number {
  return Math.ceil(nodes / (vectors.geometry.slotsPerPage * FILL_MIN));
}

/** Whether so few places hold living vectors that it is time to empty pages. */
export function isLoose({ vectors }: VectorStore): boolean {
  const { live, pages } = vectors.counters;
  return live < LIVING_FILL_MIN * pages * vectors.geometry.slotsPerPage;
}

/** Moves the vectors of all pages from `target` on; they are ghosts afterwards. Returns how many. */
export async function emptyLastPages(
  session: SessionHost,
  { store, space }: SweptSpace,
  { target, control }: { readonly target: number; readonly control: SweepControl },
): Promise<number> {
  const { vectors } = space;
  const { slotsPerPage } = vectors.geometry;
  const total = vectors.counters.pages - target;
  let moved = 0;
  let page = vectors.counters.pages - 1;
  // When there is no room before the target, a page was opened, and the space grows again.
  while (page >= target && vectors.ceiling === target) {
    control.proceed({ phase: 'move', done: target + total - 1 - page, total });
    const last = page;
    const piece = await session.write(store, async (plan) => {
      const slice = new TimeSlice(session.stores.pace);
      let count = 0;
      let next = last;
      for (; next >= target && count < MOVES_PER_TURN; next--) {
        const states = vectors.states.read(next);
        for (let slot = 0; slot < slotsPerPage; slot++) {
          const node = next * slotsPerPage + slot;
          if (!vectors.isLive(node) || !states.isUsed(slot)) continue;
          plan.move(space, node);
          count++;
          // The space had to grow: a copy may lie on a page that is yet to be looked at.
          if (vectors.ceiling !== target) return { next: target - 1, count };
          if (slice.isOver) await slice.yield();
        }
      }
      return { next, count };
    });
    page = piece.next;
    moved += piece.count;
  }
  return moved;
}

/** Gives the empty pages at the end up; returns how many. */
export async function dropEmptyPages(
  session: SessionHost,
  { store, space }: SweptSpace,
  control: SweepControl,
): Promise<number> {
  let dropped = 0;
  for (;;) {
    control.proceed();
    const count = await session.write(store, async (plan) =>
      dropLastPages(plan, space, DROPS_PER_TURN),
    );
    dropped += count;
    if (count < DROPS_PER_TURN) return dropped;
  }
}

/**
 * Rewrites the slices at the end of the page file into free units before them, and cuts the file, when it
 * has at least `slackBytes` more than it needs; returns the bytes that went.
 */
export async function shrinkPageFile(
  session: SessionHost,
  { slackBytes, control }: { readonly slackBytes: number; readonly control: SweepControl },
): Promise<number> {
  const { pages, writer } = session.stores;
  await writer.run(() => session.checkpointer.run());
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { fileBytes, takenBytes, heldBytes } = pages.stats();
    const neededBytes = takenBytes - heldBytes;
    if (fileBytes - neededBytes <= slackBytes) break;
    let relocated = 0;
    for (const store of session.collections.open) {
      for (const space of store.vectorStores) {
        const unit = pages.unitsIn(neededBytes);
        const work = () => relocatePages(session, { store, space }, { unit, control });
        relocated += (await unlessDropped(store, work)) ?? 0;
      }
    }
    await writer.run(() => session.checkpointer.run());
    if (relocated === 0) break;
  }
  return await writer.run(async () => {
    await session.checkpointer.idle();
    return pages.shrinkFile(slackBytes);
  });
}

/** Lets checkpoints write the pages with slices beyond `unit` anew; returns how many. */
async function relocatePages(
  session: SessionHost,
  { store, space }: SweptSpace,
  { unit, control }: { readonly unit: number; readonly control: SweepControl },
): Promise<number> {
  const { vectors } = space;
  let relocated = 0;
  for (let page = 0; page < vectors.counters.pages; ) {
    control.proceed({ phase: 'pages', done: page, total: vectors.counters.pages });
    const from = page;
    const piece = await session.write(store, async (plan) => {
      const end = Math.min(vectors.counters.pages, from + LOOKS_PER_TURN);
      let count = 0;
      let next = from;
      for (; next < end && count < RELOCATIONS_PER_TURN; next++) {
        if (vectors.relocate(next, unit)) count++;
      }
      if (count > 0) plan.noteRepair();
      return { next, count };
    });
    page = piece.next;
    relocated += piece.count;
  }
  return relocated;
}
