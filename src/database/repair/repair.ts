/**
 * Repairs a database that is damaged.
 *
 * 1. The trees are repaired by the engine, which loses no more than the entries that were damaged.
 * 2. If everything then agrees (`check`), that was all.
 * 3. Else a new database is built beside the old one, from every record that is left: indexes, graph and pages
 *    are made anew by ordinary insertions, so they are right by construction. Then it takes the place of the
 *    old one, whose files stay beside it as `lsm.lost` and `data.pages.lost`.
 *
 * The old files are not changed before something better is complete beside them.
 */
import { loadHasher } from '../../base/hasher.ts';
import { MIB } from '../../base/units.ts';
import { DatabaseError, isDatabaseError } from '../../errors.ts';
import { LsmEngine } from '../../lsm/engine.ts';
import type { EngineOptions } from '../../lsm/engine-options.ts';
import { repairEngine } from '../../lsm/repair/repair.ts';
import type { Loss } from '../../lsm/repair/report.ts';
import { PAGE_FILE_NAME, PageFile } from '../../paged/page-file.ts';
import { throwIfAborted } from '../../storage/copy-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { NodeFileSystem } from '../../storage/node-file-system.ts';
import { refuseUnfinished } from '../../storage/unfinished.ts';
import { type CatalogEntry, readCatalogCopies } from '../catalog.ts';
import type { CheckReport } from '../check-database.ts';
import { open } from '../database.ts';
import type { RecordInput } from '../record.ts';
import { TREE_DIRECTORY, treeSpecs } from '../trees.ts';
import { checkKeys, invalid } from '../validate.ts';
import { decodeVectorAttachment, type VectorAttachment } from '../vector-attachment.ts';
import { HeldLockFileSystem, RebuildingFileSystem } from './rebuilding-file-system.ts';
import { Remains } from './remains.ts';
import { clearRebuilt, finishSwap, isSwapping, REBUILT_SUFFIX, swapIn } from './swap.ts';

export type { Loss };

/** Options of `repair`. */
export interface RepairOptions {
  /** See `DatabaseOptions`. Default: 268,435,456 (256 MiB). */
  readonly memoryBytes?: number | undefined;
  /** Where files live. Default: the file system of the machine. */
  readonly fileSystem?: FileSystem | undefined;
  /** Told while records are inserted into a rebuilt database. */
  readonly onProgress?: ((progress: { readonly records: number }) => void) | undefined;
  /** Ends the repair with `ABORTED`, before anything is rebuilt; damaged tables may be repaired by then. */
  readonly signal?: AbortSignal | undefined;
}

/** What `repair` found and did. */
export interface DatabaseRepairReport {
  /** Nothing was damaged, and nothing was changed. */
  readonly wasSound: boolean;
  /** All records were inserted into new files. */
  readonly wasRebuilt: boolean;
  /** What the database holds now. */
  readonly recovered: CheckReport['counts'];
  /** What could not be kept; empty when damage took nothing that counts. */
  readonly lost: readonly Loss[];
  /** Files that are not in use any more: `….lost` beside the database, others in the folder `lsm/lost`. */
  readonly movedFiles: readonly string[];
}

const KEYS = ['memoryBytes', 'fileSystem', 'onProgress', 'signal'] as const;
const BATCH = 100;
const DEFAULT_MEMORY_BYTES: number = 256 * MIB;

/**
 * Rebuilds what can be rebuilt of the database in a directory, and says what is lost. `NOT_FOUND` without a
 * database, `DATABASE_LOCKED`, `CORRUPTION` for the rest of an unfinished backup or restore, `ABORTED`, `IO`.
 * Takes the time of a check, or of inserting every record again. Needs room for a second database.
 */
export async function repair(
  path: string,
  options: RepairOptions = {},
): Promise<DatabaseRepairReport> {
  checkKeys(options, KEYS, 'repair');
  if (typeof path !== 'string' || path === '')
    throw invalid('path: expected the path of a directory');
  const { fileSystem = new NodeFileSystem(), memoryBytes = DEFAULT_MEMORY_BYTES } = options;
  const trees = `${path}/${TREE_DIRECTORY}`;
  if (!fileSystem.exists(trees) && !isSwapping(fileSystem, path)) {
    refuseUnfinished(fileSystem, path);
    throw new DatabaseError('NOT_FOUND', `${path}: there is no database`);
  }
  const lock = await fileSystem.lock(path, { timeoutMs: 0, onCompromised: () => {} });
  try {
    const held = { path, memoryBytes, fileSystem: new HeldLockFileSystem(fileSystem) };
    return await repairHeld(held, options);
  } finally {
    await lock.release();
  }
}

/** A database whose lock is held. */
interface Held {
  readonly path: string;
  readonly fileSystem: FileSystem;
  readonly memoryBytes: number;
}

async function repairHeld(held: Held, options: RepairOptions): Promise<DatabaseRepairReport> {
  const { fileSystem, path } = held;
  const resumed = isSwapping(fileSystem, path) ? await finishSwap(fileSystem, path) : undefined;
  refuseUnfinished(fileSystem, path);
  const hasher = await loadHasher();
  const engineOptions: EngineOptions = {
    trees: treeSpecs('lz4'),
    hasher,
    durability: 'sync',
    memtableBytes: MIB,
    blockCacheBytes: 4 * MIB,
    createIfMissing: false,
  };
  const engine = await repairEngine(fileSystem, `${path}/${TREE_DIRECTORY}`, engineOptions);
  const movedFiles = [...(resumed ?? []), ...engine.movedFiles];
  const counts = await countsIfSound(held);
  if (counts !== undefined) {
    const wasSound = engine.wasSound && resumed === undefined;
    return { wasSound, wasRebuilt: false, recovered: counts, lost: engine.lost, movedFiles };
  }
  clearRebuilt(fileSystem, path);
  const lost = [...engine.lost, ...(await rebuild(held, engineOptions, options))];
  movedFiles.push(...(await swapIn(fileSystem, path)));
  const recovered = await countsIfSound(held);
  if (recovered === undefined) {
    throw new DatabaseError('CORRUPTION', `${path}: still damaged after it was rebuilt`);
  }
  return { wasSound: false, wasRebuilt: true, recovered, lost, movedFiles };
}

/** What the database holds; undefined when something is wrong with it. */
async function countsIfSound(held: Held): Promise<CheckReport['counts'] | undefined> {
  const { path, ...options } = held;
  try {
    const database = await open(path, { ...options, readOnly: true, createIfMissing: false });
    try {
      const report = await database.check();
      return report.ok ? report.counts : undefined;
    } finally {
      await database.close();
    }
  } catch (error) {
    if (!isDatabaseError(error) || error.code !== 'CORRUPTION') throw error;
    return undefined;
  }
}

/** Builds the new database; returns what is lost. */
async function rebuild(
  held: Held,
  engineOptions: EngineOptions,
  options: RepairOptions,
): Promise<readonly Loss[]> {
  const { fileSystem, path } = held;
  const attachments: VectorAttachment[] = [];
  const engine = await LsmEngine.open(fileSystem, `${path}/${TREE_DIRECTORY}`, {
    ...engineOptions,
    readOnly: true,
    replay: (_sequence, bytes) => attachments.push(decodeVectorAttachment(bytes)),
  });
  const { hasher } = engineOptions;
  const pages = new PageFile({ fileSystem, directory: path, hasher, readOnly: true });
  try {
    const remains = new Remains({ engine, pages, hasher, attachments });
    const catalog = readCatalogCopies(engine);
    for (const number of remains.collections()) {
      if (catalog.some(({ collection }) => collection === number)) continue;
      const detail = 'its name and options are lost, and with them its records';
      remains.lost.push({ what: 'collection', where: `collection number ${number}`, detail });
    }
    await insertAll(held, catalog, remains, options);
    return remains.lost;
  } finally {
    pages.close();
    await engine.close();
  }
}

async function insertAll(
  { fileSystem, path, memoryBytes }: Held,
  catalog: readonly CatalogEntry[],
  remains: Remains,
  { onProgress, signal }: RepairOptions,
): Promise<void> {
  const names = [TREE_DIRECTORY, PAGE_FILE_NAME].map((name) => `${path}/${name}`);
  const target = new RebuildingFileSystem(fileSystem, names, REBUILT_SUFFIX);
  const options = { fileSystem: target, memoryBytes, durability: 'none' } as const;
  const database = await open(path, options);
  try {
    let records = 0;
    for (const entry of catalog) {
      // What was still to be deleted of it is gone with the old files.
      if (entry.isDropped) continue;
      const kept = entry.fields.filter(({ state }) => state !== 'dropping');
      const fields = Object.fromEntries(kept.map(({ path, type }) => [path, type]));
      const dimension = entry.options.dimension || undefined;
      const options = { ...entry.options, dimension, fields };
      const collection = await database.collection(entry.name, options);
      let batch: RecordInput[] = [];
      const flush = async (): Promise<void> => {
        throwIfAborted(signal);
        if (batch.length > 0) await collection.upsert(batch);
        records += batch.length;
        batch = [];
        onProgress?.({ records });
      };
      for (const record of remains.records(entry)) {
        batch.push(record);
        if (batch.length === BATCH) await flush();
      }
      await flush();
      remains.noteMissing(entry, await collection.count());
    }
  } finally {
    await database.close();
  }
}
