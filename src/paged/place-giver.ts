/**
 * Gives the places of a space: chooses a page by the policy, reserves a slot there, and opens a page where none has
 * room. What it knows without a look at any page is in the book, whose open pages are read when they are needed first.
 */
import type { Random } from '../base/random.ts';
import { DatabaseError } from '../errors.ts';
import type { Space } from '../kernels/space.ts';
import { FreePlaces } from './free-places.ts';
import type { Geometry } from './geometry.ts';
import { OPEN_PAGES, type PageMap } from './page-map.ts';
import type { PageStates } from './page-states.ts';
import type { PlaceBook } from './place-book.ts';
import { choosePage, NEW_PAGE, type PlacePolicy, type PlaceView } from './place-policy.ts';
import { makePlaceView } from './place-view.ts';
import { countBits, SlotStates } from './slot-states.ts';
import type { SpacePlan } from './space-plan.ts';

export interface PlaceGiverParts {
  /** The vector space's id in keys of the tree `pages`. */
  readonly id: number;
  readonly space: Space;
  readonly geometry: Geometry;
  readonly map: PageMap;
  /** Named by errors. */
  readonly file: { readonly path: string };
  /** For the policy `random`. */
  readonly random: Random;
  readonly book: PlaceBook;
  readonly states: PageStates;
}

export class PlaceGiver {
  readonly #parts: PlaceGiverParts;
  readonly #view: PlaceView;
  readonly #freePlaces: FreePlaces;
  #hasOpenPages = false;

  constructor(parts: PlaceGiverParts) {
    const { book, states, random } = parts;
    this.#parts = parts;
    this.#view = makePlaceView(states, book, random);
    this.#freePlaces = new FreePlaces(book, (page) => this.#freeSlotsOf(page));
  }

  /**
   * Reserves a slot for a vector whose neighbours are `neighbours`, nearest first; returns its node. RESOURCE_EXHAUSTED
   * when the space has no more node numbers.
   */
  take(neighbours: Uint32Array, policy: PlacePolicy, plan: SpacePlan): number {
    const { book, states, geometry } = this.#parts;
    const { slotsPerPage } = geometry;
    this.load();
    const pages = this.#pagesOf(neighbours);
    if (book.isSparse) this.#freePlaces.find();
    for (;;) {
      const chosen = choosePage(policy, pages, this.#view);
      const page = chosen === NEW_PAGE ? this.#openPage(pages, plan) : chosen;
      const slot = states.read(page).freeSlot(slotsPerPage);
      if (slot >= 0) {
        states.change(page).reserve(slot);
        states.show(page);
        book.count({ nodes: 1 });
        book.noteFree(page, states.freeSlots(page));
        return page * slotsPerPage + slot;
      }
      book.openPages.note(page, 0); // The hint was old.
    }
  }

  /** The list of open pages forgets those from `end` on. */
  keepBelow(end: number): void {
    this.load();
    this.#parts.book.openPages.keepBelow(end);
  }

  /** Reads the list of open pages, if that has not been done. */
  load(): void {
    if (this.#hasOpenPages) return;
    const { id, map, book, file } = this.#parts;
    const bytes = map.get(id, OPEN_PAGES, 'states');
    if (bytes !== undefined) book.openPages.decode(bytes, file.path);
    book.openPages.keepBelow(book.counters.pages);
    // A plan that is undone leaves them known.
    book.openPages.save();
    this.#hasOpenPages = true;
  }

  /** The list in the tree is another one. */
  reload(): void {
    this.#hasOpenPages = false;
  }

  #pagesOf(neighbours: Uint32Array): number[] {
    const { space } = this.#parts;
    const pages: number[] = [];
    for (let i = 0; i < neighbours.length; i++) {
      const page = space.pageOf(neighbours[i]);
      if (page !== pages[pages.length - 1]) pages.push(page);
    }
    return pages;
  }

  #openPage(neighbourPages: readonly number[], plan: SpacePlan): number {
    const { id, book, geometry } = this.#parts;
    const { slotsPerPage, maskWords } = geometry;
    const page = book.counters.pages;
    if (page >= OPEN_PAGES || (page + 1) * slotsPerPage > 2 ** 32) {
      throw new DatabaseError('RESOURCE_EXHAUSTED', `vector space ${id} has no free nodes`);
    }
    plan.opened.add(page);
    plan.plan(page, new SlotStates(maskWords));
    book.count({ pages: 1 });
    book.ceiling = Number.POSITIVE_INFINITY; // There is no room below it: the space grows again.
    book.noteFree(page, slotsPerPage);
    if (neighbourPages.length > 0) book.sections.set(neighbourPages[0], page);
    return page;
  }

  #freeSlotsOf(page: number): number {
    const { states, geometry } = this.#parts;
    const free = states.freeSlots(page);
    return free >= 0 ? free : geometry.slotsPerPage - countBits(states.ofTree(page).used);
  }
}
