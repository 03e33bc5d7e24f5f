/**
 * The current version, and the one way to replace it. Each step of an install is on the device before the
 * next one begins:
 *
 *   the new tables (synced by whoever wrote them) → directory → version file → directory
 *   → pointer: temporary file, sync, rename → directory → only then deletions
 *
 * The files of the previous two versions are kept, for repair alone. A file number is never given twice.
 * Names that `file-names.ts` does not know are not touched.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { CorruptionError, type DatabaseError, isDatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import {
  FILE_NUMBER_MAX,
  type FileKind,
  fileName,
  POINTER_NAME,
  POINTER_TEMPORARY_NAME,
} from './file-names.ts';
import { FileRemover } from './file-remover.ts';
import type { SeededBug, SeededBugs } from './seeded-bugs.ts';
import type { Slices } from './slices.ts';
import { TableFile, type TableFileContext } from './table-file.ts';
import { placeTables, Version, type VersionEdit } from './version.ts';
import {
  decodePointer,
  decodeVersion,
  encodePointer,
  encodeVersion,
  type StoredTree,
  type StoredVersion,
} from './version-format.ts';

const PREVIOUS_VERSIONS_KEPT = 2;

export interface VersionSetOptions extends TableFileContext {
  readonly hasher: Hasher;
  /** The trees that the next version file names. */
  readonly trees: readonly StoredTree[];
  /** Above every number on disk and every number given out before. */
  readonly nextFileNumber: number;
  /** Numbers of the version files on disk that are not newer than the current one, ascending. */
  readonly versionFiles: readonly number[];
  readonly seededBugs: SeededBugs;
  /** Told of the synchronous parts of an install. */
  readonly slices: Slices;
}

export class VersionSet {
  readonly #options: VersionSetOptions;
  readonly #remover: FileRemover;
  #nextFileNumber: number;
  #current: Version;
  #versionFiles: readonly number[];
  /** Installs run one at a time, in call order. */
  #tail: Promise<unknown> = Promise.resolve();
  /** Set when an install has failed: what the pointer names is not known, so nothing is deleted. */
  #isFrozen = false;

  /** Goes on from what the disk holds: a decoded version, or an empty one that is not on disk yet. */
  constructor(stored: StoredVersion, options: VersionSetOptions) {
    this.#options = options;
    this.#remover = new FileRemover(options.fileSystem);
    this.#nextFileNumber = options.nextFileNumber;
    this.#versionFiles = options.versionFiles;
    const runs = placeTables(
      stored.tables.map(({ level, run, meta }) => ({
        level,
        run,
        table: new TableFile(meta, options),
      })),
    );
    this.#current = new Version({ ...stored, runs }, (table) => this.#discard(table));
  }

  get current(): Version {
    return this.#current;
  }

  newFileNumber(): number {
    assert(this.#nextFileNumber < FILE_NUMBER_MAX, 'file numbers are u32');
    return this.#nextFileNumber++;
  }

  /** The first of `count` numbers in a row, for a job that takes them one after the other. */
  reserveFileNumbers(count: number): number {
    const first = this.#nextFileNumber;
    assert(first + count < FILE_NUMBER_MAX, 'file numbers are u32');
    this.#nextFileNumber += count;
    return first;
  }

  /** Takes back the last ones of a reservation, which were never used, if no number was given out since. */
  returnFileNumbers(from: number, end: number): void {
    assert(from <= end && end <= this.#nextFileNumber, 'only reserved numbers come back');
    if (end === this.#nextFileNumber) this.#nextFileNumber = from;
  }

  /** Nothing is deleted from here on. */
  freeze(): void {
    this.#isFrozen = true;
    this.#remover.stop();
  }

  /**
   * Makes the edited version the current one, on disk first, and calls `onSwitch` in the moment in which
   * it becomes so. New tables are synced already. When it rejects, no later install may follow.
   */
  install(edit: VersionEdit, onSwitch?: () => void): Promise<void> {
    const installing = this.#tail.then(() => this.#install(edit, onSwitch));
    this.#tail = installing.catch(() => {});
    return installing;
  }

  /** Runs `look` between two installs: what the disk names then is the current version. */
  betweenInstalls(look: () => void): Promise<void> {
    const looking = this.#tail.then(look);
    this.#tail = looking.catch(() => {});
    return looking;
  }

  /** Removes, by and by, a file that the current version does not name. */
  removeFile(kind: FileKind, number: number): void {
    this.#remover.remove(this.#path(fileName(kind, number)));
  }

  /** Waits for the install and the deletions under way, and closes all tables. */
  async close(): Promise<void> {
    await this.#tail;
    await this.#remover.drained();
    this.freeze();
    for (const table of this.#current.tables()) quietly(() => table.close());
  }

  async #install(edit: VersionEdit, onSwitch: (() => void) | undefined): Promise<void> {
    assert(!this.#isFrozen, 'no install follows a failed one');
    const { fileSystem, hasher, trees } = this.#options;
    const old = this.#current;
    const number = this.newFileNumber();
    const { next, bytes } = this.#options.slices.timed(() => {
      const state = old.edited(edit, number, trees);
      const edited = new Version(state, (table) => this.#discard(table));
      const nextFileNumber = this.#nextFileNumber;
      const stored = { ...state, nextFileNumber, tables: edited.placedTables() };
      return { next: edited, bytes: encodeVersion(stored, hasher) };
    });
    try {
      await this.#syncDirectory('the name of a version is not synced');
      const name = fileName('version', number);
      const unsynced = 'a version is not synced before the pointer';
      await this.#writeFile(name, bytes, unsynced);
      await this.#syncDirectory('the name of a version is not synced');
      fileSystem.remove(this.#path(POINTER_TEMPORARY_NAME));
      const pointer = encodePointer(number, hasher);
      const early = 'the pointer is renamed before its sync';
      await this.#writeFile(POINTER_TEMPORARY_NAME, pointer, early);
      const temporary = this.#path(POINTER_TEMPORARY_NAME);
      await fileSystem.renameInBackground(temporary, this.#path(POINTER_NAME));
      await this.#syncDirectory('files are deleted before the pointer is synced');
    } catch (error) {
      this.freeze();
      throw error;
    }
    this.#options.slices.timed(() => {
      this.#current = next;
      onSwitch?.();
      old.release();
    });
    if (this.#options.seededBugs.has('a table is removed under its readers')) {
      const kept = new Set(next.tables());
      for (const table of edit.removed) if (!kept.has(table)) this.#discard(table);
    }
    const versions = [...this.#versionFiles, number];
    this.#versionFiles = versions.slice(-1 - PREVIOUS_VERSIONS_KEPT);
    for (const obsolete of versions.slice(0, -1 - PREVIOUS_VERSIONS_KEPT)) {
      this.removeFile('version', obsolete);
    }
  }

  async #syncDirectory(unless: SeededBug): Promise<void> {
    const { fileSystem, directory, seededBugs } = this.#options;
    if (!seededBugs.has(unless)) await fileSystem.syncDirectoryInBackground(directory);
  }

  /** Synced, unless the engine has that bug. */
  async #writeFile(name: string, bytes: Uint8Array, unless: SeededBug): Promise<void> {
    const file = this.#options.fileSystem.open(this.#path(name), 'create');
    try {
      file.write(bytes, 0);
      if (!this.#options.seededBugs.has(unless)) await file.datasync();
    } finally {
      file.close();
    }
  }

  #discard(table: TableFile): void {
    quietly(() => table.close());
    this.#remover.remove(table.path);
  }

  #path(name: string): string {
    return `${this.#options.directory}/${name}`;
  }
}

/** For closing a file that was only read. */
function quietly(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
  }
}

/** Reads the version that the pointer names; undefined when there is no pointer. */
export function readCurrentVersion(
  fileSystem: FileSystem,
  directory: string,
  hasher: Hasher,
): StoredVersion | undefined {
  const pointerPath = `${directory}/${POINTER_NAME}`;
  if (!fileSystem.exists(pointerPath)) return undefined;
  const number = decodePointer(readFile(fileSystem, pointerPath), pointerPath, hasher);
  const path = `${directory}/${fileName('version', number)}`;
  if (!fileSystem.exists(path)) {
    const location = { file: pointerPath, offset: 8 };
    throw new CorruptionError(`pointer to version ${number}, which is missing`, location);
  }
  return decodeVersion(readFile(fileSystem, path), number, path, hasher);
}

/** Decodes one version file, whatever the pointer says; an error instead of throwing it. */
export function tryReadVersion(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  hasher: Hasher,
): StoredVersion | DatabaseError {
  const path = `${directory}/${fileName('version', number)}`;
  try {
    return decodeVersion(readFile(fileSystem, path), number, path, hasher);
  } catch (error) {
    if (isDatabaseError(error)) return error;
    throw error;
  }
}

function readFile(fileSystem: FileSystem, path: string): Uint8Array {
  const file = fileSystem.open(path, 'read');
  try {
    const bytes = new Uint8Array(file.size());
    const length = file.readInto(bytes, 0);
    if (length < bytes.length)
      throw new CorruptionError('file ends early', { file: path, offset: length });
    return bytes;
  } finally {
    file.close();
  }
}
