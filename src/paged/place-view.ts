/** What a place policy sees of a space: free slots, as far as memory knows them, and the open pages. */
import type { Random } from '../base/random.ts';
import { OPEN_PAGES_MAX } from './open-pages.ts';
import type { PageStates } from './page-states.ts';
import type { PlaceBook } from './place-book.ts';
import type { PlaceView } from './place-policy.ts';

/** Of the space with these states and this book, as they change. */
export function makePlaceView(states: PageStates, book: PlaceBook, random: Random): PlaceView {
  return {
    freeSlots: (page) => {
      if (page >= book.ceiling) return 0;
      const free = states.freeSlots(page);
      return free < 0 ? book.openPages.free(page) : free;
    },
    sectionPage: (section) => book.sections.get(section),
    openPages: book.openPages,
    get isOpenFull() {
      return book.openPages.count === OPEN_PAGES_MAX;
    },
    get isSparse() {
      return book.isSparse;
    },
    random,
  };
}
