/**
 * The entries of one directory of the memory file system, twice: as programs see them, and as they
 * would be found after a power failure.
 *
 * Every change since the last sync of the directory is remembered, and a crash keeps any subset of
 * them, applied in order. A rename inside the directory is one change, so it happens or does not;
 * between directories it is two.
 */
import type { Random } from '../base/random.ts';
import type { CrashableFile } from './crashable-file.ts';

export type Entry = CrashableFile | CrashableDirectory;

/** `unset` loses its entry, then `set` points at `entry`. One of the names may be missing. */
interface Change {
  readonly unset?: string;
  readonly set?: string;
  readonly entry?: Entry;
}

export class CrashableDirectory {
  readonly #current = new Map<string, Entry>();
  #durable = new Map<string, Entry>();
  #changes: Change[] = [];
  /** Changes that are durable: of those ever made, the first so many. */
  #synced = 0;

  get(name: string): Entry | undefined {
    return this.#current.get(name);
  }

  names(): string[] {
    return [...this.#current.keys()].sort();
  }

  set(name: string, entry: Entry): void {
    this.#change({ set: name, entry });
  }

  remove(name: string): void {
    this.#change({ unset: name });
  }

  rename(source: string, target: string, entry: Entry): void {
    this.#change({ unset: source, set: target, entry });
  }

  sync(): void {
    this.beginSync()();
  }

  /** What is returned makes durable what was changed before this call. */
  beginSync(): () => void {
    const entries = new Map(this.#current);
    const end = this.#synced + this.#changes.length;
    return () => {
      if (end < this.#synced) return; // A later sync was faster.
      this.#durable = entries;
      this.#changes = this.#changes.slice(end - this.#synced);
      this.#synced = end;
    };
  }

  /**
   * A directory as a crash might leave this one, with all below it. Each unsynced change is kept with
   * the given probability. `done` holds the crashed form of what was met before, as an entry may stand
   * under two names.
   */
  crashed(random: Random, keepUnsynced: number, done: Map<Entry, Entry>): CrashableDirectory {
    const left = new CrashableDirectory();
    done.set(this, left);
    const entries = new Map(this.#durable);
    for (const change of this.#changes) {
      if (random() < keepUnsynced) apply(change, entries);
    }
    for (const [name, entry] of entries) {
      let crashed = done.get(entry);
      if (crashed === undefined) {
        crashed = entry.crashed(random, keepUnsynced, done);
        done.set(entry, crashed);
      }
      left.#current.set(name, crashed);
    }
    left.sync();
    return left;
  }

  #change(change: Change): void {
    apply(change, this.#current);
    this.#changes.push(change);
  }
}

function apply(change: Change, entries: Map<string, Entry>): void {
  if (change.unset !== undefined) entries.delete(change.unset);
  if (change.set !== undefined && change.entry !== undefined) entries.set(change.set, change.entry);
}
