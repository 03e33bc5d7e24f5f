/**
 * Writes a pinned version into a directory of its own: a database without logs, complete or refused.
 *
 *   mark → tables (linked where the file system can, else copied and synced) → directory
 *   → version file → directory → pointer → directory → the mark goes
 *
 * Tables never change, so a link is as good as a copy, except that both lie on the same device. Logs are not
 * copied: the caller checkpoints first.
 */
import type { Hasher } from '../base/hasher.ts';
import { copyFile, throwIfAborted } from '../storage/copy-file.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { isLinkRefused } from '../storage/io-error.ts';
import { beginFilling, endFilling, undoFilling } from '../storage/unfinished.ts';
import { fileName, POINTER_NAME } from './file-names.ts';
import { nextTurn } from './slices.ts';
import { encodePointer, encodeVersion } from './version-format.ts';
import type { VersionPin } from './version-pin.ts';

/** What a backup or a restore has done so far. */
export interface BackupProgress {
  /** `pages` is copied by a database only. */
  readonly phase: 'checkpoint' | 'pages' | 'tables' | 'check' | 'done';
  /** Bytes, of `total`. */
  readonly done: number;
  readonly total: number;
}

/** How a backup is written, watched and ended. */
export interface BackupOptions {
  /** Give tables a second name instead of copying them, where that works. Default: true. */
  readonly link?: boolean | undefined;
  /** Called after each piece. Default: none. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Ends the backup with `ABORTED`; what was written is removed. */
  readonly signal?: AbortSignal | undefined;
}

/** What a backup wrote. */
export interface BackupResult {
  /** The last commit that is in the backup. */
  readonly sequence: number;
  readonly tables: number;
  /** Those of the tables that share their bytes with the source. */
  readonly linkedTables: number;
  /** Of all tables. */
  readonly tableBytes: number;
}

export interface BackupTarget {
  readonly fileSystem: FileSystem;
  readonly hasher: Hasher;
  readonly directory: string;
}

/** `ALREADY_EXISTS` when the directory holds anything. After an error nothing is left in it, if possible. */
export async function writeBackup(
  pin: VersionPin,
  target: BackupTarget,
  options: BackupOptions,
): Promise<BackupResult> {
  const { fileSystem, directory } = target;
  await beginFilling(fileSystem, directory, 'a backup');
  const names: string[] = [];
  try {
    const result = await writeTables(pin, target, options, names);
    await fileSystem.syncDirectoryInBackground(directory);
    const { number } = pin.stored;
    const version = encodeVersion(pin.stored, target.hasher);
    await writeFile(target, fileName('version', number), version, names);
    await fileSystem.syncDirectoryInBackground(directory);
    await writeFile(target, POINTER_NAME, encodePointer(number, target.hasher), names);
    await endFilling(fileSystem, directory);
    return result;
  } catch (error) {
    // The pointer first: what is left, if anything, must not look complete.
    undoFilling(fileSystem, directory, names.reverse());
    throw error;
  }
}

async function writeTables(
  pin: VersionPin,
  { fileSystem, directory }: BackupTarget,
  options: BackupOptions,
  names: string[],
): Promise<BackupResult> {
  const { link = true, onProgress, signal } = options;
  const total = pin.tables.reduce((sum, { meta }) => sum + meta.sizeBytes, 0);
  let canLink = link;
  let done = 0;
  let linkedTables = 0;
  for (const { path, meta } of pin.tables) {
    throwIfAborted(signal);
    const name = fileName('table', meta.number);
    names.push(name);
    canLink &&= tryLink(fileSystem, path, `${directory}/${name}`);
    if (canLink) linkedTables++;
    else await copyFile(fileSystem, path, `${directory}/${name}`, { signal });
    done += meta.sizeBytes;
    onProgress?.({ phase: 'tables', done, total });
    await nextTurn();
  }
  throwIfAborted(signal);
  return { sequence: pin.sequence, tables: pin.tables.length, linkedTables, tableBytes: total };
}

function tryLink(fileSystem: FileSystem, source: string, target: string): boolean {
  try {
    fileSystem.link(source, target);
    return true;
  } catch (error) {
    if (!isLinkRefused(error)) throw error;
    return false;
  }
}

async function writeFile(
  { fileSystem, directory }: BackupTarget,
  name: string,
  bytes: Uint8Array,
  names: string[],
): Promise<void> {
  names.push(name);
  const file = fileSystem.open(`${directory}/${name}`, 'create');
  try {
    file.write(bytes, 0);
    await file.datasync();
  } finally {
    file.close();
  }
}
