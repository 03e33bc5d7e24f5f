/**
 * Restores a backup, or copies a closed database: verified first, then copied to an empty place, complete or
 * refused. Nothing is linked.
 */
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { BackupProgress } from '../lsm/backup.ts';
import { copyNames, engineFiles, sizeOf } from '../lsm/restore.ts';
import { PAGE_FILE_NAME } from '../paged/page-file.ts';
import { copyFile } from '../storage/copy-file.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { NodeFileSystem } from '../storage/node-file-system.ts';
import { beginFilling, endFilling, refuseUnfinished, undoFilling } from '../storage/unfinished.ts';
import type { CheckReport } from './check-database.ts';
import { open } from './database.ts';
import { TREE_DIRECTORY } from './trees.ts';
import { checkKeys, invalid } from './validate.ts';

/** Options of `restore`. */
export interface RestoreOptions {
  /** For the check of the backup; see `DatabaseOptions`. Default: 268,435,456 (256 MiB). */
  readonly memoryBytes?: number | undefined;
  /** Where files live. Default: the file system of the machine. */
  readonly fileSystem?: FileSystem | undefined;
  /** Called after each piece that was copied. Default: none. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Ends the restore with `ABORTED`; what was written is removed. */
  readonly signal?: AbortSignal | undefined;
}

/** What `restore` copied. */
export interface RestoreReport {
  /** Written to the new place. */
  readonly bytes: number;
  /** What the backup holds. */
  readonly counts: CheckReport['counts'];
}

const KEYS = ['memoryBytes', 'fileSystem', 'onProgress', 'signal'] as const;

/**
 * Copies the backup in the directory `from` to `to`, which is empty or missing, after it was read and
 * verified. `NOT_FOUND` without a backup, `CORRUPTION` when it is unfinished or damaged, `DATABASE_LOCKED`
 * when somebody has it open to write, `ALREADY_EXISTS` when `to` holds anything. After an error nothing is
 * in `to`, or what is there is refused when it is opened.
 */
export async function restore(
  from: string,
  to: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  checkKeys(options, KEYS, 'restore');
  if (typeof from !== 'string' || from === '') throw invalid('from: expected the path of a backup');
  if (typeof to !== 'string' || to === '') throw invalid('to: expected the path of a directory');
  const { memoryBytes, fileSystem = new NodeFileSystem() } = options;
  refuseUnfinished(fileSystem, from);
  if (!fileSystem.exists(`${from}/${TREE_DIRECTORY}`)) {
    throw new DatabaseError('NOT_FOUND', `${from}: there is no backup`);
  }
  const names = engineFiles(fileSystem, `${from}/${TREE_DIRECTORY}`);
  options.onProgress?.({ phase: 'check', done: 0, total: 0 });
  const counts = await checkedCounts(from, { memoryBytes, fileSystem });
  await beginFilling(fileSystem, to, 'a restore', [TREE_DIRECTORY]);
  try {
    const bytes = await copyAll({ fileSystem, from, to, names }, options);
    await endFilling(fileSystem, to);
    return { bytes, counts };
  } catch (error) {
    const trees = [...names].reverse().map((name) => `${TREE_DIRECTORY}/${name}`);
    undoFilling(fileSystem, to, [...trees, PAGE_FILE_NAME]);
    throw error;
  }
}

interface Copy {
  readonly fileSystem: FileSystem;
  readonly from: string;
  readonly to: string;
  readonly names: readonly string[];
}

async function copyAll(
  { fileSystem, from, to, names }: Copy,
  { onProgress, signal }: RestoreOptions,
): Promise<number> {
  let bytes = 0;
  const pages = `${from}/${PAGE_FILE_NAME}`;
  if (fileSystem.exists(pages)) {
    const total = sizeOf(fileSystem, pages);
    const onBytes = (count: number): void => {
      bytes += count;
      onProgress?.({ phase: 'pages', done: bytes, total });
    };
    await copyFile(fileSystem, pages, `${to}/${PAGE_FILE_NAME}`, { onBytes, signal });
  }
  const trees = { from: `${from}/${TREE_DIRECTORY}`, to: `${to}/${TREE_DIRECTORY}` };
  fileSystem.makeDirectory(trees.to);
  const treeBytes = await copyNames(fileSystem, trees, names, { onProgress, signal });
  fileSystem.syncDirectory(trees.to);
  return bytes + treeBytes;
}

async function checkedCounts(
  path: string,
  options: Pick<RestoreOptions, 'memoryBytes' | 'fileSystem'>,
): Promise<CheckReport['counts']> {
  const database = await open(path, { ...options, readOnly: true });
  try {
    const { problems, counts } = await database.check();
    if (problems.length === 0) return counts;
    const { where, detail } = problems[0];
    const what = `the backup is damaged (${problems.length} problems, the first: ${where}: ${detail})`;
    throw new CorruptionError(what, { file: where, offset: 0 });
  } finally {
    await database.close();
  }
}
