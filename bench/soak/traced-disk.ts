/**
 * A disk as a trace of calls leaves it: what programs see, and what of it a power cut may take away.
 *
 * Nothing is certain before its sync, so each unsynced change is a decision with a few outcomes: a change of a
 * directory is kept or lost; of a write, no sector is kept, all, or those before or behind a cut; a new length is
 * kept, lost, or got half way. Decisions do not depend on each other, whatever the order of the calls: that is
 * what POSIX allows. A kept sector has the bytes that it had after its write, so a later write of the same
 * sector brings the earlier ones along, as on a disk.
 */
import { createHash } from 'node:crypto';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';
import type { TracedCall } from '../../src/storage/tracing-file-system.ts';
import { TracedFile } from './traced-file.ts';

/** What becomes of each decision, in the order of `TracedDisk.decisions`. */
export type Outcome = readonly number[];

/** A decision's outcome in which nothing is lost; 0 is the one in which nothing is kept. */
export const KEPT = 1;

export interface Decision {
  readonly what: string;
  /** Outcomes are 0 to `outcomes - 1`. */
  readonly outcomes: number;
}

/** A disk at rest: everything on it is durable. */
export interface DiskImage {
  readonly directories: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Equal for equal disks. */
  readonly key: string;
}

/** `unset` loses its entry, then `set` names the file. */
interface Change {
  readonly unset?: string | undefined;
  readonly set?: string | undefined;
  readonly file?: TracedFile | undefined;
}

/** Paths of files, and what they name; one of `set` and `unset` may be missing. */
interface Directory {
  durable: Map<string, TracedFile>;
  readonly current: Map<string, TracedFile>;
  changes: Change[];
  /** Changes that are durable: of those ever made, the first so many. */
  synced: number;
  /** Syncs in the background that have not ended, oldest first: what they cover. */
  readonly flights: { readonly entries: Map<string, TracedFile>; readonly end: number }[];
}

export class TracedDisk {
  readonly #directories = new Map<string, Directory>();
  /** By the path under which they were opened last. */
  readonly #opened = new Map<string, TracedFile>();

  constructor(image?: DiskImage) {
    for (const path of image?.directories ?? []) this.#directory(path);
    for (const [path, bytes] of image?.files ?? []) {
      const file = new TracedFile(bytes);
      const directory = this.#directory(parentOf(path));
      directory.durable.set(path, file);
      directory.current.set(path, file);
    }
  }

  /** Follows one call. Returns whether a crash right after it may leave what none before it could. */
  apply(call: TracedCall): boolean {
    if (call.failure !== undefined) return false;
    const { operation, path, source } = call;
    switch (operation) {
      case 'open':
        return this.#open(call);
      case 'write':
      case 'truncate':
        this.#file(path).change(call);
        return true;
      case 'sync':
        if (this.#isDirectory(path)) this.#beginDirectorySync(path);
        else this.#file(path).beginSync();
        return false;
      case 'synced':
        if (this.#isDirectory(path)) this.#endDirectorySync(path);
        else this.#file(path).endSync();
        return true;
      case 'makeDirectory':
        this.#directory(path);
        return true;
      case 'syncDirectory':
        this.#syncDirectory(path);
        return true;
      case 'rename':
      case 'link':
        this.#name(path, this.#named(source ?? ''), operation === 'rename' ? source : undefined);
        return true;
      case 'remove':
        return this.#remove(path);
      default:
        return false;
    }
  }

  /** All that is not certain now. */
  decisions(): Decision[] {
    const decisions: Decision[] = [];
    for (const directory of this.#directories.values()) {
      for (const change of directory.changes) {
        decisions.push({ what: `entry ${describe(change)}`, outcomes: 2 });
      }
    }
    for (const [file, path] of this.#reachable()) {
      for (const { what, outcomes } of file.decisions()) {
        decisions.push({ what: `${path}: ${what}`, outcomes });
      }
    }
    return decisions;
  }

  /** The disk that a crash with that outcome leaves. */
  image(outcome: Outcome): DiskImage {
    let next = 0;
    const names = new Map<string, TracedFile>();
    for (const directory of this.#directories.values()) {
      const entries = new Map(directory.durable);
      for (const change of directory.changes) {
        if (outcome[next++] === KEPT) applyChange(change, entries);
      }
      for (const [path, file] of entries) names.set(path, file);
    }
    const left = new Map<TracedFile, { bytes: Uint8Array; digest: string }>();
    for (const file of this.#reachable().keys()) {
      const count = file.decisions().length;
      left.set(file, file.after(outcome.slice(next, next + count)));
      next += count;
    }
    const files = new Map<string, Uint8Array>();
    const hash = createHash('sha1');
    const directories = [...this.#directories.keys()].sort();
    for (const path of directories) hash.update(`${path}/\n`);
    for (const [path, file] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const { bytes, digest } = left.get(file)!;
      files.set(path, bytes);
      hash.update(`${path} ${digest}\n`);
    }
    return { directories, files, key: hash.digest('hex') };
  }

  /** Files that a name stands for now, or may stand for after a crash, with one such name. */
  #reachable(): Map<TracedFile, string> {
    const files = new Map<TracedFile, string>();
    for (const { durable, changes } of this.#directories.values()) {
      for (const [path, file] of durable) if (!files.has(file)) files.set(file, path);
      for (const { set = '', file } of changes) {
        if (file !== undefined && !files.has(file)) files.set(file, set);
      }
    }
    return files;
  }

  #directory(path: string): Directory {
    const name = normal(path);
    let directory = this.#directories.get(name);
    if (directory === undefined) {
      const names = { durable: new Map(), current: new Map() };
      directory = { ...names, changes: [], synced: 0, flights: [] };
      this.#directories.set(name, directory);
    }
    return directory;
  }

  #open({ path, mode }: TracedCall): boolean {
    if (mode !== 'create') {
      this.#opened.set(path, this.#named(path));
      return false;
    }
    const file = new TracedFile(new Uint8Array(0));
    this.#opened.set(path, file);
    this.#name(path, file);
    return true;
  }

  #file(path: string): TracedFile {
    const file = this.#opened.get(path);
    if (file === undefined) throw new Error(`the trace uses ${path}, which was not opened in it`);
    return file;
  }

  #named(path: string): TracedFile {
    const file = this.#directory(parentOf(path)).current.get(normal(path));
    if (file === undefined) throw new Error(`the trace names ${path}, which is not there`);
    return file;
  }

  /** Within a directory a rename is one change; between two it is two. */
  #name(path: string, file: TracedFile, from?: string): void {
    const target = this.#directory(parentOf(path));
    if (target.current.get(normal(path)) === file) return; // Two names of one file: POSIX leaves both.
    const source = from === undefined ? undefined : this.#directory(parentOf(from));
    const unset = from === undefined ? undefined : normal(from);
    const isOne = source === target;
    if (source !== undefined && !isOne) this.#change(source, { unset });
    this.#change(target, { unset: isOne ? unset : undefined, set: normal(path), file });
  }

  #remove(path: string): boolean {
    const directory = this.#directory(parentOf(path));
    if (!directory.current.has(normal(path))) return false;
    this.#change(directory, { unset: normal(path) });
    return true;
  }

  #change(directory: Directory, change: Change): void {
    applyChange(change, directory.current);
    directory.changes.push(change);
  }

  #isDirectory(path: string): boolean {
    return this.#directories.has(normal(path));
  }

  #syncDirectory(path: string): void {
    const directory = this.#directory(path);
    directory.durable = new Map(directory.current);
    directory.synced += directory.changes.length;
    directory.changes = [];
  }

  #beginDirectorySync(path: string): void {
    const { current, changes, synced, flights } = this.#directory(path);
    flights.push({ entries: new Map(current), end: synced + changes.length });
  }

  /** Ends the oldest one, unless a later sync has covered it. */
  #endDirectorySync(path: string): void {
    const directory = this.#directory(path);
    const flight = directory.flights.shift();
    if (flight === undefined || flight.end <= directory.synced) return;
    directory.durable = flight.entries;
    directory.changes = directory.changes.slice(flight.end - directory.synced);
    directory.synced = flight.end;
  }
}

/** A file system that holds the image, all of it durable. */
export function fileSystemOf({ directories, files }: DiskImage): MemoryFileSystem {
  const memory = new MemoryFileSystem();
  for (const directory of directories) memory.makeDirectory(directory);
  for (const [path, bytes] of files) {
    const file = memory.open(path, 'create');
    file.write(bytes, 0);
    file.close();
  }
  return memory.crash(0, 1);
}

function applyChange({ unset, set, file }: Change, entries: Map<string, TracedFile>): void {
  if (unset !== undefined) entries.delete(unset);
  if (set !== undefined && file !== undefined) entries.set(set, file);
}

function describe({ unset, set }: Change): string {
  if (unset === undefined) return `${set} made`;
  return set === undefined ? `${unset} removed` : `${unset} renamed to ${set}`;
}

/** One form for one path, without a slash in front. */
function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function parentOf(path: string): string {
  const name = normal(path);
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}
