/**
 * File systems for a repair, whose caller holds the lock of the database: its parts are opened as if nobody had
 * it. One of them puts the files of the database under other names in the same directory, where the new one is
 * made: a rename within a directory happens or does not, between two of them it may half happen.
 */
import type { File, FileSystem, Lock, OpenMode } from '../../storage/file-system.ts';
import { InterceptingFileSystem, passing } from '../../storage/intercepting-file-system.ts';

export class HeldLockFileSystem extends InterceptingFileSystem {
  constructor(inner: FileSystem) {
    super(inner, passing);
  }

  override async lock(): Promise<Lock> {
    return { isHeld: () => true, release: async () => {} };
  }

  override async waitUntilUnlocked(): Promise<void> {}
}

/** Renames whatever lies at, or below, the given paths by a suffix. */
export class RebuildingFileSystem extends HeldLockFileSystem {
  readonly #paths: readonly string[];
  readonly #suffix: string;

  constructor(inner: FileSystem, paths: readonly string[], suffix: string) {
    super(inner);
    this.#paths = paths;
    this.#suffix = suffix;
  }

  override open(path: string, mode: OpenMode): File {
    return super.open(this.#mapped(path), mode);
  }

  override list(directory: string): string[] {
    return super.list(this.#mapped(directory));
  }

  override exists(path: string): boolean {
    return super.exists(this.#mapped(path));
  }

  override rename(source: string, target: string): void {
    super.rename(this.#mapped(source), this.#mapped(target));
  }

  override async renameInBackground(source: string, target: string): Promise<void> {
    await super.renameInBackground(this.#mapped(source), this.#mapped(target));
  }

  override link(source: string, target: string): void {
    super.link(this.#mapped(source), this.#mapped(target));
  }

  override remove(path: string): void {
    super.remove(this.#mapped(path));
  }

  override async removeInBackground(path: string): Promise<void> {
    await super.removeInBackground(this.#mapped(path));
  }

  override makeDirectory(path: string): void {
    super.makeDirectory(this.#mapped(path));
  }

  override syncDirectory(directory: string): void {
    super.syncDirectory(this.#mapped(directory));
  }

  override async syncDirectoryInBackground(directory: string): Promise<void> {
    await super.syncDirectoryInBackground(this.#mapped(directory));
  }

  #mapped(path: string): string {
    for (const base of this.#paths) {
      if (path === base || path.startsWith(`${base}/`)) {
        return `${base}${this.#suffix}${path.slice(base.length)}`;
      }
    }
    return path;
  }
}
