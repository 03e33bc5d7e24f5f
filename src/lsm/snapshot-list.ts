/** The sequences that readers hold: compaction keeps what they see. */
import { assert } from '../base/assert.ts';
import type { Snapshot } from './engine-options.ts';

export class SnapshotList {
  /** Holders by sequence. */
  readonly #holders = new Map<number, number>();
  #count = 0;
  /** Told when a sequence has no holder any more. */
  onReleased: () => void = () => {};

  get count(): number {
    return this.#count;
  }

  take(sequence: number): Snapshot {
    this.#holders.set(sequence, (this.#holders.get(sequence) ?? 0) + 1);
    this.#count++;
    let isHeld = true;
    return {
      sequence,
      release: () => {
        if (isHeld) this.#release(sequence);
        isHeld = false;
      },
    };
  }

  /** The smallest of them; undefined when nobody holds any. */
  get oldest(): number | undefined {
    let oldest: number | undefined;
    for (const sequence of this.#holders.keys()) {
      if (oldest === undefined || sequence < oldest) oldest = sequence;
    }
    return oldest;
  }

  /** Ascending, without repeats. */
  sequences(): number[] {
    return [...this.#holders.keys()].sort((a, b) => a - b);
  }

  #release(sequence: number): void {
    const holders = this.#holders.get(sequence);
    assert(holders !== undefined, 'a held sequence has a holder');
    this.#count--;
    if (holders > 1) {
      this.#holders.set(sequence, holders - 1);
    } else {
      this.#holders.delete(sequence);
      this.onReleased();
    }
  }
}
