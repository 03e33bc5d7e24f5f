/** Many searches of one collection as of one commit, shared out among all threads. */
import { DatabaseError, isDatabaseError } from '../errors.ts';
import type { WithFilter } from './checked-filter.ts';
import { CollectionReads } from './collection-reads.ts';
import type { CollectionStore } from './collection-store.ts';
import type { ViewSource } from './read-view.ts';
import type { Hit, SearchOptions } from './record.ts';
import { type CheckedSearch, checkSearch, checkSignal } from './search-plan.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import { checkKeys, describe, invalid } from './validate.ts';

/** Options of `searchMany`. */
export interface SearchManyOptions {
  /** Ends all of them with `ABORTED`. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** @internal All of them, before any is run; what is wrong names the position of the search. */
export function checkSearches(
  queries: readonly WithFilter<SearchOptions>[],
  options: SearchManyOptions,
  collection: CollectionStore['options'],
): CheckedSearch[] {
  checkKeys(options, ['signal'], 'searchMany');
  const signal = checkSignal(options.signal);
  if (!Array.isArray(queries)) {
    throw invalid(`queries: expected an array of searches, got ${describe(queries)}`);
  }
  return Array.from(queries as readonly WithFilter<SearchOptions>[], (query, i) => {
    try {
      const checked = checkSearch(query, collection);
      return { ...checked, signal: eitherOf(signal, checked.signal) };
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      throw new DatabaseError(error.code, `queries[${i}]: ${error.message}`, { cause: error });
    }
  });
}

/**
 * The hits of each search, in their order; all of one view. With workers many are under way at a time, without
 * one after the other; in slices. The first error ends them all.
 * @internal
 */
export async function searchMany<Meta>(
  session: Session,
  store: CollectionStore,
  views: ViewSource,
  searches: readonly CheckedSearch[],
): Promise<Hit<Meta>[][]> {
  const view = views.hold();
  const borrow = () => ({ sequence: view.sequence, now: view.now, release: () => {} });
  const shared: ViewSource = {
    current: view,
    hold: borrow,
    follow: borrow,
    assertOpen: () => views.assertOpen(),
  };
  const reads = new CollectionReads(session, store, shared);
  const answers = new Array<Hit<Meta>[]>(searches.length);
  const slice = new TimeSlice();
  const { walkRunner } = session.stores;
  let next = 0;
  const together = async (): Promise<void> => {
    for (let first = 0; first < searches.length; ) {
      first = reads.searchTogether<Meta>(searches, first, { answers, isOver: () => slice.isOver });
      if (slice.isOver) await slice.yield();
    }
  };
  const lane = async (): Promise<void> => {
    while (next < searches.length) {
      const i = next++;
      if (answers[i] !== undefined) continue;
      try {
        const search = searches[i];
        answers[i] = reads.searchNow<Meta>(search) ?? (await reads.search<Meta>(search)).hits;
      } catch (error) {
        next = searches.length;
        throw error;
      }
      if (slice.isOver) await slice.yield();
    }
  };
  // Some walk while others are refined and read.
  const lanes = walkRunner?.lanes ?? 1;
  try {
    if (walkRunner !== undefined) await together();
    const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return answers;
  } finally {
    view.release();
  }
}

function eitherOf(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a !== undefined && b !== undefined ? AbortSignal.any([a, b]) : (a ?? b);
}
