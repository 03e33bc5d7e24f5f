/**
 * Which version a repair goes on from: the one that the pointer names, or, if the pointer is damaged, the
 * newest whole one, which is that or one whose install was all but done.
 *
 * If the version that the pointer names is itself damaged, what it said is not known: every table on disk that
 * is older than it is taken for its own, as nothing but such tables stays for long. Those that an unfinished
 * flush or compaction has written behind it have a larger number, and their entries are elsewhere, too.
 */
import type { Hasher } from '../../base/hasher.ts';
import { type DatabaseError, isDatabaseError } from '../../errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { type FileKind, fileName, POINTER_NAME, parseFileName } from '../file-names.ts';
import { decodePointer, decodeVersion, type StoredVersion } from '../version-format.ts';
import type { Loss } from './report.ts';

export interface Place {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly hasher: Hasher;
}

export interface BaseVersion {
  /** Undefined: none can be trusted. */
  readonly stored: StoredVersion | undefined;
  /** The newest whole version older than the damaged one. */
  readonly hint: StoredVersion | undefined;
  /** Tables from this number on are not in force. */
  readonly tablesEnd: number;
  readonly files: Readonly<Record<FileKind, readonly number[]>>;
  /** Names of version files and pointers that cannot be read. */
  readonly damaged: readonly string[];
  readonly lost: readonly Loss[];
}

export function findBaseVersion(place: Place): BaseVersion {
  const files = listNumbers(place);
  const damaged: string[] = [];
  const lost: Loss[] = [];
  const whole = new Map<number, StoredVersion>();
  for (const number of files.version) {
    const version = attempt(() => readVersion(place, number));
    if (isDatabaseError(version)) damaged.push(fileName('version', number));
    else whole.set(number, version);
  }
  const named = attempt(() => readPointer(place));
  if (isDatabaseError(named)) damaged.push(POINTER_NAME);
  const number = isDatabaseError(named) ? (files.version.at(-1) ?? 0) : named;
  const stored = whole.get(number);
  if (stored !== undefined) {
    return { stored, hint: undefined, tablesEnd: Infinity, files, damaged, lost };
  }
  const older = files.version.filter((each) => each < number && whole.has(each));
  const hint = whole.get(older.at(-1) ?? -1);
  const detail =
    'it said which tables and logs are in force; all that were there before it are taken';
  const where = `${place.directory}/${fileName('version', number)}`;
  lost.push({ what: 'version', where, detail });
  const tablesEnd = number === 0 ? Infinity : number;
  return { stored: undefined, hint, tablesEnd, files, damaged, lost };
}

function readPointer({ fileSystem, directory, hasher }: Place): number {
  const path = `${directory}/${POINTER_NAME}`;
  return decodePointer(readBytes(fileSystem, path), path, hasher);
}

function readVersion({ fileSystem, directory, hasher }: Place, number: number): StoredVersion {
  const path = `${directory}/${fileName('version', number)}`;
  return decodeVersion(readBytes(fileSystem, path), number, path, hasher);
}

/** A damaged or missing file as a value; other formats and failing disks are thrown. */
function attempt<T>(run: () => T): T | DatabaseError {
  try {
    return run();
  } catch (error) {
    const isDamage = isDatabaseError(error) && ['CORRUPTION', 'NOT_FOUND'].includes(error.code);
    if (isDamage) return error;
    throw error;
  }
}

/** All of a file; shorter than its size if it ends early. */
export function readBytes(fileSystem: FileSystem, path: string): Uint8Array {
  const file = fileSystem.open(path, 'read');
  try {
    const bytes = new Uint8Array(file.size());
    return bytes.subarray(0, file.readInto(bytes, 0));
  } finally {
    file.close();
  }
}

function listNumbers({ fileSystem, directory }: Place): Record<FileKind, number[]> {
  const numbers: Record<FileKind, number[]> = { wal: [], table: [], version: [] };
  for (const name of fileSystem.list(directory)) {
    const parsed = parseFileName(name);
    if (parsed !== undefined) numbers[parsed.kind].push(parsed.number);
  }
  for (const kind of Object.values(numbers)) kind.sort((a, b) => a - b);
  return numbers;
}
