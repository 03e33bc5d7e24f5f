/**
 * One caller who awaits each commit. A checkpoint that is due runs beside the next commits; when another
 * one is due before it has ended, the caller waits: a stall.
 */
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import type { WriteBatch } from '../../src/lsm/write-batch.ts';

export interface Stalls {
  stalls: number;
  stallMs: number;
  longestStallMs: number;
}

export class EngineWriter {
  readonly stalls: Stalls = { stalls: 0, stallMs: 0, longestStallMs: 0 };
  readonly #engine: LsmEngine;
  #checkpoint: Promise<void> | undefined;

  constructor(engine: LsmEngine) {
    this.#engine = engine;
  }

  async commit(batch: WriteBatch): Promise<void> {
    const engine = this.#engine;
    await engine.committed(engine.write(batch));
    if (!engine.shouldCheckpoint()) return;
    if (this.#checkpoint !== undefined) await this.#stall(this.#checkpoint);
    const running = engine.checkpoint().finally(() => {
      if (this.#checkpoint === running) this.#checkpoint = undefined;
    });
    this.#checkpoint = running;
  }

  /** Checkpoints, and waits until compaction has nothing left that is due. */
  async settle(): Promise<void> {
    await this.#checkpoint;
    await this.#engine.checkpoint();
    while (this.#engine.compactionPending()) await nextTurn();
  }

  async #stall(checkpoint: Promise<void>): Promise<void> {
    const start = performance.now();
    await checkpoint;
    const ms = performance.now() - start;
    this.stalls.stalls++;
    this.stalls.stallMs += ms;
    this.stalls.longestStallMs = Math.max(this.stalls.longestStallMs, ms);
  }
}
