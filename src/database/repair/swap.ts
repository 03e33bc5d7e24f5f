/**
 * Puts a rebuilt database in the place of the damaged one, in steps that another repair can finish: the
 * mark of an unfinished directory, then the page file, then the trees, then the mark goes. What was there is
 * moved to the folder `lost`.
 *
 * The rebuilt trees leave their folder last, so as long as they are in it the swap is not over; a page file is
 * always part of it, so that it is known whose the one in place is.
 */
import { PAGE_FILE_NAME } from '../../paged/page-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { endFilling, markUnfinished, UNFINISHED_NAME } from '../../storage/unfinished.ts';
import { TREE_DIRECTORY } from '../trees.ts';

/** Where the rebuilt database is made. */
export const REBUILT_DIRECTORY = 'repairing';
export const LOST_DIRECTORY = 'lost';

const POINTER = 'CURRENT';

/** Whether a swap began in the directory and did not end. */
export function isSwapping(fileSystem: FileSystem, path: string): boolean {
  const rebuilt = `${path}/${REBUILT_DIRECTORY}`;
  return (
    fileSystem.exists(`${path}/${UNFINISHED_NAME}`) &&
    fileSystem.exists(rebuilt) &&
    (fileSystem.exists(`${rebuilt}/${TREE_DIRECTORY}/${POINTER}`) ||
      !fileSystem.exists(`${rebuilt}/${TREE_DIRECTORY}`))
  );
}

/** The rebuilt database is complete and closed. Returns the names of what was moved to `lost`. */
export async function swapIn(fileSystem: FileSystem, path: string): Promise<string[]> {
  const pages = `${path}/${REBUILT_DIRECTORY}/${PAGE_FILE_NAME}`;
  if (!fileSystem.exists(pages)) {
    const file = fileSystem.open(pages, 'create');
    await file.datasync();
    file.close();
    fileSystem.syncDirectory(`${path}/${REBUILT_DIRECTORY}`);
  }
  await markUnfinished(fileSystem, path, 'a repair');
  return finishSwap(fileSystem, path);
}

/** Takes the steps that are left. */
export function finishSwap(fileSystem: FileSystem, path: string): string[] {
  const moved: string[] = [];
  for (const name of [PAGE_FILE_NAME, TREE_DIRECTORY]) {
    const rebuilt = `${path}/${REBUILT_DIRECTORY}/${name}`;
    if (!fileSystem.exists(rebuilt)) continue;
    if (fileSystem.exists(`${path}/${name}`)) moved.push(moveToLost(fileSystem, path, name));
    fileSystem.rename(rebuilt, `${path}/${name}`);
    // The new name before the loss of the old one: a crash between leaves it under both, not under none.
    fileSystem.syncDirectory(path);
    fileSystem.syncDirectory(`${path}/${REBUILT_DIRECTORY}`);
  }
  endFilling(fileSystem, path);
  return moved;
}

function moveToLost(fileSystem: FileSystem, path: string, name: string): string {
  const lost = `${path}/${LOST_DIRECTORY}`;
  fileSystem.makeDirectory(lost);
  const taken = new Set(fileSystem.list(lost));
  let target = name;
  for (let i = 2; taken.has(target); i++) target = `${name}-${i}`;
  fileSystem.rename(`${path}/${name}`, `${lost}/${target}`);
  fileSystem.syncDirectory(lost);
  fileSystem.syncDirectory(path);
  return target;
}

/** Removes what an interrupted rebuild has left, so that another can begin. */
export function clearRebuilt(fileSystem: FileSystem, path: string): void {
  const rebuilt = `${path}/${REBUILT_DIRECTORY}`;
  const trees = `${rebuilt}/${TREE_DIRECTORY}`;
  if (fileSystem.exists(trees)) {
    for (const name of fileSystem.list(trees)) fileSystem.remove(`${trees}/${name}`);
  }
  fileSystem.remove(`${rebuilt}/${PAGE_FILE_NAME}`);
}
