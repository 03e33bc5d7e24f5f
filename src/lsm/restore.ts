/**
 * Verifies a directory of the engine and copies it to an empty place: complete, or refused when it is
 * opened. Nothing is linked: what is restored must not share bytes with its backup.
 */
import { CorruptionError } from '../errors.ts';
import { copyFile, throwIfAborted } from '../storage/copy-file.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { beginFilling, endFilling, refuseUnfinished, undoFilling } from '../storage/unfinished.ts';
import type { BackupOptions } from './backup.ts';
import { LsmEngine } from './engine.ts';
import type { EngineOptions } from './engine-options.ts';
import { POINTER_NAME, parseFileName } from './file-names.ts';

/** How a restore is watched and ended. */
export type RestoreOptions = Pick<BackupOptions, 'onProgress' | 'signal'>;

/**
 * `options` are those that the engine is opened with. `from` is a backup, or the directory of an engine
 * that is closed. `CORRUPTION` when it is unfinished or damaged, `ALREADY_EXISTS` when `to` holds anything.
 */
export async function restoreEngine(
  fileSystem: FileSystem,
  directories: { readonly from: string; readonly to: string },
  options: EngineOptions,
  restore: RestoreOptions = {},
): Promise<void> {
  const { from, to } = directories;
  const names = engineFiles(fileSystem, from);
  await checkBackup(fileSystem, from, options);
  await beginFilling(fileSystem, to, 'a restore');
  try {
    await copyNames(fileSystem, directories, names, restore);
    await endFilling(fileSystem, to);
  } catch (error) {
    undoFilling(fileSystem, to, [...names].reverse());
    throw error;
  }
}

/** The names of an engine's files, the pointer last. `CORRUPTION` when the directory is unfinished. */
export function engineFiles(fileSystem: FileSystem, directory: string): string[] {
  refuseUnfinished(fileSystem, directory);
  const names = fileSystem.list(directory);
  const files = names.filter((name) => parseFileName(name) !== undefined);
  if (!names.includes(POINTER_NAME)) {
    const location = { file: `${directory}/${POINTER_NAME}`, offset: 0 };
    throw new CorruptionError('no complete backup: the pointer is missing', location);
  }
  return [...files, POINTER_NAME];
}

/** Copies files by name and syncs them; returns their bytes. */
export async function copyNames(
  fileSystem: FileSystem,
  { from, to }: { readonly from: string; readonly to: string },
  names: readonly string[],
  { onProgress, signal }: RestoreOptions,
): Promise<number> {
  const sizes = names.map((name) => sizeOf(fileSystem, `${from}/${name}`));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  const onBytes = (bytes: number): void => {
    done += bytes;
    onProgress?.({ phase: 'tables', done, total });
  };
  for (const name of names) {
    throwIfAborted(signal);
    await copyFile(fileSystem, `${from}/${name}`, `${to}/${name}`, { onBytes, signal });
  }
  return done;
}

export function sizeOf(fileSystem: FileSystem, path: string): number {
  const file = fileSystem.open(path, 'read');
  try {
    return file.size();
  } finally {
    file.close();
  }
}

async function checkBackup(
  fileSystem: FileSystem,
  directory: string,
  options: EngineOptions,
): Promise<void> {
  const engine = await LsmEngine.open(fileSystem, directory, { ...options, readOnly: true });
  try {
    const { problems } = await engine.check();
    if (problems.length === 0) return;
    const { where, detail } = problems[0];
    const what = `the backup is damaged (${problems.length} problems, the first: ${where}: ${detail})`;
    throw new CorruptionError(what, { file: where, offset: 0 });
  } finally {
    await engine.close();
  }
}
