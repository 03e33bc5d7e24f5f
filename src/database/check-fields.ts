/**
 * Compares the indexes of fields with the metadata of the records: their entries must be exactly those that
 * the records would give. First by count and sum, which costs a pass over each; only what differs is looked
 * at entry by entry.
 *
 *   FIELD_EXTRA     an entry of no record, or of a value that its record does not have
 *   FIELD_MISSING   a record is not found by one of its values
 *   FIELD_UNKNOWN   entries of no field of the collection
 */

import { fieldHi } from '../filter/index-changes.ts';
import { type Code, compareCodes } from '../filter/index-code.ts';
import {
  elementsOf,
  FIELD_NUMBER_MAX,
  FIELD_NUMBER_MIN,
  type IndexedField,
  visitEntries,
} from '../filter/index-fields.ts';
import { codeAt, codeSlices, recordAt } from '../filter/index-scan.ts';
import { decodeBody } from './body.ts';
import type { CollectionStore } from './collection-store.ts';
import type { Stores } from './stores.ts';
import { TimeSlice } from './time-slice.ts';
import { BODIES_TREE, FIELDS_TREE } from './trees.ts';

/** Marks included. */
const ALL_CODES = { from: { high: 0, low: 0 }, to: { high: 0xffffffff, low: 0xffffffff } };
const DETAILS_MAX = 20;

export type ReportProblem = (code: string, detail: string) => void;

interface Checked {
  readonly stores: Stores;
  readonly store: CollectionStore;
  readonly sequence: number;
}

interface Entry {
  readonly number: number;
  readonly code: Code;
  readonly record: number;
}

/** A set of entries, up to chance: how many, and the sum of a mix of each. */
class EntrySum {
  count = 0;
  sum = 0;

  add({ number, code, record }: Entry): void {
    let mix = Math.imul(code.high ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(code.low + 1, 0xc2b2ae35);
    mix = Math.imul(mix ^ (mix >>> 15), 0x27d4eb2f) ^ Math.imul(record + 1, 0x165667b1);
    mix = Math.imul(mix ^ (mix >>> 13) ^ number, 0x9e3779b1);
    this.sum = (this.sum + (mix ^ (mix >>> 16))) >>> 0;
    this.count++;
  }
}

/** Fields that are being built are left out: they may lack entries. */
export async function checkFields(checked: Checked, report: ReportProblem): Promise<void> {
  const { fields } = checked.store.entry;
  checkNumbers(checked, report);
  const ready = fields.filter(({ state }) => state === 'ready');
  if (ready.length === 0) return;
  const expected = await sumOfRecords(checked, ready);
  for (const [i, field] of ready.entries()) {
    const found = new EntrySum();
    for await (const entry of entriesOf(checked, field)) found.add(entry);
    if (found.count === expected[i].count && found.sum === expected[i].sum) continue;
    await reportDifference(checked, { field, found, expected: expected[i] }, report);
  }
}

function checkNumbers({ stores, store, sequence }: Checked, report: ReportProblem): void {
  const { collection, fields } = store.entry;
  const known = new Set(fields.flatMap((field) => [field.number, elementsOf(field)]));
  const toLo = 0xffffffff;
  for (let number = FIELD_NUMBER_MIN; number <= FIELD_NUMBER_MAX + 1; number++) {
    if (known.has(number)) continue;
    const hi = fieldHi(collection, number);
    const scan = stores.engine.scan(FIELDS_TREE, {
      fromHi: hi,
      toHi: hi,
      fromLo: 0,
      toLo,
      sequence,
    });
    try {
      if (scan.next()) report('FIELD_UNKNOWN', `there are entries of field number ${number}`);
    } finally {
      scan.close();
    }
  }
}

/** By field. */
async function sumOfRecords(
  { stores, store, sequence }: Checked,
  fields: readonly IndexedField[],
): Promise<EntrySum[]> {
  const sums = fields.map(() => new EntrySum());
  const { collection } = store.entry;
  const range = { fromHi: collection, toHi: collection, fromLo: 0, toLo: 0xffffffff };
  const scan = stores.engine.scan(BODIES_TREE, { ...range, sequence });
  const slice = new TimeSlice();
  try {
    while (scan.next()) {
      const { metadata } = decodeBody(scan.value);
      for (const [i, field] of fields.entries()) {
        for (const entry of entriesOfRecord(field, { metadata, record: scan.lo }, stores)) {
          sums[i].add(entry);
        }
      }
      if (slice.isOver) await slice.yield();
    }
  } finally {
    scan.close();
  }
  return sums;
}

/** Without repeats. */
function entriesOfRecord(
  field: IndexedField,
  { metadata, record }: { readonly metadata: unknown; readonly record: number },
  { hasher }: Stores,
): Iterable<Entry> {
  const entries = new Map<string, Entry>();
  visitEntries(field, metadata, hasher, (number, code) => {
    entries.set(`${number}:${code.high}:${code.low}`, { number, code, record });
  });
  return entries.values();
}

async function* entriesOf(
  { stores, store, sequence }: Checked,
  field: IndexedField,
): AsyncGenerator<Entry> {
  const slice = new TimeSlice();
  const range = { engine: stores.engine, tree: FIELDS_TREE, sequence, ...ALL_CODES };
  for (const number of [field.number, elementsOf(field)]) {
    for (const found of codeSlices({ ...range, collection: store.entry.collection, number })) {
      for (let i = found.start; i < found.end; i++) {
        yield { number, code: codeAt(found, i), record: recordAt(found, i) };
        if (slice.isOver) await slice.yield();
      }
    }
  }
}

async function reportDifference(
  checked: Checked,
  { field, found, expected }: { readonly field: IndexedField; found: EntrySum; expected: EntrySum },
  report: ReportProblem,
): Promise<void> {
  let extra = 0;
  for await (const { number, code, record } of entriesOf(checked, field)) {
    const { metadata } = checked.store.reader.body(record, checked.sequence);
    const entries = entriesOfRecord(field, { metadata, record }, checked.stores);
    const isOfRecord = [...entries].some(
      (entry) => entry.number === number && compareCodes(entry.code, code) === 0,
    );
    if (isOfRecord) continue;
    if (++extra > DETAILS_MAX) continue;
    report(
      'FIELD_EXTRA',
      `field '${field.path}': record ${record} is listed by a value it has not`,
    );
  }
  const missing = expected.count - (found.count - extra);
  const detail = `${expected.count} entries are expected, ${missing} are missing, ${extra} are extra`;
  if (missing > 0) report('FIELD_MISSING', `field '${field.path}': ${detail}`);
  else if (extra > DETAILS_MAX) report('FIELD_EXTRA', `field '${field.path}': ${detail}`);
}
