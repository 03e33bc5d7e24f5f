/** Long work in slices: between two of them the event loop runs, and an abort is noticed. */
import { DatabaseError } from '../errors.ts';

export class Slices {
  readonly #sliceMs: number;
  readonly #signal: AbortSignal | undefined;
  #began: number;

  /** ABORTED at once if the signal says so already. */
  constructor(sliceMs: number, signal: AbortSignal | undefined) {
    this.#sliceMs = sliceMs;
    this.#signal = signal;
    this.#began = performance.now();
    this.throwIfAborted();
  }

  /** Whether this slice has lasted long enough: then await `pause`. */
  get isOver(): boolean {
    return performance.now() - this.#began >= this.#sliceMs;
  }

  /** Lets the event loop run. ABORTED when the signal was raised meanwhile. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    this.throwIfAborted();
    this.#began = performance.now();
  }

  get isAborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** ABORTED when the signal was raised. */
  throwIfAborted(): void {
    const signal = this.#signal;
    if (signal?.aborted) {
      throw new DatabaseError('ABORTED', 'the operation was aborted', { cause: signal.reason });
    }
  }
}
