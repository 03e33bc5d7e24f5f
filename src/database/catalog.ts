/**
 * What the tree `system` holds.
 *
 *   section (hi)      key (lo)        value
 *   0 database        0               JSON { format, nextCollection, nextSpace }
 *   1 catalog         collection      JSON { name, space, options, fields? }
 *   2 counters        collection      see below
 *
 * Counters of a collection, rewritten by each of its commits:
 *
 *   u32 nextRecord    the smallest record number never given
 *   u32 records       living records
 *   u32 vectors       living records with a vector
 *   u32 entry node
 *   u8  entry layer   255: the graph is empty
 *   ..  counters of the pages (paged)
 */
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { IndexedField } from '../filter/index-fields.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import type { WriteBatch } from '../lsm/write-batch.ts';
import type { EffectiveCollectionOptions } from './options.ts';
import { PAGES_TREE, SYSTEM_TREE } from './trees.ts';

const DATABASE_SECTION = 0;
const CATALOG_SECTION = 1;
const COUNTERS_SECTION = 2;
/** Of the tree `pages`; no vector space has this id. */
const CATALOG_COPY_HI = 0xfffffffe;

const FORMAT = 1;
const COUNTERS_SIZE = 17;
const NO_LAYER = 255;

/** Numbers that the database gives out once. */
export interface DatabaseCounters {
  readonly nextCollection: number;
  readonly nextSpace: number;
}

export interface CatalogEntry {
  readonly collection: number;
  readonly name: string;
  readonly space: number;
  readonly options: EffectiveCollectionOptions;
  /** Indexed fields: replaced when a commit changes them. */
  fields: readonly IndexedField[];
}

/** As JSON; without `fields` when there are none. */
type StoredEntry = Omit<CatalogEntry, 'collection' | 'fields'> &
  Partial<Pick<CatalogEntry, 'fields'>>;

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
  const { name, space, options } = entry;
  const stored = entry.fields.map(({ number, path, type, state }) => ({
    number,
    path,
    type,
    state,
  }));
  const fields = stored.length === 0 ? undefined : stored;
  const value = Buffer.from(JSON.stringify({ name, space, options, fields }));
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
        const stored = parse<StoredEntry>(scan.value);
        entries.set(scan.lo, { fields: [], ...stored, collection: scan.lo });
      }
    } finally {
      scan.close();
    }
  }
  return [...entries.values()].sort((a, b) => a.collection - b.collection);
}

/** All collections, by name. */
export function readCatalog(engine: LsmEngine): Map<string, CatalogEntry> {
  const entries = new Map<string, CatalogEntry>();
  const section = { fromHi: CATALOG_SECTION, toHi: CATALOG_SECTION };
  const scan = engine.scan(SYSTEM_TREE, { ...section, fromLo: 0, toLo: 0xffffffff });
  try {
    while (scan.next()) {
      const stored = parse<StoredEntry>(scan.value);
      entries.set(stored.name, { fields: [], ...stored, collection: scan.lo });
    }
  } finally {
    scan.close();
  }
  return entries;
}

export function readCounters(
  engine: LsmEngine,
  collection: number,
  sequence?: number,
): CollectionCounters {
  const bytes = engine.get(SYSTEM_TREE, COUNTERS_SECTION, collection, sequence);
  if (bytes === undefined) {
    return { nextRecord: 0, records: 0, vectors: 0, entry: undefined, pages: new Uint8Array(0) };
  }
  if (bytes.length < COUNTERS_SIZE) throw damaged('counters');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layer = view.getUint8(16);
  return {
    nextRecord: view.getUint32(0, true),
    records: view.getUint32(4, true),
    vectors: view.getUint32(8, true),
    entry: layer === NO_LAYER ? undefined : { node: view.getUint32(12, true), layer },
    pages: bytes.slice(COUNTERS_SIZE),
  };
}

export function writeCounters(
  batch: WriteBatch,
  collection: number,
  counters: CollectionCounters,
): void {
  const { hi, lo, value } = countersEntry(collection, counters);
  batch.set(SYSTEM_TREE, hi, lo, value);
}

/** The counters as an entry of the tree `system`. */
export function countersEntry(
  collection: number,
  counters: CollectionCounters,
): { readonly hi: number; readonly lo: number; readonly value: Uint8Array } {
  const bytes = new Uint8Array(COUNTERS_SIZE + counters.pages.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, counters.nextRecord, true);
  view.setUint32(4, counters.records, true);
  view.setUint32(8, counters.vectors, true);
  view.setUint32(12, counters.entry?.node ?? 0, true);
  view.setUint8(16, counters.entry?.layer ?? NO_LAYER);
  bytes.set(counters.pages, COUNTERS_SIZE);
  return { hi: COUNTERS_SECTION, lo: collection, value: bytes };
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
