/**
 * The file system of a database that reads several things at once where reads are slow: its files ask the stage
 * (`staged-reads.ts`) while a load is tried, tell it what is written over, and time some of the other reads. Files
 * that cannot be read in the background are handed through as they are.
 */
import type { File, FileSystem, OpenMode, ThreadAccess } from './file-system.ts';
import { InterceptingFileSystem, passing } from './intercepting-file-system.ts';
import type { StagedReads } from './staged-reads.ts';

export class StagingFileSystem extends InterceptingFileSystem {
  readonly #inner: FileSystem;
  readonly #stage: StagedReads;

  constructor(inner: FileSystem, stage: StagedReads) {
    super(inner, passing);
    this.#inner = inner;
    this.#stage = stage;
  }

  override open(path: string, mode: OpenMode, purpose?: string): File {
    const file = this.#inner.open(path, mode, purpose);
    if (mode === 'create') this.#stage.forget(path, 0, Number.POSITIVE_INFINITY);
    return file.readInBackground === undefined ? file : new StagedFile(file, this.#stage);
  }

  threadAccess(): ThreadAccess | undefined {
    return this.#inner.threadAccess?.();
  }
}

class StagedFile implements File {
  readonly path: string;
  readonly #inner: File;
  readonly #stage: StagedReads;

  constructor(inner: File, stage: StagedReads) {
    this.path = inner.path;
    this.#inner = inner;
    this.#stage = stage;
  }

  readInto(target: Uint8Array, position: number): number {
    const stage = this.#stage;
    const inner = this.#inner;
    if (stage.isTrying) return stage.take(inner, target, position);
    if (!stage.speed.isDue) return inner.readInto(target, position);
    return stage.speed.time(target.length, () => inner.readInto(target, position));
  }

  write(source: Uint8Array, position: number): void {
    this.#stage.forget(this.path, position, position + source.length);
    this.#inner.write(source, position);
  }

  size(): number {
    return this.#inner.size();
  }

  truncate(size: number): void {
    this.#stage.forget(this.path, size, Number.POSITIVE_INFINITY);
    this.#inner.truncate(size);
  }

  async datasync(): Promise<void> {
    await this.#inner.datasync();
  }

  close(): void {
    this.#inner.close();
  }
}
