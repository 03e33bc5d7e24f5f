/**
 * Work on collections that nobody asked for by name, as compaction and the deletion of expired records are: a
 * collection that is dropped or emptied meanwhile is no failure of it.
 */
import { isDatabaseError } from '../errors.ts';
import type { CollectionStore } from './collection-store.ts';

/** What `work` on the collection gives; undefined when the collection was dropped before or meanwhile. */
export async function unlessDropped<T>(
  store: CollectionStore,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (store.entry.isDropped) return undefined;
  try {
    return await work();
  } catch (error) {
    if (!isGone(store, error)) throw error;
    return undefined;
  }
}

/** Whether the error says that the collection is there no more (`CollectionStore.gone`). */
function isGone({ entry }: CollectionStore, error: unknown): boolean {
  if (!entry.isDropped || !isDatabaseError(error)) return false;
  return error.code === 'NOT_FOUND' || error.code === 'CONFLICT';
}
