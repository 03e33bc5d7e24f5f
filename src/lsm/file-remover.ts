/**
 * Removes files that nobody needs any more, one after the other, beside the engine's work: some file
 * systems take more than a millisecond to free a mebibyte, and a compaction leaves a hundred of them behind.
 *
 * What cannot be removed now is left to a later open.
 */
import { isDatabaseError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { nextTurn } from './slices.ts';

export class FileRemover {
  readonly #fileSystem: FileSystem;
  #queue: string[] = [];
  /** Never rejects. */
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  remove(path: string): void {
    if (this.#isStopped) return;
    this.#queue.push(path);
    this.#running ??= this.#run();
  }

  /** From now on no removal begins, also of what was asked for. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
  }

  /** Resolves when nothing is left to remove. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await nextTurn(); // Not within the call that found the files obsolete.
    for (let path = this.#queue.shift(); path !== undefined; path = this.#queue.shift()) {
      try {
        await this.#fileSystem.removeInBackground(path);
      } catch (error) {
        if (!isDatabaseError(error)) throw error;
      }
      await nextTurn();
    }
    this.#running = undefined;
  }
}
