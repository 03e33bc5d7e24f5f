/**
 * What a commit changes in the tree `fields`: the namespaces and the indexed fields of the records that it
 * touches, in one operand a key.
 */
import type { Hasher } from '../base/hasher.ts';
import { FieldChanges, type FieldEntry } from '../filter/index-changes.ts';
import { keywordCode } from '../filter/index-code.ts';
import { changeFields, type IndexedField } from '../filter/index-fields.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import { FIELDS_TREE, NAMESPACE_FIELD } from './trees.ts';

/** Metadata of a record before and after a commit; undefined: none. Each record is changed once at the most. */
export interface MetadataChange {
  readonly before: unknown;
  readonly after: unknown;
}

export class RecordFields {
  readonly #changes: FieldChanges;
  readonly #fields: readonly IndexedField[];
  readonly #hasher: Hasher;

  constructor(collection: number, fields: readonly IndexedField[], hasher: Hasher) {
    this.#changes = new FieldChanges(collection);
    this.#fields = fields;
    this.#hasher = hasher;
  }

  /** Whether metadata matters. */
  get hasFields(): boolean {
    return this.#fields.length > 0;
  }

  addNamespace(namespace: string, record: number): void {
    if (namespace === '') return;
    this.#changes.add(NAMESPACE_FIELD, keywordCode(namespace, this.#hasher), record);
  }

  removeNamespace(namespace: string, record: number): void {
    if (namespace === '') return;
    this.#changes.remove(NAMESPACE_FIELD, keywordCode(namespace, this.#hasher), record);
  }

  change(record: number, { before, after }: MetadataChange): void {
    if (!this.hasFields) return;
    const changes = { changes: this.#changes, hasher: this.#hasher };
    changeFields(this.#fields, { record, before, after }, changes);
  }

  /** Operands, by key. */
  entries(): FieldEntry[] {
    return [...this.#changes.entries()].sort((a, b) => a.hi - b.hi || a.lo - b.lo);
  }

  writeTo(batch: WriteBatch): void {
    for (const { hi, lo, value } of this.entries()) batch.merge(FIELDS_TREE, hi, lo, value);
  }
}
