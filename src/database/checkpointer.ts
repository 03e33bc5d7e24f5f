/**
 * Decides when memtables and dirty pages are written to their places: when a memtable is nearly full,
 * when dirty pages pass their share of the memory, or when changes have waited long enough. Called
 * between commits only; at most one checkpoint runs at a time.
 */
import type { DatabaseError } from '../errors.ts';
import { type Logger, timed } from './logger.ts';
import type { Stores } from './stores.ts';
import { flushChannel, traced } from './tracing.ts';

/** Changes that wait longer are checkpointed, so that a crash after a quiet time replays little. */
const AGE_MS = 60_000;

export interface CheckpointerOptions {
  readonly dirtyBytesMax: number;
  readonly logger?: Logger | undefined;
  readonly onWarning: (warning: Error) => void;
}

export class Checkpointer {
  readonly #stores: Stores;
  readonly #options: CheckpointerOptions;
  /** Never rejects: gives the error that the last checkpoint ended with, or undefined. */
  #running: Promise<Error | undefined> | undefined;
  #lastFailed = false;
  #age: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(stores: Stores, options: CheckpointerOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  /** Checkpoints begun since the database was opened. */
  get count(): number {
    return this.#count;
  }

  /** Before a plan: starts a checkpoint when it is time, and waits when memory leaves no choice. */
  async makeRoom(): Promise<void> {
    if (!this.#isDue()) return;
    await this.#running;
    if (!this.#isDue()) return;
    const running = this.#start();
    // After a failure the next one must succeed before more is taken in.
    if (!this.#lastFailed) return;
    const error = await running;
    if (error !== undefined) throw error;
  }

  /** A checkpoint of everything committed so far; throws when it fails. */
  async run(): Promise<void> {
    await this.#running;
    const error = await this.#start();
    if (error !== undefined) throw error;
  }

  /** After a commit: changes do not wait for ever. */
  noteCommit(): void {
    if (this.#age !== undefined) return;
    this.#age = setTimeout(() => {
      this.#age = undefined;
      void this.#stores.writer.run(async () => {
        await this.#running;
        await this.#start();
      });
    }, AGE_MS);
    this.#age.unref();
  }

  /** Resolves when no checkpoint is under way. None begins before the writer's next turn. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Begins none by itself any more: the database closes. */
  stop(): void {
    clearTimeout(this.#age);
  }

  #isDue(): boolean {
    const { engine, pages } = this.#stores;
    return engine.shouldCheckpoint() || pages.dirtyBytes > this.#options.dirtyBytesMax;
  }

  #start(): Promise<Error | undefined> {
    const { engine, pages } = this.#stores;
    clearTimeout(this.#age);
    this.#age = undefined;
    this.#count++;
    const { logger } = this.#options;
    const write = () => timed(logger, 'checkpoint', () => engine.checkpoint(pages));
    const running = traced(flushChannel, () => ({}), write).then(
      () => {
        this.#lastFailed = false;
        return undefined;
      },
      (error: DatabaseError) => {
        this.#lastFailed = true;
        this.#options.onWarning(error);
        return error;
      },
    );
    this.#running = running;
    return running;
  }
}
