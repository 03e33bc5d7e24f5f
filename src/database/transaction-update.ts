/** What `update` makes of a record within a transaction: what the transaction sees, with what is changed. */
import { assert } from '../base/assert.ts';
import type { CheckedUpdate } from './check-calls.ts';
import type { CheckedRecord } from './checked-record.ts';
import type { CollectionStore } from './collection-store.ts';
import { NO_NODE, nodeOf } from './head.ts';
import { mergePatch } from './merge-patch.ts';
import type { Change, TouchedId } from './transaction-buffer.ts';
import { checkMetadata, parseChecked } from './validate.ts';

/** `touched` is a record that exists; bodies are read at `sequence`. The result is what `put` takes. */
export function updatedRecord(
  store: CollectionStore,
  touched: TouchedId,
  { changes, sequence }: { readonly changes: CheckedUpdate; readonly sequence: number },
): Change & { readonly record: CheckedRecord } {
  const { change } = touched;
  const before = change?.record ?? storedRecord(store, touched, sequence);
  const kept = new Set(change?.record === undefined ? ['', ...store.named.keys()] : change.kept);
  if (changes.vector !== undefined) kept.delete('');
  const named = new Map(before.named);
  for (const [name, vector] of changes.named) {
    kept.delete(name);
    if (vector === undefined) named.delete(name);
    else named.set(name, vector);
  }
  const metadata =
    changes.metadata === undefined
      ? before.metadata
      : checkMetadata(mergePatch(parseChecked(before.metadata), changes.metadata), 'metadata');
  const vector = changes.vector === undefined ? before.vector : (changes.vector ?? undefined);
  const text = changes.text === undefined ? before.text : (changes.text ?? undefined);
  const ttlMs = changes.ttlMs === undefined ? before.ttlMs : (changes.ttlMs ?? undefined);
  const isOld = change?.record === undefined || change.keepsExpiry;
  const keepsExpiry = isOld && changes.ttlMs === undefined;
  return { record: { ...before, vector, named, metadata, text, ttlMs }, kept, keepsExpiry };
}

/** The record as it is stored, in the form of one that is given. */
function storedRecord(
  store: CollectionStore,
  { base, identity, namespace }: TouchedId,
  sequence: number,
): CheckedRecord {
  assert(base !== undefined, 'a record that is updated exists');
  const { record, head } = base;
  const { metadata, text } = store.reader.body(record, sequence);
  const vectors = new Map<string, Float32Array>();
  for (const { name, ordinal, vectors: pages } of store.vectorStores) {
    const node = nodeOf(head, ordinal);
    if (node !== NO_NODE) vectors.set(name, pages.readVector(node));
  }
  const vector = vectors.get('');
  vectors.delete('');
  const json = checkMetadata(metadata, 'metadata');
  const named = vectors;
  // When it expires is kept, not said anew.
  const ttlMs = undefined;
  return { namespace, id: head.id, identity, vector, named, metadata: json, text, ttlMs };
}
