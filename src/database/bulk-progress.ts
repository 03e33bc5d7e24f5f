/** Progress of a bulk load, reported at most every few milliseconds, and at the end of each phase. */

/** Where a bulk load is; phases come in this order, some not at all, `layers` after `graph` in a build by shards. */
export type BulkPhase =
  | 'read'
  | 'order'
  | 'layers'
  | 'graph'
  | 'repair'
  | 'pages'
  | 'tables'
  | 'insert';

/** `done` of `total` steps of a phase; `total` is undefined while it is not known. */
export interface BulkState {
  readonly phase: BulkPhase;
  readonly done: number;
  readonly total: number | undefined;
  /** Steps a second of this phase so far. */
  readonly rate: number;
  /** Estimated time to the end of this phase, in ms; undefined when not known. */
  readonly etaMs: number | undefined;
}

const INTERVAL_MS = 50;

/** @internal */
export class BulkProgress {
  readonly #listener: ((state: BulkState) => void) | undefined;
  #phase: BulkPhase | undefined;
  #startMs = 0;
  #reportedMs = 0;

  constructor(listener: ((state: BulkState) => void) | undefined) {
    this.#listener = listener;
  }

  report(phase: BulkPhase, done: number, total: number | undefined): void {
    if (this.#listener === undefined) return;
    const now = performance.now();
    const isNew = phase !== this.#phase;
    if (isNew) this.#startMs = now;
    if (!isNew && done !== total && now - this.#reportedMs < INTERVAL_MS) return;
    this.#phase = phase;
    this.#reportedMs = now;
    const seconds = (now - this.#startMs) / 1000;
    const rate = seconds > 0 ? done / seconds : 0;
    const etaMs = total !== undefined && rate > 0 ? ((total - done) / rate) * 1000 : undefined;
    this.#listener({ phase, done, total, rate, etaMs });
  }
}
