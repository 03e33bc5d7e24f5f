/**
 * On which page a new vector goes: pure code over a view of the space. The page number is all that a
 * policy decides; the slot is the page's lowest free one.
 *
 *   affinity  the page of the nearest neighbour with a free slot, else the section's open page, else a new one
 *   section   the section's open page, else a new one
 *   append    the page opened last, else a new one
 *   random    any open page; new ones until as many are open as the list holds
 *
 * A section is the page of the nearest neighbour: when it is full, the page that was last opened for a
 * neighbour of it is the section's open page. While the mean fill is below FILL_MIN, no page is opened as
 * long as an open one is known: the page opened last is taken instead.
 */

export type PlacePolicy = 'affinity' | 'section' | 'append' | 'random';

/**
 * Mean share of slots that are used, below which no page is opened. Denser pages mean fewer of them,
 * but neighbours on more of them. A search (100,000 x 128, ef 40) that has memory for most of its codes
 * reads 16 pages at 0.8, 9 at 0.9 and 3 at 0.95; clusters of vectors lie on 10 % more pages at 0.95. New
 * vectors go to the pages with room: at 0.95 there are half as many for a checkpoint to write as at 0.9.
 */
export const FILL_MIN = 0.95;

/** The answer "open a page". */
export const NEW_PAGE = -1;

export interface PlaceView {
  /** Free slots of a page, 0 when it is not known without a read. */
  freeSlots(page: number): number;
  /** The open page of the section `page`, or -1. */
  sectionPage(page: number): number;
  /** Pages known to have free slots, the one opened first first. */
  readonly openPages: { readonly count: number; at(index: number): number };
  /** Whether the list of open pages can take no more. */
  readonly isOpenFull: boolean;
  /** Whether the mean fill is below FILL_MIN. */
  readonly isSparse: boolean;
  random(): number;
}

/** `neighbourPages`: pages of the chosen neighbours, nearest first; may name a page twice. */
export function choosePage(
  policy: PlacePolicy,
  neighbourPages: readonly number[],
  view: PlaceView,
): number {
  const { openPages } = view;
  const last = openPages.count === 0 ? NEW_PAGE : openPages.at(openPages.count - 1);
  switch (policy) {
    case 'append':
      return last;
    case 'random':
      if (openPages.count === 0 || (!view.isOpenFull && !view.isSparse)) return NEW_PAGE;
      return openPages.at(Math.floor(view.random() * openPages.count));
    case 'affinity':
      for (const page of neighbourPages) if (view.freeSlots(page) > 0) return page;
      return sectionOr(neighbourPages, view, view.isSparse ? last : NEW_PAGE);
    case 'section':
      return sectionOr(neighbourPages, view, view.isSparse ? last : NEW_PAGE);
  }
}

function sectionOr(neighbourPages: readonly number[], view: PlaceView, otherwise: number): number {
  if (neighbourPages.length === 0) return otherwise;
  const section = neighbourPages[0];
  if (view.freeSlots(section) > 0) return section;
  const page = view.sectionPage(section);
  return page >= 0 && view.freeSlots(page) > 0 ? page : otherwise;
}
