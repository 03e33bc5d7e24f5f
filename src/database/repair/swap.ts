/**
 * Puts a rebuilt database in the place of the damaged one, in steps that another repair can finish: the mark
 * of an unfinished directory, then the page file, then the trees, then the mark goes. Each step is a rename
 * within the directory, on the device before the next one. What was there stays beside it as `….lost`.
 *
 * A page file is always part of it, so that it is known whose the one in place is.
 */
import { PAGE_FILE_NAME } from '../../paged/page-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { endFilling, markUnfinished, UNFINISHED_NAME } from '../../storage/unfinished.ts';
import { TREE_DIRECTORY } from '../trees.ts';

/** Of the names under which the new database is made. */
export const REBUILT_SUFFIX = '.repaired';
const LOST_SUFFIX = '.lost';
const MARK = 'a repair';
const POINTER = 'CURRENT';

/** Whether a swap began in the directory and did not end. */
export function isSwapping(fileSystem: FileSystem, path: string): boolean {
  const mark = `${path}/${UNFINISHED_NAME}`;
  if (!fileSystem.exists(mark)) return false;
  // A crash may leave the mark without its text; it was made when the new database was complete.
  if (fileSystem.exists(`${path}/${TREE_DIRECTORY}${REBUILT_SUFFIX}/${POINTER}`)) return true;
  const file = fileSystem.open(mark, 'read');
  try {
    const text = new Uint8Array(MARK.length);
    file.readInto(text, 0);
    return new TextDecoder().decode(text) === MARK;
  } finally {
    file.close();
  }
}

/** The rebuilt database is complete and closed. Returns the names of what was put aside. */
export async function swapIn(fileSystem: FileSystem, path: string): Promise<string[]> {
  const pages = `${path}/${PAGE_FILE_NAME}${REBUILT_SUFFIX}`;
  if (!fileSystem.exists(pages)) {
    const file = fileSystem.open(pages, 'create');
    try {
      await file.datasync();
    } finally {
      file.close();
    }
  }
  fileSystem.syncDirectory(path);
  await markUnfinished(fileSystem, path, MARK);
  return await finishSwap(fileSystem, path);
}

/** Takes the steps that are left. */
export async function finishSwap(fileSystem: FileSystem, path: string): Promise<string[]> {
  const moved: string[] = [];
  for (const name of [PAGE_FILE_NAME, TREE_DIRECTORY]) {
    const rebuilt = `${path}/${name}${REBUILT_SUFFIX}`;
    if (!fileSystem.exists(rebuilt)) continue;
    if (fileSystem.exists(`${path}/${name}`)) moved.push(putAside(fileSystem, path, name));
    fileSystem.rename(rebuilt, `${path}/${name}`);
    fileSystem.syncDirectory(path);
  }
  await endFilling(fileSystem, path);
  return moved;
}

function putAside(fileSystem: FileSystem, path: string, name: string): string {
  let target = `${name}${LOST_SUFFIX}`;
  for (let i = 2; fileSystem.exists(`${path}/${target}`); i++) {
    target = `${name}${LOST_SUFFIX}-${i}`;
  }
  fileSystem.rename(`${path}/${name}`, `${path}/${target}`);
  fileSystem.syncDirectory(path);
  return target;
}

/** Removes what an interrupted rebuild has left, so that another can begin. No swap has begun. */
export function clearRebuilt(fileSystem: FileSystem, path: string): void {
  const trees = `${path}/${TREE_DIRECTORY}${REBUILT_SUFFIX}`;
  if (fileSystem.exists(trees)) {
    for (const name of fileSystem.list(trees)) fileSystem.remove(`${trees}/${name}`);
  }
  fileSystem.remove(`${path}/${PAGE_FILE_NAME}${REBUILT_SUFFIX}`);
}
