/**
 * One writer at a time. A turn plans one commit; it may yield, but no other turn starts meanwhile, so
 * that plans never see each other's half-made changes and a checkpoint always falls between commits.
 */
export class WriterQueue {
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Turns that run or wait. */
  get length(): number {
    return this.#waiting;
  }

  /** Runs `turn` after all turns that were asked for earlier; gives its result. */
  run<T>(turn: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#tail.then(turn);
    this.#tail = result.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return result;
  }

  /** Resolves when every turn asked for so far has ended, however it ended. */
  async drain(): Promise<void> {
    await this.#tail;
  }
}
