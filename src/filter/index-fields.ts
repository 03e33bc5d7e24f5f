/**
 * The indexed fields of a collection, and what a record's metadata puts into their indexes.
 *
 * A field has two numbers in the tree `fields`: at the even one, for each record with something at the path,
 * exactly one entry: the code of the value, or the mark of what it is instead (null, an array …); at the odd
 * one above it, the codes of an array's elements.
 */
import type { Hasher } from '../base/hasher.ts';
import type { FieldChanges } from './index-changes.ts';
import { type Code, codeOf, type FieldType } from './index-code.ts';
import { valueAt } from './path.ts';

/** 'building': entries of some records may be missing. 'dropping': entries of dropped fields are being removed. */
export type FieldState = 'building' | 'ready' | 'dropping';

export interface IndexedField {
  /** Even, 2 to 252; the elements of arrays have the next one. */
  readonly number: number;
  readonly path: string;
  readonly type: FieldType;
  readonly state: FieldState;
  /** Readers before this sequence do not find all entries. Not stored: all readers of a later opening do. */
  readonly readySince?: number | undefined;
}

export const FIELD_NUMBER_MIN = 2;
export const FIELD_NUMBER_MAX = 252;

/** The number of the entries of elements. */
export function elementsOf(field: IndexedField): number {
  return field.number + 1;
}

/** Calls `visit` with the entries that a record with that metadata has; elements may repeat. */
export function visitEntries(
  field: IndexedField,
  metadata: unknown,
  hasher: Hasher,
  visit: (number: number, code: Code) => void,
): void {
  const value = metadata === undefined ? undefined : valueAt(metadata, field.path);
  if (value === undefined) return;
  visit(field.number, codeOf(field.type, value, hasher));
  if (!Array.isArray(value)) return;
  for (const element of value) visit(elementsOf(field), codeOf(field.type, element, hasher));
}

/** Puts into `changes` what a record's new metadata changes; undefined: there is, or was, none. */
export function changeFields(
  fields: readonly IndexedField[],
  {
    record,
    before,
    after,
  }: { readonly record: number; readonly before: unknown; readonly after: unknown },
  { changes, hasher }: { readonly changes: FieldChanges; readonly hasher: Hasher },
): void {
  for (const field of fields) {
    if (field.state === 'dropping') continue;
    visitEntries(field, before, hasher, (number, code) => changes.remove(number, code, record));
    visitEntries(field, after, hasher, (number, code) => changes.add(number, code, record));
  }
}
