/** Shows any file of an engine, or all of a directory, as lines of text. */
import type { Hasher } from '../../base/hasher.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { POINTER_NAME, parseFileName } from '../file-names.ts';
import { readBytes } from '../repair/base-version.ts';
import { sizeOf } from '../restore.ts';
import { dumpLog } from './dump-log.ts';
import { dumpTable } from './dump-table.ts';
import { dumpPointer, dumpVersion } from './dump-version.ts';

/** Undefined when the name is none of an engine's. Reads the file when the first line is asked for. */
export function dumpFile(
  fileSystem: FileSystem,
  path: string,
  hasher: Hasher,
): Generator<string> | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === POINTER_NAME) return lazily(() => dumpPointer(readBytes(fileSystem, path), hasher));
  const parsed = parseFileName(name);
  if (parsed === undefined) return undefined;
  const { kind, number } = parsed;
  return lazily(() => {
    const bytes = readBytes(fileSystem, path);
    if (kind === 'wal') return dumpLog({ bytes, number, hasher });
    if (kind === 'table') return dumpTable({ bytes, number, file: path, hasher });
    return dumpVersion(bytes, number, hasher);
  });
}

/** Pointer and versions in full, of every other file the name and the size. */
export function* dumpDirectory(
  fileSystem: FileSystem,
  directory: string,
  hasher: Hasher,
): Generator<string> {
  for (const name of fileSystem.list(directory)) {
    const path = `${directory}/${name}`;
    const kind = name === POINTER_NAME ? 'pointer' : parseFileName(name)?.kind;
    if (kind === undefined) {
      yield `${name}: not a file of the engine`;
    } else if (kind === 'pointer' || kind === 'version') {
      yield `${name}:`;
      for (const line of dumpFile(fileSystem, path, hasher) ?? []) yield `  ${line}`;
    } else {
      yield `${name}: ${sizeOf(fileSystem, path)} bytes`;
    }
  }
}

function* lazily(make: () => Generator<string>): Generator<string> {
  yield* make();
}
