/**
 * Opens an engine: pointer → version → replay of the logs behind it. Opening costs what the logs hold;
 * no table is read.
 *
 * - The state is a prefix of the commits. What does not fit is `CORRUPTION`: an older version, which would
 *   lose commits in silence, is never fallen back to.
 * - Creating begins anew until the pointer is there: a crash in the middle of it leaves nothing that
 *   matters.
 * - A file number is above every number on disk.
 * - Opened to read only, nothing is written or deleted.
 */
import { CorruptionError, DatabaseError, isDatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { refuseUnfinished } from '../storage/unfinished.ts';
import { BlockCache } from './block-cache.ts';
import { CommitLog } from './commit-log.ts';
import { type CoreOptions, EngineCore } from './engine-core.ts';
import type { EngineOptions } from './engine-options.ts';
import { type FileKind, fileName, POINTER_NAME, parseFileName } from './file-names.ts';
import { type ReplayedLog, replayLogs, settleLogs } from './log-replay.ts';
import { OpenTables } from './open-tables.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import { Slices } from './slices.ts';
import type { StoredTree, StoredVersion } from './version-format.ts';
import { readCurrentVersion, tryReadVersion, VersionSet } from './version-set.ts';

/** Numbers of the files on disk, ascending. */
type FileNumbers = Readonly<Record<FileKind, readonly number[]>>;

export async function openCore(
  fileSystem: FileSystem,
  directory: string,
  options: EngineOptions,
  resolved: CoreOptions,
): Promise<EngineCore> {
  const { hasher, readOnly = false, createIfMissing = true } = options;
  const { seededBugs } = resolved;
  const mayCreate = createIfMissing && !readOnly;
  if (mayCreate) fileSystem.makeDirectory(directory);
  if (!fileSystem.exists(directory)) throw missing(directory);
  refuseUnfinished(fileSystem, directory);
  // What a killed process renamed may be visible and still not be durable.
  if (!readOnly) fileSystem.syncDirectory(directory);

  const files = listFiles(fileSystem, directory);
  let stored = readCurrentVersion(fileSystem, directory, hasher);
  const isNew = stored === undefined;
  if (stored === undefined) {
    checkNothingIsLost(fileSystem, directory, files, options);
    if (!mayCreate) throw missing(directory);
    stored = emptyVersion;
  }
  checkTables(stored, files, directory);

  const cache = new BlockCache({
    bytes: resolved.blockCacheBytes,
    frameBytes: Math.ceil(resolved.blockBytes / 8) * 8,
    seededBugs,
  });
  const tables = new OpenTables(resolved.openTablesMax);
  const current = stored.number;
  const slices = new Slices({ sliceMs: resolved.sliceMs });
  const versions = new VersionSet(stored, {
    fileSystem,
    directory,
    hasher,
    shared: { cache, hasher, tables, seededBugs },
    trees: mergeTrees(stored.trees, resolved),
    nextFileNumber: nextFileNumber(stored, files, seededBugs),
    versionFiles: files.version.filter((number) => number <= current),
    seededBugs,
    slices,
  });
  const stores = { fileSystem, directory, hasher, cache, tables, versions };
  const parts = { ...stores, slices, options: resolved };
  const core = new EngineCore(parts);
  if (isNew) await versions.install({ added: [], removed: new Set() });
  const { logNumber } = versions.current;
  const logs = files.wal.filter((number) => number >= logNumber);
  const { replay } = options;
  let replayed: ReplayedLog[];
  try {
    replayed = await replayLogs(core, logs, { replay, mayFlush: !readOnly });
  } catch (error) {
    await core.executor.close();
    throw error;
  }
  core.liveLogs = replayed;
  if (readOnly) return core;

  await settleLogs(core, replayed);
  core.log = new CommitLog({
    fileSystem,
    directory,
    hasher,
    durability: resolved.durability,
    seededBugs,
    sequence: core.appliedSequence,
    logNumber: versions.newFileNumber(),
    onFailure: (failure) => core.fail(failure),
    onBuffer: (bytes) => core.memory.addLogBuffer(bytes),
  });
  if (!isNew) removeObsolete(versions, stored, files);
  return core;
}

const emptyVersion: StoredVersion = {
  number: 0,
  nextFileNumber: 1,
  logNumber: 0,
  sequence: 0,
  trees: [],
  tables: [],
};

function listFiles(fileSystem: FileSystem, directory: string): FileNumbers {
  const numbers: Record<FileKind, number[]> = { wal: [], table: [], version: [] };
  for (const name of fileSystem.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed !== undefined) numbers[parsed.kind].push(parsed.number);
  }
  for (const kind of Object.values(numbers)) kind.sort((a, b) => a - b);
  return numbers;
}

function nextFileNumber(stored: StoredVersion, files: FileNumbers, seededBugs: SeededBugs): number {
  let next = stored.nextFileNumber;
  if (seededBugs.has('numbers of orphans are given again')) return next;
  for (const kind of Object.values(files)) next = Math.max(next, (kind.at(-1) ?? 0) + 1);
  return next;
}

/** Without a pointer, only what an interrupted creation leaves may be there. */
function checkNothingIsLost(
  fileSystem: FileSystem,
  directory: string,
  files: FileNumbers,
  options: EngineOptions,
): void {
  const hasCommits = (number: number): boolean => {
    const version = tryReadVersion(fileSystem, directory, number, options.hasher);
    return !isDatabaseError(version) && version.sequence > 0;
  };
  if (files.table.length + files.wal.length === 0 && !files.version.some(hasCommits)) return;
  const location = { file: `${directory}/${POINTER_NAME}`, offset: 0 };
  throw new CorruptionError('the pointer is missing beside files of a database', location);
}

function checkTables(stored: StoredVersion, files: FileNumbers, directory: string): void {
  const present = new Set(files.table);
  for (const { meta } of stored.tables) {
    if (present.has(meta.number)) continue;
    const location = { file: `${directory}/${fileName('table', meta.number)}`, offset: 0 };
    throw new CorruptionError('table that the version names is missing', location);
  }
}

/** The stored trees and the new ones, by id. What was stored must be given again, unchanged. */
function mergeTrees(stored: readonly StoredTree[], resolved: CoreOptions): StoredTree[] {
  const given = resolved.trees.map(({ id, name, mergeOperator = '' }) => ({
    id,
    name,
    mergeOperator,
  }));
  for (const { id, name, mergeOperator } of stored) {
    const same = given.find((tree) => tree.id === id);
    if (same?.name === name && same.mergeOperator === mergeOperator) continue;
    const found = same === undefined ? 'nothing' : `${same.name} (${same.mergeOperator || 'none'})`;
    const message = `trees: expected ${name} (${mergeOperator || 'none'}) with id ${id}, got ${found}`;
    throw new DatabaseError('INVALID_ARGUMENT', message);
  }
  return given.sort((a, b) => a.id - b.id);
}

/**
 * Deletes what earlier sessions could not. Only numbers that the version knows as given out: a file that
 * somebody put here may look like one of ours.
 */
function removeObsolete(versions: VersionSet, stored: StoredVersion, files: FileNumbers): void {
  const named = new Set(stored.tables.map(({ meta }) => meta.number));
  for (const number of files.table) {
    if (number < stored.nextFileNumber && !named.has(number)) {
      versions.removeFile('table', number);
    }
  }
  for (const number of files.wal) {
    if (number < stored.logNumber) versions.removeFile('wal', number);
  }
}

function missing(directory: string): DatabaseError {
  return new DatabaseError('NOT_FOUND', `there is no database in ${directory}`);
}
