/**
 * What the tree `system` holds.
 *
 *   section (hi)      key (lo)        value
 *   0 database        0               JSON { format, nextCollection, nextSpace }
 *   1 catalog         collection      JSON { name, space, options, fields?, spaces?: [{ name, space, options }],
 *                                   isDropped? }
 *   2 counters        collection      see below
 *   3 space counters  space           those of a named vector space: as below, from `vectors` on
 *   4 curves          space           recall measured against the width of the beam (`recall-curve.ts`)
 *
 * `space` is 0 where there is no default vector space. `spaces` are the named ones, by ordinal from 1 on.
 *
 * Counters of a collection, rewritten by each of its commits (those of a named space by each that changes them):
 *
 *   u32 nextRecord    the smallest record number never given
 *   u32 records       living records
 *   u32 vectors       living records with a vector in the space
 *   u32 entry node
 *   u8  entry layer   255: the graph is empty
 *   ..  counters of the pages (paged)
 */
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { IndexedField } from '../filter/index-fields.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import type { EffectiveCollectionOptions, EffectiveSpaceOptions } from './options.ts';
import { PAGES_TREE, SYSTEM_TREE } from './trees.ts';

const DATABASE_SECTION = 0;
const CATALOG_SECTION = 1;
const COUNTERS_SECTION = 2;
const SPACE_COUNTERS_SECTION = 3;
const CURVES_SECTION = 4;
/** Of the tree `pages`; no vector space has this id. */
const CATALOG_COPY_HI = 0xfffffffe;

const FORMAT = 1;
const RECORD_COUNTERS_SIZE = 8;
const SPACE_COUNTERS_SIZE = 9;
const NO_LAYER = 255;

/** Numbers that the database gives out once. */
export interface DatabaseCounters {
  readonly nextCollection: number;
  readonly nextSpace: number;
}

export interface CatalogEntry {
  readonly collection: number;
  /** Replaced when a commit changes it. */
  name: string;
  /** Number of the default vector space; 0: there is none. */
  readonly space: number;
  readonly options: EffectiveCollectionOptions;
  /** Named vector spaces, by ordinal. */
  readonly spaces: readonly NamedSpace[];
  /** Indexed fields: replaced when a commit changes them. */
  fields: readonly IndexedField[];
  /** It has no name any more, and what it held is being deleted. Set when a commit drops it. */
  isDropped: boolean;
}

/** A named vector space of the catalog. */
export interface NamedSpace {
  readonly name: string;
  readonly space: number;
  readonly options: EffectiveSpaceOptions;
}

/** A vector space of a collection, the default one or a named one. */
export interface SpaceEntry extends NamedSpace {
  /** 0: the default one. */
  readonly ordinal: number;
}

/** All vector spaces of a collection, by ordinal. */
export function spacesOf({ space, options, spaces }: CatalogEntry): SpaceEntry[] {
  const named = spaces.map((one, i) => ({ ...one, ordinal: i + 1 }));
  return space === 0 ? named : [{ name: '', space, options, ordinal: 0 }, ...named];
}

/** Numbers from `next` on for the vector spaces of a new collection, the default one first. */
export function numberSpaces(
  { dimension, vectors }: EffectiveCollectionOptions,
  next: number,
): Pick<CatalogEntry, 'space' | 'spaces'> & { readonly next: number } {
  const space = dimension === 0 ? 0 : next++;
  const spaces = Object.entries(vectors).map(([name, options]) => ({
    name,
    space: next++,
    options,
  }));
  return { space, spaces, next };
}

/** As JSON; without `fields` and `spaces` when there are none, and without `isDropped` when it is not. */
type StoredEntry = Pick<CatalogEntry, 'name' | 'space'> &
  Partial<Pick<CatalogEntry, 'fields' | 'spaces' | 'isDropped'>> & {
    readonly options: Omit<EffectiveCollectionOptions, 'vectors'>;
  };

/** Of records. */
export interface RecordCounters {
  nextRecord: number;
  records: number;
}

/** Of one vector space. */
export interface SpaceCounters {
  vectors: number;
  entry: { node: number; layer: number } | undefined;
  pages: Uint8Array;
}

/** Of a collection and its default vector space. */
export type CollectionCounters = RecordCounters & SpaceCounters;

export function readDatabaseCounters(engine: LsmEngine): DatabaseCounters {
  const bytes = engine.get(SYSTEM_TREE, DATABASE_SECTION, 0);
  if (bytes === undefined) return { nextCollection: 1, nextSpace: 1 };
  const stored = parse<DatabaseCounters & { format: number }>(bytes);
  if (stored.format !== FORMAT) {
    throw new DatabaseError(
      'UNSUPPORTED_FORMAT',
      `the database has format ${stored.format}, this version reads ${FORMAT}`,
    );
  }
  return stored;
}

export function writeDatabaseCounters(batch: WriteBatch, counters: DatabaseCounters): void {
  const { nextCollection, nextSpace } = counters;
  const value = { format: FORMAT, nextCollection, nextSpace };
  batch.set(SYSTEM_TREE, DATABASE_SECTION, 0, Buffer.from(JSON.stringify(value)));
}

/** Written twice, in tables of two trees: without name and options nothing of a collection can be read. */
export function writeCatalogEntry(batch: WriteBatch, entry: CatalogEntry): void {
  const { name, space } = entry;
  const { vectors: _, ...options } = entry.options;
  const stored = entry.fields.map(({ number, path, type, state }) => ({
    number,
    path,
    type,
    state,
  }));
  const fields = stored.length === 0 ? undefined : stored;
  const spaces = entry.spaces.length === 0 ? undefined : entry.spaces;
  const isDropped = entry.isDropped || undefined;
  const whole = { name, space, options, fields, spaces, isDropped };
  const value = Buffer.from(JSON.stringify(whole));
  batch.set(SYSTEM_TREE, CATALOG_SECTION, entry.collection, value);
  batch.set(PAGES_TREE, CATALOG_COPY_HI, entry.collection, value);
}

/** All collections, by number, from the catalog and from its copy, as far as either can be read. For repair. */
export function readCatalogCopies(engine: LsmEngine): CatalogEntry[] {
  const entries = new Map<number, CatalogEntry>();
  for (const [tree, hi] of [
    [PAGES_TREE, CATALOG_COPY_HI],
    [SYSTEM_TREE, CATALOG_SECTION],
  ]) {
    const scan = engine.scan(tree, { fromHi: hi, toHi: hi, fromLo: 0, toLo: 0xffffffff });
    try {
      while (scan.next()) {
        entries.set(scan.lo, parseEntry(scan.lo, scan.value));
      }
    } finally {
      scan.close();
    }
  }
  return [...entries.values()].sort((a, b) => a.collection - b.collection);
}

/** All collections, dropped ones too, by number. */
export function readCatalogEntries(
  engine: LsmEngine,
  sequence: number = engine.appliedSequence,
): CatalogEntry[] {
  const entries: CatalogEntry[] = [];
  const section = { fromHi: CATALOG_SECTION, toHi: CATALOG_SECTION };
  const scan = engine.scan(SYSTEM_TREE, { ...section, fromLo: 0, toLo: 0xffffffff, sequence });
  try {
    while (scan.next()) entries.push(parseEntry(scan.lo, scan.value));
  } finally {
    scan.close();
  }
  return entries;
}

/** Everything that the tree `system` and the copy hold of a collection. */
export function deleteCatalogEntry(batch: WriteBatch, entry: CatalogEntry): void {
  const { collection } = entry;
  batch.delete(SYSTEM_TREE, CATALOG_SECTION, collection);
  batch.delete(PAGES_TREE, CATALOG_COPY_HI, collection);
  batch.delete(SYSTEM_TREE, COUNTERS_SECTION, collection);
  for (const { space } of spacesOf(entry)) {
    batch.delete(SYSTEM_TREE, SPACE_COUNTERS_SECTION, space);
    batch.delete(SYSTEM_TREE, CURVES_SECTION, space);
  }
}

/** Of a collection and its default vector space, as of a sequence; by default as of the newest. */
export function readCounters(
  engine: LsmEngine,
  collection: number,
  sequence?: number,
): CollectionCounters {
  const bytes = engine.get(SYSTEM_TREE, COUNTERS_SECTION, collection, sequence);
  if (bytes === undefined) return { nextRecord: 0, records: 0, ...noVectors() };
  if (bytes.length < RECORD_COUNTERS_SIZE + SPACE_COUNTERS_SIZE) throw damaged('counters');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    nextRecord: view.getUint32(0, true),
    records: view.getUint32(4, true),
    ...decodeSpaceCounters(bytes.subarray(RECORD_COUNTERS_SIZE)),
  };
}

/** Of a named vector space, as `readCounters`. */
export function readSpaceCounters(
  engine: LsmEngine,
  space: number,
  sequence?: number,
): SpaceCounters {
  const bytes = engine.get(SYSTEM_TREE, SPACE_COUNTERS_SECTION, space, sequence);
  return bytes === undefined ? noVectors() : decodeSpaceCounters(bytes);
}

/** Counters of a vector space without vectors. */
export function noVectors(): SpaceCounters {
  return { vectors: 0, entry: undefined, pages: new Uint8Array(0) };
}

export function writeCounters(
  batch: WriteBatch,
  collection: number,
  counters: CollectionCounters,
): void {
  const { hi, lo, value } = countersEntry(collection, counters);
  batch.set(SYSTEM_TREE, hi, lo, value);
}

/** `encoded` is of `encodeSpaceCounters`. */
export function writeSpaceCounters(batch: WriteBatch, space: number, encoded: Uint8Array): void {
  batch.set(SYSTEM_TREE, SPACE_COUNTERS_SECTION, space, encoded);
}

/** What was measured of the recall of a vector space (`recall-curve.ts`). */
export function readCurves(engine: LsmEngine, space: number): Uint8Array | undefined {
  return engine.get(SYSTEM_TREE, CURVES_SECTION, space);
}

export function writeCurves(batch: WriteBatch, space: number, curves: Uint8Array): void {
  batch.set(SYSTEM_TREE, CURVES_SECTION, space, curves);
}

/** The counters as an entry of the tree `system`. */
export function countersEntry(
  collection: number,
  counters: CollectionCounters,
): { readonly hi: number; readonly lo: number; readonly value: Uint8Array } {
  const space = encodeSpaceCounters(counters);
  const bytes = new Uint8Array(RECORD_COUNTERS_SIZE + space.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, counters.nextRecord, true);
  view.setUint32(4, counters.records, true);
  bytes.set(space, RECORD_COUNTERS_SIZE);
  return { hi: COUNTERS_SECTION, lo: collection, value: bytes };
}

export function encodeSpaceCounters({ vectors, entry, pages }: SpaceCounters): Uint8Array {
  const bytes = new Uint8Array(SPACE_COUNTERS_SIZE + pages.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, vectors, true);
  view.setUint32(4, entry?.node ?? 0, true);
  view.setUint8(8, entry?.layer ?? NO_LAYER);
  bytes.set(pages, SPACE_COUNTERS_SIZE);
  return bytes;
}

export function decodeSpaceCounters(bytes: Uint8Array): SpaceCounters {
  if (bytes.length < SPACE_COUNTERS_SIZE) throw damaged('counters');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layer = view.getUint8(8);
  return {
    vectors: view.getUint32(0, true),
    entry: layer === NO_LAYER ? undefined : { node: view.getUint32(4, true), layer },
    pages: bytes.slice(SPACE_COUNTERS_SIZE),
  };
}

/** What was stored without fields or named spaces has none. CORRUPTION when it is no entry. */
function parseEntry(collection: number, bytes: Uint8Array): CatalogEntry {
  const stored = parse<StoredEntry>(bytes);
  const { name, space, options, fields = [], spaces = [], isDropped = false } = stored;
  const hasShape = typeof name === 'string' && Number.isInteger(space) && Array.isArray(spaces);
  if (!hasShape || typeof options !== 'object' || options === null) throw damaged('catalog');
  const vectors = Object.fromEntries(spaces.map((one) => [one.name, one.options]));
  return { collection, name, space, fields, spaces, isDropped, options: { ...options, vectors } };
}

function parse<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as T;
  } catch (cause) {
    throw damaged('catalog', cause);
  }
}

function damaged(what: string, cause?: unknown): CorruptionError {
  const where = { file: 'tree system', offset: 0 };
  return new CorruptionError(`the ${what} are malformed`, where, { cause });
}
