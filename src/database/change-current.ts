/**
 * Changes of a collection that may be emptied before their turn comes. Emptying puts another store in its place
 * (`collection-catalog.ts`): what is written to the old one would be deleted with it.
 */
import { isDatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';
import type { Session } from './session.ts';

/** Changes what is in the place of `store`, and again what has taken that place meanwhile. NOT_FOUND when it was dropped. */
export async function changeCurrent<T>(
  session: Pick<Session, 'collections'>,
  store: CollectionStore,
  change: (current: CollectionStore) => Promise<T>,
): Promise<T> {
  for (;;) {
    const current = session.collections.current(store);
    try {
      return await change(current);
    } catch (error) {
      if (current.successor === undefined) throw error;
      if (!isDatabaseError(error) || error.code !== 'CONFLICT') throw error;
    }
  }
}
