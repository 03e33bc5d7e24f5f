/**
 * Removes files that nobody needs any more, a little in each turn of the event loop: some file systems
 * take more than a millisecond to free a mebibyte, and a compaction leaves a hundred of them behind.
 *
 * A large file is shortened step by step first. What cannot be removed now is left to a later open.
 */
import { MIB } from '../base/units.ts';
import { isDatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { nextTurn } from './slices.ts';

const STEP_BYTES: number = 2 * MIB;

interface Doomed {
  readonly path: string;
  /** Infinity: not known. */
  sizeBytes: number;
}

export class FileRemover {
  readonly #fileSystem: FileSystem;
  #queue: Doomed[] = [];
  /** Never rejects. */
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  remove(path: string, sizeBytes: number = Number.POSITIVE_INFINITY): void {
    if (this.#isStopped) return;
    this.#queue.push({ path, sizeBytes });
    this.#running ??= this.#run();
  }

  /** From now on nothing is removed, also of what was asked for. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
  }

  /** Resolves when nothing is left to remove. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await nextTurn();
      const doomed = this.#queue.at(0);
      if (doomed !== undefined && this.#isGone(doomed)) this.#queue.shift();
    }
    this.#running = undefined;
  }

  /** One step; false when there is more to do. */
  #isGone(doomed: Doomed): boolean {
    try {
      if (doomed.sizeBytes > STEP_BYTES) doomed.sizeBytes = this.#shorten(doomed.path);
      if (doomed.sizeBytes > STEP_BYTES) return false;
      this.#fileSystem.remove(doomed.path);
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
    }
    return true;
  }

  /** Returns the size that is left. */
  #shorten(path: string): number {
    const file = this.#fileSystem.open(path, 'readwrite');
    try {
      const size = file.size();
      if (size <= STEP_BYTES) return size;
      file.truncate(size - STEP_BYTES);
      return size - STEP_BYTES;
    } finally {
      file.close();
    }
  }
}
