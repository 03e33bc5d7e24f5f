/** A memtable with its readers counted, so that its arena can be used again. */
import { assert } from '../base/assert.ts';
import type { ArenaPool } from './arena-pool.ts';
import { Memtable, type TreeSlots } from './memtable.ts';

export class SharedMemtable {
  readonly memtable: Memtable;
  readonly #pool: ArenaPool;
  #references = 1;

  /** The maker holds the first reference. */
  constructor(pool: ArenaPool, slots: TreeSlots, bytes: number) {
    this.#pool = pool;
    this.memtable = new Memtable(pool.take(bytes), slots);
  }

  retain(): void {
    assert(this.#references > 0, 'a memtable that was given up is not taken again');
    this.#references++;
  }

  release(): void {
    assert(this.#references > 0, 'a memtable is released as often as it is retained');
    if (--this.#references === 0) this.#pool.give(this.memtable.arena);
  }
}
