/**
 * Finds pages with free slots that the list of open pages has forgotten: it holds few, and a sweep frees
 * places on thousands. When the list is empty although slots are free, a window of pages is looked at, going
 * round, so that each page is looked at once a round.
 */
import { OPEN_PAGES_MAX } from './open-pages.ts';
import type { PlaceBook } from './place-book.ts';

/** Pages that one call looks at, each perhaps a read of the tree: about a millisecond. */
const WINDOW_PAGES = 256;

export class FreePlaces {
  readonly #book: PlaceBook;
  readonly #freeSlots: (page: number) => number;
  #next = 0;

  /** `freeSlots` gives those of a page that is there. */
  constructor(book: PlaceBook, freeSlots: (page: number) => number) {
    this.#book = book;
    this.#freeSlots = freeSlots;
  }

  /** Fills the list of open pages if it is empty. */
  find(): void {
    const { openPages, counters, ceiling } = this.#book;
    if (openPages.count > 0) return;
    const end = Math.min(counters.pages, ceiling);
    const window = Math.min(WINDOW_PAGES, end);
    for (let i = 0; i < window && openPages.count < OPEN_PAGES_MAX; i++) {
      const page = this.#next < end ? this.#next : 0;
      this.#next = page + 1;
      const free = this.#freeSlots(page);
      if (free > 0) openPages.note(page, free);
    }
  }
}
