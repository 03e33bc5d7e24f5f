/** A record as a user gives it, checked and brought into the form in which it is stored. */
import { DatabaseError } from '../errors.ts';
import { checkDefaultVector, checkNamedVectors } from './named-vectors.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import type { RecordInput } from './record.ts';
import { encodeId, identityOf } from './record-id.ts';
import {
  checkKeys,
  checkMetadata,
  checkNamespace,
  checkText,
  checkTtl,
  describe,
  invalid,
  refuseUnsupported,
} from './validate.ts';

const RECORD_KEYS = [
  'id',
  'vector',
  'vectors',
  'metadata',
  'text',
  'sparse',
  'namespace',
  'ttlSeconds',
] as const;

export interface CheckedRecord {
  readonly namespace: string;
  readonly id: Uint8Array;
  /** Equal for equal (namespace, id). */
  readonly identity: string;
  readonly vector: Float32Array | undefined;
  /** In named vector spaces, by name. */
  readonly named: ReadonlyMap<string, Float32Array>;
  /** JSON text. */
  readonly metadata: string | undefined;
  readonly text: string | undefined;
  /** How long it lives after its commit; undefined: for ever. */
  readonly ttlMs: number | undefined;
}

/**
 * Checks and copies one record or an array of them, at once: the caller may change what it gave as soon as
 * its call returns. An error names the record by its position.
 */
export function checkRecords(
  input: RecordInput | readonly RecordInput[],
  options: EffectiveCollectionOptions,
): CheckedRecord[] {
  if (Array.isArray(input)) {
    return input.map((record, i) => checkRecord(record, `records[${i}]`, options));
  }
  return [checkRecord(input as RecordInput, 'record', options)];
}

/** Of records with the same id the last one; the order of first mention stays. */
export function lastOfEachId(records: readonly CheckedRecord[]): CheckedRecord[] {
  return [...new Map(records.map((record) => [record.identity, record])).values()];
}

/** The records; `ALREADY_EXISTS` when two have the same id. */
export function refuseRepeatedIds(records: readonly CheckedRecord[]): readonly CheckedRecord[] {
  const seen = new Map<string, number>();
  records.forEach(({ identity }, i) => {
    const first = seen.get(identity);
    if (first !== undefined) {
      const message = `records[${i}]: its id is that of records[${first}]`;
      throw new DatabaseError('ALREADY_EXISTS', message);
    }
    seen.set(identity, i);
  });
  return records;
}

/** As `checkRecords`, one record that errors call `name`. */
export function checkRecord(
  record: RecordInput,
  name: string,
  options: EffectiveCollectionOptions,
): CheckedRecord {
  checkKeys(record, RECORD_KEYS, name);
  refuseUnsupported(record, ['sparse'], name);
  if (record.id === undefined) throw invalid(`${name}.id: every record needs one, got undefined`);
  const id = encodeId(record.id, `${name}.id`);
  const namespace = checkNamespace(record.namespace ?? '', `${name}.namespace`);
  const label = `${name} (id ${describe(record.id)})`;
  const metadata = checkMetadata(record.metadata, `${label}.metadata`);
  const text = checkText(record.text, `${label}.text`);
  const vector = checkDefaultVector(record.vector, `${label}.vector`, options);
  const named = checkNamedVectors(record.vectors, `${label}.vectors`, options);
  const ttlMs = checkTtl(record.ttlSeconds, `${label}.ttlSeconds`);
  const identity = identityOf(namespace, id);
  return { namespace, id, identity, vector, named, metadata, text, ttlMs };
}
