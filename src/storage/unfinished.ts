/**
 * The mark of a directory that is being filled by a backup, a restore or a repair. It is there before
 * anything else and goes last, so whoever finds it knows that the directory is not whole, and refuses it.
 *
 * The file `UNFINISHED` says in words what was under way.
 */
import { CorruptionError, DatabaseError } from '../errors.ts';
import type { FileSystem } from './file-system.ts';

export const UNFINISHED_NAME = 'UNFINISHED';

/**
 * Makes the directory if it is missing, and marks it. `ALREADY_EXISTS` unless it is missing or empty, but for
 * subdirectories of the names in `mayHave` that are empty themselves.
 */
export async function beginFilling(
  fileSystem: FileSystem,
  directory: string,
  what: string,
  mayHave: readonly string[] = [],
): Promise<void> {
  const holds = (name: string): boolean =>
    !mayHave.includes(name) || fileSystem.list(`${directory}/${name}`).length > 0;
  if (fileSystem.exists(directory) && fileSystem.list(directory).some(holds)) {
    const message = `${directory} is not empty: ${what} needs a directory that is empty or missing`;
    throw new DatabaseError('ALREADY_EXISTS', message);
  }
  fileSystem.makeDirectory(directory);
  await markUnfinished(fileSystem, directory, what);
}

/** Marks a directory, whatever it holds. */
export async function markUnfinished(
  fileSystem: FileSystem,
  directory: string,
  what: string,
): Promise<void> {
  const file = fileSystem.open(`${directory}/${UNFINISHED_NAME}`, 'create');
  try {
    file.write(new TextEncoder().encode(`${what}\n`), 0);
    await file.datasync();
  } finally {
    file.close();
  }
  await fileSystem.syncDirectoryInBackground(directory);
}

/** Everything in the directory is on the device: the mark goes. */
export async function endFilling(fileSystem: FileSystem, directory: string): Promise<void> {
  await fileSystem.syncDirectoryInBackground(directory);
  fileSystem.remove(`${directory}/${UNFINISHED_NAME}`);
  await fileSystem.syncDirectoryInBackground(directory);
}

/** `CORRUPTION` when the directory carries the mark. */
export function refuseUnfinished(fileSystem: FileSystem, directory: string): void {
  const file = `${directory}/${UNFINISHED_NAME}`;
  if (!fileSystem.exists(file)) return;
  throw unfinished(directory);
}

/** As `refuseUnfinished`, for callers that have listed the directory already. */
export function unfinished(directory: string): CorruptionError {
  const what =
    `${directory} is unfinished: a backup, restore or repair into it did not end; ` +
    'delete it and begin again (after a repair: repair again)';
  return new CorruptionError(what, { file: `${directory}/${UNFINISHED_NAME}`, offset: 0 });
}

/** After a failure: removes the files that were made, the mark last, as far as they can be removed. */
export function undoFilling(
  fileSystem: FileSystem,
  directory: string,
  names: readonly string[],
): void {
  for (const name of [...names, UNFINISHED_NAME]) {
    try {
      fileSystem.remove(`${directory}/${name}`);
    } catch {
      return; // The mark stays: the directory is refused.
    }
  }
}
