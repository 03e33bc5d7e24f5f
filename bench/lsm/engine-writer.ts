/**
 * One caller who awaits each commit. A checkpoint that is due runs beside the next commits; when another
 * one is due before it has ended, the caller waits: a stall.
 */
import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { LsmEngine } from '../../src/lsm/engine.ts';
import { nextTurn } from '../../src/lsm/slices.ts';
import type { WriteBatch } from '../../src/lsm/write-batch.ts';

const REMOVAL_POLL_MS = 2;
/** A file that cannot be removed stays until a later open. */
const REMOVAL_POLLS_MAX = 10_000;

export interface Stalls {
  stalls: number;
  stallMs: number;
  longestStallMs: number;
}

export class EngineWriter {
  readonly stalls: Stalls = { stalls: 0, stallMs: 0, longestStallMs: 0 };
  readonly #engine: LsmEngine;
  readonly #directory: string;
  #checkpoint: Promise<void> | undefined;

  /** `directory` is the engine's. */
  constructor(engine: LsmEngine, directory: string) {
    this.#engine = engine;
    this.#directory = directory;
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

  /** Checkpoints, and waits until nothing is left to compact that is due, nor to remove. */
  async settle(): Promise<void> {
    await this.#checkpoint;
    await this.#engine.checkpoint();
    while (this.#engine.compactionPending()) await nextTurn();
    await this.removed();
  }

  /** Resolves when the directory holds the engine's tables and one log, and nothing older. */
  async removed(): Promise<void> {
    const levels = this.#engine.stats().trees.flatMap((tree) => tree.levels);
    const needed = levels.reduce((sum, { tables }) => sum + tables, 0);
    const there = (): number =>
      readdirSync(this.#directory).filter((name) => /\.(table|wal)$/.test(name)).length;
    for (let poll = 0; there() > needed + 1 && poll < REMOVAL_POLLS_MAX; poll++) {
      await setTimeout(REMOVAL_POLL_MS);
    }
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
