/** How a sweep is watched and ended from outside: progress, abort, and the closing of the database. */
import { DatabaseError } from '../errors.ts';

/** Where a compaction is. */
export interface CompactProgress {
  /**
   * Repair of lists, links of weak nodes, places made free, vectors moved, pages rewritten, tables merged. 'link' goes to
   * its end twice, and nothing is told between: passes look for nodes that no path leads to, and the second links them.
   */
  readonly phase: 'sweep' | 'link' | 'free' | 'move' | 'pages' | 'tables';
  /** Its name; '' in the phase 'tables', which are of all collections. */
  readonly collection: string;
  /** In units of the phase: lists, pages or tables. */
  readonly done: number;
  /** In the same units. */
  readonly total: number;
}

/** @internal */
export interface SweepStep {
  readonly phase: CompactProgress['phase'];
  readonly done: number;
  readonly total: number;
}

/** @internal */
export interface SweepControlOptions {
  readonly collection?: string | undefined;
  readonly onProgress?: ((progress: CompactProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The database closes. */
  readonly stopped: AbortSignal;
}

/** @internal */
export class SweepControl {
  readonly #options: SweepControlOptions;

  constructor(options: SweepControlOptions) {
    this.#options = options;
  }

  /** Between two pieces: says how far it is. ABORTED, or DATABASE_CLOSED, when it must not go on. */
  proceed(step?: SweepStep): void {
    const { signal, stopped, onProgress, collection = '' } = this.#options;
    if (stopped.aborted) {
      throw new DatabaseError('DATABASE_CLOSED', 'the database was closed while it was compacted');
    }
    if (signal?.aborted) {
      const message = 'the compaction was aborted';
      throw new DatabaseError('ABORTED', message, { cause: signal.reason });
    }
    if (step !== undefined) onProgress?.({ ...step, collection });
  }

  /** Waits for work that goes on by itself, no longer than it may go on here. */
  async until(work: Promise<void>): Promise<void> {
    const { signal, stopped } = this.#options;
    work.catch(() => {});
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const one of [signal, stopped]) one?.addEventListener('abort', end);
    try {
      this.proceed();
      await Promise.race([work, ended]);
      this.proceed();
    } finally {
      for (const one of [signal, stopped]) one?.removeEventListener('abort', end);
    }
  }

  /** Resolves after `ms`, or at once when it must not go on. Keeps no process alive. */
  async pause(ms: number): Promise<void> {
    const { signal, stopped } = this.#options;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        stopped.removeEventListener('abort', end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      timer.unref();
      stopped.addEventListener('abort', end);
      signal?.addEventListener('abort', end);
      if (stopped.aborted || signal?.aborted) end();
    });
  }
}
