/**
 * What is written and read: distinct random keys of 8 bytes, values from a pool of seeded bytes. The same
 * in every process, so that subjects answer the same questions.
 */
import { seededRandom } from '../../src/base/random.ts';
import { toIdSet } from '../../src/lsm/id-set.ts';
import { encodeList } from '../../src/lsm/list-codec.ts';

/** `bytes`: that many random ones; `list`: a neighbour list of that many ids, as the engine encodes it. */
export interface ValueKind {
  readonly of: 'bytes' | 'list';
  readonly count: number;
}

export interface WorkloadChoice {
  readonly entries: number;
  readonly value: ValueKind;
  readonly seed: number;
}

export const KEY_BYTES = 8;
/** Enough that two values of one block are not alike. */
const POOL_VALUES = 4096;

export class Workload {
  readonly entries: number;
  /** Halves of the keys, by index. */
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  /** Of one entry on average, key included. */
  readonly entryBytes: number;
  readonly #values: readonly Buffer[];
  readonly #seed: number;

  constructor({ entries, value, seed }: WorkloadChoice) {
    const random = seededRandom(seed);
    this.entries = entries;
    this.hi = new Uint32Array(entries).map(() => u32(random()));
    this.lo = new Uint32Array(entries).map(() => u32(random()));
    this.#values = Array.from({ length: POOL_VALUES }, () => randomValue(value, entries, random));
    const poolBytes = this.#values.reduce((sum, { length }) => sum + length, 0);
    this.entryBytes = KEY_BYTES + poolBytes / POOL_VALUES;
    this.#seed = seed;
  }

  /** The value that entry `index` has after its `version`-th write. */
  value(index: number, version: number): Buffer {
    return this.#values[(index + 7 * version) % POOL_VALUES];
  }

  /** The keys as big-endian bytes, for those who take nothing else. */
  keys(): readonly Buffer[] {
    return Array.from({ length: this.entries }, (_, index) => {
      const key = Buffer.alloc(KEY_BYTES);
      key.writeUInt32BE(this.hi[index], 0);
      key.writeUInt32BE(this.lo[index], 4);
      return key;
    });
  }

  /** `count` indices, each drawn at random; `salt` tells one drawing from another. */
  draw(count: number, salt: number): Uint32Array {
    const random = seededRandom(this.#seed + salt);
    return new Uint32Array(count).map(() => random() * this.entries);
  }
}

function randomValue({ of, count }: ValueKind, ids: number, random: () => number): Buffer {
  if (of === 'bytes') return Buffer.from(Array.from({ length: count }, () => random() * 256));
  const list = toIdSet(new Uint32Array(count).map(() => random() * ids));
  return Buffer.from(encodeList(list));
}

function u32(share: number): number {
  return Math.floor(share * 2 ** 32);
}
