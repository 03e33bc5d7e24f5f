/**
 * The end of a transaction, in one turn of the writer: first it is looked whether everything that it read
 * and wrote by id is still as it saw it, then its changes become one commit.
 *
 * A record has changed when what is stored for its id differs: another record, other metadata, text or vectors,
 * another expiry, or that it has expired meanwhile. Writing the same again is no change, nor is a sweep that
 * moves a vector to another place.
 */
import { DatabaseError } from '../errors.ts';
import type { CheckedRecord } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { encodeHead, type Head, NO_NAMED, NO_NODE, nodeOf } from './head.ts';
import { findLiving, hasExpired, type ReadView } from './read-view.ts';
import { decodeId } from './record-id.ts';
import type { FoundRecord } from './record-reader.ts';
import type { Session } from './session.ts';
import { TimeSlice } from './time-slice.ts';
import type { Change, TouchedId, TransactionBuffer } from './transaction-buffer.ts';
import { describe } from './validate.ts';
import type { NewContent, WritePlan } from './write-plan.ts';

/** Commits what the buffers hold; `CONFLICT` and nothing else when it no longer fits. `view` is held. */
export async function commitTransaction(
  session: Session,
  view: ReadView,
  buffers: readonly TransactionBuffer[],
): Promise<void> {
  const changed = buffers.filter(({ changedCount }) => changedCount > 0);
  // Whoever only read has read one commit: nothing can be wrong with it.
  if (changed.length === 0) return;
  await session.modify(() =>
    session.writeAll(
      changed.map(({ store }) => store),
      async (plans) => {
        for (const buffer of buffers) await requireUnchanged(buffer, view, plans[0]);
        for (const [i, buffer] of changed.entries()) await applyChanges(plans[i], buffer);
      },
    ),
  );
}

async function requireUnchanged(
  { store, touched }: TransactionBuffer,
  view: ReadView,
  present: ReadView,
): Promise<void> {
  const slice = new TimeSlice();
  const isQuiet = store.changedSequence <= view.sequence;
  const { isDropped } = store.entry;
  for (const one of touched) {
    const isAsSeen = isQuiet ? !isGone(one, present) : !hasChanged(store, one, view, present);
    // What takes the place of a collection that was emptied may have any record by now.
    if (isDropped || !isAsSeen) {
      const id = describe(decodeId(one.id));
      const where = one.namespace === '' ? '' : ` of namespace ${describe(one.namespace)}`;
      throw new DatabaseError(
        'CONFLICT',
        `record ${id}${where} in '${store.entry.name}' has changed since the transaction began; ` +
          'nothing was written: run it again, as retry() does',
      );
    }
    if (slice.isOver) await slice.yield();
  }
}

/** Where nothing was committed meanwhile, a record can still have expired. */
function isGone({ base }: TouchedId, present: ReadView): boolean {
  return base !== undefined && hasExpired(base.head, present);
}

function hasChanged(
  store: CollectionStore,
  touched: TouchedId,
  view: ReadView,
  present: ReadView,
): boolean {
  const { base } = touched;
  const found = findLiving(store.reader, touched, present);
  if (base === undefined || found === undefined) return base !== found;
  if (base.record !== found.record || !hasSameHead(store, base, found)) return true;
  const [before, after] = [view, present].map(({ sequence }) =>
    store.reader.bodyBytes(base.record, sequence),
  );
  if (before === undefined || after === undefined) return before !== after;
  return !isEqual(before, after);
}

/** Equal but for the places of equal vectors. */
function hasSameHead(store: CollectionStore, base: FoundRecord, found: FoundRecord): boolean {
  const withoutNodes = (head: Head): Uint8Array =>
    encodeHead({ ...head, node: NO_NODE, named: NO_NAMED });
  if (!isEqual(withoutNodes(base.head), withoutNodes(found.head))) return false;
  return store.vectorStores.every(({ ordinal, vectors }) => {
    const [before, after] = [base, found].map(({ head }) => nodeOf(head, ordinal));
    if (before === after) return true;
    if (before === NO_NODE || after === NO_NODE) return false;
    const [a, b] = [before, after].map((node) => vectors.readVector(node));
    return a.every((value, i) => Object.is(value, b[i]));
  });
}

async function applyChanges(plan: WritePlan, { store, changed }: TransactionBuffer): Promise<void> {
  const slice = plan.beginSlice();
  for (const { namespace, id, change } of changed) {
    const found = plan.find(namespace, id);
    if (change === undefined) continue;
    const { record } = change;
    if (record === undefined) {
      if (found !== undefined) plan.delete(found);
    } else if (found === undefined) {
      await plan.insert(record);
    } else {
      await plan.replace(found, record.id, newContent(store, record, change));
    }
    if (slice.isOver) await slice.yield();
  }
}

function newContent(
  { named }: CollectionStore,
  record: CheckedRecord,
  { kept, keepsExpiry }: Change,
): NewContent {
  const changed = [...named.keys()].filter((name) => !kept.has(name));
  return {
    ...record,
    vector: kept.has('') ? 'kept' : record.vector,
    named: new Map(changed.map((name) => [name, record.named.get(name)])),
    keepsNamed: true,
    ttlMs: keepsExpiry ? 'kept' : record.ttlMs,
  };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
