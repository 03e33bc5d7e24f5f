/**
 * The records of one namespace as a bit set by record number in the module's memory, where a walk tests
 * it. Sets are kept, for all collections together, until a commit changes their collection or their
 * memory is needed: those used last, of those that no search is using.
 */
import type { Hasher } from '../base/hasher.ts';
import { recordAt } from '../filter/index-scan.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { readCounters } from './catalog.ts';
import { namespaceSlices } from './namespace-index.ts';

/** Sets that nobody uses may take this share of the memory, and always these bytes. */
const IDLE_SHARE = 1 / 32;
const IDLE_BYTES_MIN = 4 * FRAME_SIZE;

export interface FilterBits {
  readonly address: number;
  /** Length of the set; records beyond it do not pass. */
  readonly bits: number;
  /** Records whose bit is set: at least those of the namespace. */
  readonly count: number;
}

/** Which records are asked for. */
export interface FilterQuery {
  readonly collection: number;
  readonly namespace: string;
  /** The reader's; the last commit that changed the collection is `changedSequence`. */
  readonly sequence: number;
  readonly changedSequence: number;
}

/** What the sets are made from, and where. */
interface FilterStores {
  readonly engine: LsmEngine;
  readonly hasher: Hasher;
  readonly allocator: CellAllocator;
  readonly kernels: Kernels;
}

interface KeptFilter extends FilterBits {
  readonly key: string;
  readonly runBytes: number;
  /** At which it was made. */
  readonly sequence: number;
  holders: number;
}

export class RecordFilters {
  readonly #stores: FilterStores;
  readonly #idleBytesMax: number;
  /** Those that may be given out again, most recently used last. */
  readonly #kept = new Map<string, KeptFilter>();
  #idleBytes = 0;

  constructor(stores: FilterStores) {
    this.#stores = stores;
    this.#idleBytesMax = Math.max(stores.allocator.totalBytes * IDLE_SHARE, IDLE_BYTES_MIN);
  }

  /**
   * The bits of a namespace, valid until they are given back by `release`; undefined when all records
   * are in it.
   */
  acquire(query: FilterQuery): FilterBits | undefined {
    const key = `${query.collection}:${query.namespace}`;
    let filter = this.#kept.get(key);
    if (filter !== undefined) {
      this.#take(filter);
      if (!isCurrent(filter, query)) {
        if (filter.holders === 0) this.#free(filter);
        filter = undefined;
      }
    }
    filter ??= this.#make(key, query);
    if (filter === undefined) return undefined;
    filter.holders++;
    this.#kept.set(key, filter);
    return filter;
  }

  /** Gives bits back that `acquire` gave. */
  release(bits: FilterBits): void {
    const filter = bits as KeptFilter;
    if (--filter.holders > 0) return;
    if (this.#kept.get(filter.key) !== filter) {
      this.#free(filter);
      return;
    }
    this.#idleBytes += filter.runBytes;
    this.#freeIdle(this.#idleBytesMax);
  }

  /** Record numbers whose bit is set, ascending. */
  recordsOf({ address, bits }: FilterBits): number[] {
    const { u8 } = this.#stores.kernels.memory;
    const records: number[] = [];
    for (let i = 0; i < bits; i += 8) {
      let byte = u8[address + (i >>> 3)];
      while (byte !== 0) {
        records.push(i + (31 - Math.clz32(byte & -byte)));
        byte &= byte - 1;
      }
    }
    return records;
  }

  /** Out of what is kept. */
  #take(filter: KeptFilter): void {
    this.#kept.delete(filter.key);
    if (filter.holders === 0) this.#idleBytes -= filter.runBytes;
  }

  #make(key: string, query: FilterQuery): KeptFilter | undefined {
    const { engine, hasher } = this.#stores;
    const { collection, namespace, sequence } = query;
    const lists: Uint32Array[] = [];
    let listed = 0;
    for (const slice of namespaceSlices(engine, { hasher, collection, sequence }, namespace)) {
      const { start, end } = slice;
      lists.push(Uint32Array.from({ length: end - start }, (_, i) => recordAt(slice, start + i)));
      listed += end - start;
    }
    const isDefault = namespace === '';
    if (isDefault && listed === 0) return undefined;
    const bits = readCounters(engine, collection, sequence).nextRecord;
    const made = this.#fill(lists, { bits, isDefault });
    const count = isDefault ? bits - listed : listed;
    return { ...made, key, bits, sequence, count, holders: 0 };
  }

  #fill(
    lists: readonly Uint32Array[],
    set: { readonly bits: number; readonly isDefault: boolean },
  ): { address: number; runBytes: number } {
    const runBytes = Math.ceil(((set.bits + 7) >>> 3 || 1) / FRAME_SIZE) * FRAME_SIZE;
    const address = this.#allocate(runBytes);
    const { u8 } = this.#stores.kernels.memory;
    const used = (set.bits + 7) >>> 3;
    u8.fill(set.isDefault ? 0xff : 0, address, address + used);
    const tail = set.bits & 7;
    if (set.isDefault && tail !== 0) u8[address + used - 1] = (1 << tail) - 1;
    for (const records of lists) {
      for (const record of records) u8[address + (record >>> 3)] ^= 1 << (record & 7);
    }
    return { address, runBytes };
  }

  #allocate(bytes: number): number {
    const { allocator } = this.#stores;
    try {
      return allocator.allocateRun(bytes);
    } catch (error) {
      if (this.#idleBytes === 0) throw error;
      this.#freeIdle(0);
      return allocator.allocateRun(bytes);
    }
  }

  /** Frees those used longest ago until no more than `bytesMax` are idle. */
  #freeIdle(bytesMax: number): void {
    for (const filter of this.#kept.values()) {
      if (this.#idleBytes <= bytesMax) return;
      if (filter.holders > 0) continue;
      this.#take(filter);
      this.#free(filter);
    }
  }

  #free({ address, runBytes }: KeptFilter): void {
    this.#stores.allocator.freeRun(address, runBytes);
  }
}

/** Whether a set holds for a reader: nothing has changed between the two. */
function isCurrent(filter: KeptFilter, { sequence, changedSequence }: FilterQuery): boolean {
  if (filter.sequence === sequence) return true;
  return filter.sequence >= changedSequence && sequence >= changedSequence;
}
