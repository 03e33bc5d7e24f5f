/**
 * Finds the texts under a folder: READMEs and Markdown files, on request plain text too. Symbolic links are
 * not followed, so that a tree of links (a workspace) is neither walked twice nor for ever.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeSystemError, inputError } from '../command-error.ts';

export interface TextFile {
  /** As the user would name it: the given folder, then the path in it, with `/`. Ids begin with it. */
  readonly path: string;
  /** Where to read it. */
  readonly file: string;
  readonly bytes: number;
  /** Changes when the file does: size and times. */
  readonly signature: string;
  /** false: plain text without headings. */
  readonly isMarkdown: boolean;
}

export interface FoundFiles {
  /** Sorted by path. */
  readonly files: TextFile[];
  /** Files and folders that could not be read, with the reason. */
  readonly unreadable: string[];
}

const markdownName = /\.(?:md|markdown|mdown|mkd)$/iu;
const readmeName = /^readme(?:\.[a-z0-9-]{1,10})?$/iu;
const plainName = /\.(?:txt|text)$/iu;
const codeName = /\.(?:c?js|mjs|json|ts|html?|png|svg|gif|jpe?g|pdf|zip)$/iu;
const pathBytesMax = 1000;

/** Whether the name is one of a Markdown file, of a README or, with `plain`, of a text file; `.gz` may follow. */
export function isTextFileName(fileName: string, plain: boolean): boolean {
  const name = withoutGzip(fileName);
  if (markdownName.test(name)) return true;
  return (readmeName.test(name) && !codeName.test(name)) || (plain && plainName.test(name));
}

/** Walks `root`, which may also be one file. Errors: a `CommandError` when `root` cannot be read. */
export async function findTextFiles(
  root: string,
  options: { plain?: boolean } = {},
): Promise<FoundFiles> {
  const { plain = false } = options;
  const found: FoundFiles = { files: [], unreadable: [] };
  const shown = root
    .replaceAll('\\', '/')
    .replace(/(?<=[^/])\/+$/u, '')
    .replace(/^\.\/(?=.)/u, '');
  try {
    const info = await stat(root);
    if (!info.isDirectory()) await addFile(found, root, shown);
    else await walk(found, root, shown, { plain, isRoot: true });
  } catch (error) {
    throw inputError(root, describeSystemError(error), error);
  }
  found.files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return found;
}

function withoutGzip(name: string): string {
  return name.replace(/\.gz$/u, '');
}

async function walk(
  found: FoundFiles,
  folder: string,
  shown: string,
  options: { plain: boolean; isRoot: boolean },
): Promise<void> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(folder);
  } catch (error) {
    if (options.isRoot) throw error;
    found.unreadable.push(`${shown}: ${describeSystemError(error)}`);
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    const shownPath = shown === '.' ? entry.name : `${shown === '/' ? '' : shown}/${entry.name}`;
    if (entry.isDirectory()) {
      if (entry.name !== '.git') await walk(found, path, shownPath, { ...options, isRoot: false });
    } else if (entry.isFile() && isTextFileName(entry.name, options.plain)) {
      await addFile(found, path, shownPath);
    }
  }
}

function readEntries(folder: string): Promise<import('node:fs').Dirent[]> {
  return readdir(folder, { withFileTypes: true });
}

async function addFile(found: FoundFiles, file: string, path: string): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    found.unreadable.push(`${path}: path too long for an id`);
    return;
  }
  try {
    const { size, mtimeMs, ctimeMs } = await stat(file);
    // npm gives every file of a package the same old modification time: the change time tells more.
    const signature = `${size}:${mtimeMs}:${ctimeMs}`;
    const name = withoutGzip(basename(file));
    found.files.push({ path, file, bytes: size, signature, isMarkdown: !plainName.test(name) });
  } catch (error) {
    found.unreadable.push(`${path}: ${describeSystemError(error)}`);
  }
}
