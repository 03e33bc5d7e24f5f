/**
 * The heads of the records that a call selects by namespace and filter, in the order of record numbers: from indexes
 * where the filter asks one, else of all records. Both are candidates: `isSelected` decides.
 */
import { recordsOf } from '../filter/record-set.ts';
import type { CheckedSelection } from './check-calls.ts';
import type { CollectionStore } from './collection-store.ts';
import { asksAnIndex, findMatches } from './filter-matches.ts';
import type { FoundRecord, HeadScan } from './record-reader.ts';
import type { Stores } from './stores.ts';

/** Reads the tree at `sequence`, which the caller holds; closes nothing but what it gives. */
export async function openSelectedHeads(
  stores: Stores,
  store: CollectionStore,
  of: { selection: CheckedSelection; sequence: number; fromRecord: number },
): Promise<HeadScan> {
  const { selection, sequence, fromRecord } = of;
  const query = { store, ...selection, sequence };
  const matches = asksAnIndex(stores, query) ? await findMatches(stores, query) : undefined;
  if (matches === undefined) return store.reader.scanHeads(fromRecord, sequence);
  const numbers = recordsOf(matches.records);
  const next = (): FoundRecord | undefined => {
    for (let at = numbers.next(); !at.done; at = numbers.next()) {
      const record = at.value;
      const head = record < fromRecord ? undefined : store.reader.head(record, sequence);
      if (head !== undefined) return { record, head };
    }
    return undefined;
  };
  return { next, close: () => {} };
}
