/** Writes of one collection, each one commit, in the order of the calls. Arguments have been checked. */
import { DatabaseError } from '../errors.ts';
import type { NodeBits } from '../hnsw/node-bits.ts';
import type { CheckedSelection, CheckedUpdate } from './check-calls.ts';
import type { CheckedRecord } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { mergePatch } from './merge-patch.ts';
import { hasExpired } from './read-view.ts';
import type { UpsertResult } from './record.ts';
import { decodeId } from './record-id.ts';
import { type FoundRecord, isSelected } from './record-reader.ts';
import { openSelectedHeads } from './selected-heads.ts';
import type { Session } from './session.ts';
import { checkMetadata, describe } from './validate.ts';
import type { NewContent, WritePlan } from './write-plan.ts';

export async function upsertRecords(
  session: Session,
  store: CollectionStore,
  records: readonly CheckedRecord[],
): Promise<UpsertResult> {
  return await session.write(store, async (plan) => {
    let inserted = 0;
    await inSlices(plan, records, async (record) => {
      const found = plan.find(record.namespace, record.id);
      if (found === undefined) {
        await plan.insert(record);
        inserted++;
      } else {
        await plan.replace(found, record.id, record);
      }
    });
    return { inserted, replaced: records.length - inserted };
  });
}

/**
 * Gives records that were loaded without them their vectors in named spaces; not those that were `changed` since, to
 * which these are added.
 */
export async function addNamedVectors(
  session: Session,
  store: CollectionStore,
  { records, changed }: { readonly records: readonly CheckedRecord[]; readonly changed: NodeBits },
): Promise<void> {
  await session.write(store, async (plan) => {
    await inSlices(plan, records, async ({ namespace, id, named }) => {
      const found = plan.find(namespace, id);
      if (found === undefined || changed.has(found.record)) return;
      if (named.size > 0) await plan.replaceNamed(found, named);
      else changed.add(found.record);
    });
  });
}

export async function insertRecords(
  session: Session,
  store: CollectionStore,
  records: readonly CheckedRecord[],
): Promise<{ inserted: number }> {
  return await session.write(store, async (plan) => {
    await inSlices(plan, records, async (record) => {
      if (plan.find(record.namespace, record.id) !== undefined) {
        throw alreadyThere(record.id);
      }
      await plan.insert(record);
    });
    return { inserted: records.length };
  });
}

export async function updateRecord(
  session: Session,
  store: CollectionStore,
  at: { readonly namespace: string; readonly id: Uint8Array },
  changes: CheckedUpdate,
): Promise<boolean> {
  return await session.write(store, async (plan) => {
    const found = plan.find(at.namespace, at.id);
    if (found === undefined) return false;
    await plan.replace(found, found.head.id, updatedContent(store, found, { plan, changes }));
    return true;
  });
}

/** Deletes those of the ids that are there; gives how many. */
export async function deleteRecords(
  session: Session,
  store: CollectionStore,
  { namespace, ids }: { readonly namespace: string; readonly ids: readonly Uint8Array[] },
): Promise<number> {
  return await session.write(store, async (plan) => {
    const deleted = new Set<number>();
    await inSlices(plan, ids, async (id) => {
      const found = plan.find(namespace, id);
      if (found === undefined || deleted.has(found.record)) return;
      plan.delete(found);
      deleted.add(found.record);
    });
    return deleted.size;
  });
}

/** Deletes the records of a namespace, those that pass a filter, or both, in one commit; gives how many. */
export async function deleteSelected(
  session: Session,
  store: CollectionStore,
  selection: CheckedSelection,
): Promise<number> {
  return await session.write(store, async (plan) => {
    const slice = plan.beginSlice();
    const from = { selection, sequence: plan.sequence, fromRecord: 0 };
    const scan = await openSelectedHeads(session.stores, store, from);
    let deleted = 0;
    try {
      for (let found = scan.next(); found !== undefined; found = scan.next()) {
        if (isSelected(store.reader, selection, { ...found, sequence: plan.sequence })) {
          plan.delete(found);
          if (!hasExpired(found.head, plan)) deleted++;
        }
        if (slice.isOver) await slice.yield();
      }
    } finally {
      scan.close();
    }
    return deleted;
  });
}

/** The error of an insertion; `id` is encoded. */
export function alreadyThere(id: Uint8Array): DatabaseError {
  const name = describe(decodeId(id));
  const message = `id: ${name} is there already; use upsert to replace it`;
  return new DatabaseError('ALREADY_EXISTS', message);
}

/** What is stored, with what is changed. */
function updatedContent(
  store: CollectionStore,
  { record, head }: FoundRecord,
  { plan, changes }: { readonly plan: WritePlan; readonly changes: CheckedUpdate },
): NewContent {
  const stored = head.hasBody ? store.reader.body(record, plan.sequence) : undefined;
  const metadata =
    changes.metadata === undefined
      ? stored?.metadata
      : mergePatch(stored?.metadata, changes.metadata);
  return {
    vector: changes.vector === undefined ? 'kept' : (changes.vector ?? undefined),
    named: changes.named,
    keepsNamed: true,
    metadata: checkMetadata(metadata, 'metadata'),
    text: changes.text === undefined ? stored?.text : (changes.text ?? undefined),
    ttlMs: changes.ttlMs === undefined ? 'kept' : (changes.ttlMs ?? undefined),
  };
}

/** Calls `work` for each item, letting the event loop turn when a slice of time is over. */
async function inSlices<T>(
  plan: WritePlan,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const slice = plan.beginSlice();
  for (const item of items) {
    await work(item);
    if (slice.isOver) await slice.yield();
  }
}
