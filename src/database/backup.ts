/**
 * Backup of a database: one commit point for the trees and the page file.
 *
 * In a turn of the writer everything is checkpointed, and in the same moment the version of the trees and
 * the units that it names are held. From then on writes go on: neither a table nor a unit of that version
 * is given up before the copy has ended. Pages are copied first, tables and pointer last.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import { DatabaseError } from '../errors.ts';
import type { BackupOptions } from '../lsm/backup.ts';
import type { VersionPin } from '../lsm/version-pin.ts';
import { chooseBitGeometry } from '../paged/bit-geometry.ts';
import type { Geometry } from '../paged/geometry.ts';
import { PageBackup } from '../paged/page-backup.ts';
import { PAGE_FILE_NAME } from '../paged/page-file.ts';
import { isBitPlaceKey, isPlacesKey, spaceOfBits } from '../paged/page-map.ts';
import { throwIfAborted } from '../storage/copy-file.ts';
import { beginFilling, endFilling, undoFilling } from '../storage/unfinished.ts';
import { readCatalogEntries, spacesOf } from './catalog.ts';
import type { Session } from './session.ts';
import { geometryOf } from './space-geometry.ts';
import { TimeSlice } from './time-slice.ts';
import { PAGES_TREE, TREE_DIRECTORY } from './trees.ts';

export type { BackupOptions, BackupProgress } from '../lsm/backup.ts';

/** What `Database.backup` wrote. */
export interface BackupReport {
  /** Of the last commit that is in the backup. */
  readonly sequence: number;
  /** Of all tables, linked ones too. */
  readonly tableBytes: number;
  /** Tables that share their bytes with the source. */
  readonly linkedTables: number;
  /** All of them. */
  readonly tables: number;
  /** Of the page file, which is always copied. */
  readonly pageBytes: number;
}

/** @internal See `Database.backup`. */
export async function backupDatabase(
  session: Session,
  directory: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const { engine, pages, fileSystem } = session.stores;
  checkOutside(pages.file.directory, directory);
  const held = await session.stores.writer.run(async () => {
    options.onProgress?.({ phase: 'checkpoint', done: 0, total: 0 });
    if (!session.options.readOnly) await session.checkpointer.run();
    return { retention: pages.retain(), pin: engine.pinVersion() };
  });
  const { pin } = held;
  try {
    checkWhole(session, pin);
    await beginFilling(fileSystem, directory, 'a backup', [TREE_DIRECTORY]);
    try {
      const pageBytes = await copyPages(session, pin, directory, options);
      const target = `${directory}/${TREE_DIRECTORY}`;
      const tables = await engine.backupPinned(pin, target, options);
      await endFilling(fileSystem, directory);
      return { ...tables, pageBytes };
    } catch (error) {
      undoFilling(fileSystem, directory, [PAGE_FILE_NAME]);
      throw error;
    }
  } finally {
    held.retention.release();
    pin.release();
  }
}

/** Whoever removes or moves the database would take its backup along. */
function checkOutside(database: string, directory: string): void {
  const path = relative(resolve(database), resolve(directory));
  if (path.split(/[\\/]/)[0] === '..' || isAbsolute(path)) return;
  const message = `${directory} lies in the database's own folder, ${database}; choose another one`;
  throw new DatabaseError('INVALID_ARGUMENT', message);
}

/** A database that was opened to read only cannot write what its log holds: entries, or vectors alone. */
function checkWhole(session: Session, pin: VersionPin): void {
  if (!session.options.readOnly) return;
  const { engine } = session.stores;
  if (pin.sequence >= engine.appliedSequence && engine.stats().logBytes === 0) return;
  const message =
    'the database was opened with readOnly: true, and its log holds commits that are not in its tables; ' +
    'open it to write, or close it and copy its folder';
  throw new DatabaseError('READ_ONLY', message);
}

/** Copies what an entry of the tree `pages` says the place of; returns the bytes. */
function copySlices(
  copy: PageBackup,
  { hi, lo, value }: { readonly hi: number; readonly lo: number; readonly value: Uint8Array },
  geometries: ReadonlyMap<number, Geometry>,
): number {
  const paged = isPlacesKey(lo) ? geometries.get(hi) : undefined;
  if (paged !== undefined) return copy.copy(value, paged);
  const bitPaged = isBitPlaceKey(hi, lo) ? geometries.get(spaceOfBits(hi)) : undefined;
  if (bitPaged === undefined) return 0;
  return copy.copyBits(value, chooseBitGeometry(bitPaged).sliceBytes);
}

async function copyPages(
  session: Session,
  pin: VersionPin,
  directory: string,
  { onProgress, signal }: BackupOptions,
): Promise<number> {
  const { engine, pages, fileSystem, hasher } = session.stores;
  const geometries = new Map<number, Geometry>();
  // Those of the pin: one that was dropped may be purged by now.
  for (const entry of readCatalogEntries(engine, pin.sequence)) {
    for (const { space, options } of spacesOf(entry)) {
      geometries.set(space, geometryOf(options));
    }
  }
  const total = pages.stats().takenBytes;
  const copy = new PageBackup(pages.file, { fileSystem, directory, hasher, readOnly: false });
  const range = { fromHi: 0, fromLo: 0, toHi: 0xfffffffe, toLo: 0xffffffff };
  const scan = engine.scan(PAGES_TREE, { ...range, sequence: pin.sequence });
  const slice = new TimeSlice();
  let done = 0;
  try {
    while (scan.next()) {
      done += copySlices(copy, scan, geometries);
      if (!slice.isOver) continue;
      onProgress?.({ phase: 'pages', done, total: Math.max(done, total) });
      await slice.yield();
      throwIfAborted(signal);
    }
    await copy.sync();
    onProgress?.({ phase: 'pages', done, total: done });
    return done;
  } finally {
    scan.close();
    copy.close();
  }
}
