/**
 * The records that pass a namespace and a filter, as of one sequence: from the indexes, as far as they know,
 * and by a look at the metadata of the records of which they do not. Without an index that is a scan of all
 * bodies, in slices of time.
 */
import type { Hasher } from '../base/hasher.ts';
import { FIRST_CODE, keywordCode, LAST_CODE } from '../filter/index-code.ts';
import { entriesOf, evaluateQuery, type IndexSource } from '../filter/index-evaluate.ts';
import { asksIndex, type IndexQuery, isHashed, queryIndexes } from '../filter/index-query.ts';
import {
  addRecord,
  countRecords,
  hasRecord,
  type RecordSet,
  recordsOf,
  subtract,
  unite,
} from '../filter/record-set.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { decodeMetadata } from './body.ts';
import { type CatalogEntry, readCounters } from './catalog.ts';
import type { CheckedFilter } from './checked-filter.ts';
import type { RecordChanges } from './record-changes.ts';
import type { RecordReader } from './record-reader.ts';
import { TimeSlice } from './time-slice.ts';
import { BODIES_TREE, FIELDS_TREE, NAMESPACE_FIELD } from './trees.ts';

/** Of all records: so many are looked at in the order of the tree rather than one by one. */
const SCAN_SHARE = 1 / 16;

/** A collection, as far as finding records goes. */
export interface MatchedStore {
  readonly entry: CatalogEntry;
  readonly reader: RecordReader;
  readonly changes: RecordChanges;
  /** Of the last commit that changed it. */
  readonly changedSequence: number;
}

/** Which records are asked for. */
export interface MatchQuery {
  readonly store: MatchedStore;
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly filter: CheckedFilter | undefined;
  /** The caller holds a snapshot of it. */
  readonly sequence: number;
}

export interface Matches {
  /** Numbers of records that pass; such as belong to no record any more may be among them. */
  readonly records: RecordSet;
  /** Numbers below it are in the set or not; there are none above. */
  readonly bits: number;
  /** A keyword was found by its hash: a match counts when a look at it says so too. */
  readonly isHashed: boolean;
  /** Whether an index was asked, and at how many records had to be looked. */
  readonly usesIndex: boolean;
  readonly looked: number;
}

/** Undefined: all records pass. */
export async function findMatches(
  { engine, hasher }: { readonly engine: LsmEngine; readonly hasher: Hasher },
  query: MatchQuery,
): Promise<Matches | undefined> {
  const { store, namespace, filter, sequence } = query;
  const { collection } = store.entry;
  const bits = readCounters(engine, collection, sequence).nextRecord;
  const slice = new TimeSlice();
  const pause = (): Promise<void> | undefined => (slice.isOver ? slice.yield() : undefined);
  const source = { engine, tree: FIELDS_TREE, collection, sequence, records: bits, pause };
  const parts: IndexQuery[] = [];
  const inNamespace =
    namespace === undefined ? undefined : namespaceQuery(namespace, source, hasher);
  if (inNamespace !== undefined) parts.push(inNamespace);
  const asked = indexQuery(query, hasher);
  if (asked !== undefined) parts.push(asked);
  if (parts.length === 0) return undefined;
  const answer = await evaluateQuery({ kind: 'and', parts }, source);
  const unsure = answer.sure === answer.possible ? 0 : countUnsure(answer.sure, answer.possible);
  const settled = { ...answer, count: unsure };
  const records =
    unsure === 0 || filter === undefined
      ? answer.sure
      : await lookAt(settled, { store, filter, source });
  const usesIndex = asked !== undefined && asksIndex(asked);
  const hashed = asked !== undefined && isHashed(asked);
  return { records, bits, isHashed: hashed, usesIndex, looked: unsure };
}

/** What the indexes that a reader can use say of the filter; undefined: there is no filter. */
function indexQuery(
  { store, filter, sequence }: MatchQuery,
  hasher: Hasher,
): IndexQuery | undefined {
  const fields = store.entry.fields.filter(
    ({ state, readySince = 0 }) => state === 'ready' && readySince <= sequence,
  );
  return filter && queryIndexes(filter.condition, { fields, hasher });
}

/** Whether `findMatches` would ask an index for the filter. Reads nothing. */
export function asksAnIndex({ hasher }: { readonly hasher: Hasher }, query: MatchQuery): boolean {
  const asked = indexQuery(query, hasher);
  return asked !== undefined && asksIndex(asked);
}

/** Undefined: all records are in it. */
function namespaceQuery(
  namespace: string,
  source: IndexSource,
  hasher: Hasher,
): IndexQuery | undefined {
  const number = NAMESPACE_FIELD;
  if (namespace !== '') {
    const code = keywordCode(namespace, hasher);
    return { kind: 'spans', spans: [{ number, from: code, to: code, isSure: true }] };
  }
  const others = { number, from: FIRST_CODE, to: LAST_CODE, isSure: true };
  const part: IndexQuery = { kind: 'spans', spans: [others] };
  return entriesOf(part, source) === 0 ? undefined : { kind: 'not', part };
}

function countUnsure(sure: RecordSet, possible: RecordSet): number {
  return countRecords(subtract(possible, sure));
}

interface Settling {
  readonly store: MatchedStore;
  readonly filter: CheckedFilter;
  readonly source: IndexSource;
}

/** Those that are sure, with those of the possible ones that pass. */
async function lookAt(
  answer: { readonly sure: RecordSet; readonly possible: RecordSet; readonly count: number },
  settling: Settling,
): Promise<RecordSet> {
  const { filter, source } = settling;
  const unsure = subtract(answer.possible, answer.sure);
  const passing = new Uint32Array(unsure.length);
  if (answer.count > source.records * SCAN_SHARE) await scanBodies(unsure, passing, settling);
  else await readBodies(unsure, passing, settling);
  // Those that are left have no metadata.
  const rest = filter.passes(undefined) ? unite(passing, unsure) : passing;
  return unite(answer.sure, rest);
}

/** Moves those that have metadata out of `unsure`, and those that pass to `passing`. */
async function scanBodies(
  unsure: RecordSet,
  passing: RecordSet,
  { filter, source }: Settling,
): Promise<void> {
  const { engine, collection, sequence, pause } = source;
  const range = { fromHi: collection, toHi: collection, fromLo: 0, toLo: 0xffffffff };
  const scan = engine.scan(BODIES_TREE, { ...range, sequence });
  try {
    while (scan.next()) {
      const record = scan.lo;
      if (!hasRecord(unsure, record)) continue;
      unsure[record >>> 5] &= ~(1 << (record & 31));
      if (filter.passes(decodeMetadata(scan.value))) addRecord(passing, record);
      await pause();
    }
  } finally {
    scan.close();
  }
}

/** As `scanBodies`, one by one. */
async function readBodies(
  unsure: RecordSet,
  passing: RecordSet,
  { store, filter, source }: Settling,
): Promise<void> {
  for (const record of recordsOf(unsure)) {
    const bytes = store.reader.bodyBytes(record, source.sequence);
    if (bytes === undefined) continue;
    unsure[record >>> 5] &= ~(1 << (record & 31));
    if (filter.passes(decodeMetadata(bytes))) addRecord(passing, record);
    await source.pause();
  }
}
