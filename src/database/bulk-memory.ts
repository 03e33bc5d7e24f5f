/**
 * The arrays of a bulk load, which are as long as there are records: counted, and bounded. They are lent by the
 * engine, whose block cache is of little use meanwhile.
 */
import { DatabaseError } from '../errors.ts';
import type { ArrayBudget } from '../hnsw/build-area.ts';

/** About what a record needs when all have vectors and ids of their own. */
export const ARRAY_BYTES = 36;

export class BulkMemory implements ArrayBudget {
  /** Vectors that are built in one piece at the most; tests set it to have shards of few. */
  shardNodesMax: number = Number.POSITIVE_INFINITY;
  readonly bytesMax: number;
  #bytes = 0;
  readonly #onChange: (bytes: number) => void;

  /** `onChange` is told how many bytes are in use whenever that changes. */
  constructor(bytesMax: number, onChange: (bytes: number) => void = () => {}) {
    this.bytesMax = bytesMax;
    this.#onChange = onChange;
  }

  /** In use now. */
  get bytes(): number {
    return this.#bytes;
  }

  count(bytes: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.bytesMax) {
      throw new DatabaseError(
        'RESOURCE_EXHAUSTED',
        `no room for ${bytes} bytes of arrays beside ${this.#bytes}, at most ${this.bytesMax}; raise memoryBytes or write less at once`,
      );
    }
    this.#bytes += bytes;
    this.#onChange(this.#bytes);
  }

  /** What one owner counts, to be given back together. */
  share(): ArrayShare {
    return new ArrayShare(this);
  }
}

export class ArrayShare implements ArrayBudget {
  readonly #memory: BulkMemory;
  #bytes = 0;

  constructor(memory: BulkMemory) {
    this.#memory = memory;
  }

  count(bytes: number): void {
    this.#memory.count(bytes);
    this.#bytes += bytes;
  }

  /** Idempotent. */
  release(): void {
    this.count(-this.#bytes);
  }
}
