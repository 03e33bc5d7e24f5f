/**
 * The records of one namespace as a bit set by record number in the module's memory, where a walk tests
 * it. Sets are kept for the namespaces searched last, until a commit changes the collection.
 */
import { readCounters } from './catalog.ts';
import type { CollectionStore } from './collection-store.ts';
import { visitNamespace } from './namespace-index.ts';
import type { Stores } from './stores.ts';

const KEPT_MAX = 4;

export interface FilterBits {
  readonly address: number;
  /** Length of the set; records beyond it do not pass. */
  readonly bits: number;
  /** Records whose bit is set: at least those of the namespace. */
  readonly count: number;
}

interface KeptFilter extends FilterBits {
  readonly runBytes: number;
  /** The published sequence when it was made. */
  readonly sequence: number;
}

export class RecordFilter {
  readonly #stores: Stores;
  readonly #store: CollectionStore;
  /** Most recently used last. */
  readonly #kept = new Map<string, KeptFilter>();

  constructor(stores: Stores, store: CollectionStore) {
    this.#stores = stores;
    this.#store = store;
  }

  /**
   * The bits of a namespace as of the published sequence, valid until the next call; undefined when all
   * records are in it.
   */
  bitsOf(namespace: string): FilterBits | undefined {
    const kept = this.#kept.get(namespace);
    if (kept !== undefined) {
      this.#kept.delete(namespace);
      if (kept.sequence >= this.#store.changedSequence) {
        this.#kept.set(namespace, kept);
        return kept;
      }
      this.#free(kept);
    }
    return this.#make(namespace);
  }

  /** Record numbers whose bit is set, ascending. */
  recordsOf(filter: FilterBits): Uint32Array {
    const { u8 } = this.#stores.kernels.memory;
    const records = new Uint32Array(filter.count);
    let found = 0;
    const bytes = (filter.bits + 7) >>> 3;
    for (let i = 0; i < bytes; i++) {
      let byte = u8[filter.address + i];
      while (byte !== 0) {
        records[found++] = i * 8 + (31 - Math.clz32(byte & -byte));
        byte &= byte - 1;
      }
    }
    return records;
  }

  release(): void {
    for (const kept of this.#kept.values()) this.#free(kept);
    this.#kept.clear();
  }

  #make(namespace: string): FilterBits | undefined {
    const { engine, hasher } = this.#stores;
    const { collection } = this.#store.entry;
    const sequence = engine.publishedSequence;
    const lists: Uint32Array[] = [];
    let listed = 0;
    visitNamespace(engine, { hasher, collection, sequence }, namespace, (records) => {
      lists.push(records);
      listed += records.length;
    });
    if (namespace === '' && listed === 0) return undefined;
    const bits = readCounters(engine, collection, sequence).nextRecord;
    const isDefault = namespace === '';
    const made = this.#fill(lists, { bits, isDefault });
    const kept = { ...made, bits, sequence, count: isDefault ? bits - listed : listed };
    this.#kept.set(namespace, kept);
    return kept;
  }

  #fill(
    lists: readonly Uint32Array[],
    set: { readonly bits: number; readonly isDefault: boolean },
  ): { address: number; runBytes: number } {
    const { allocator, kernels } = this.#stores;
    if (this.#kept.size >= KEPT_MAX) {
      const [[oldest, kept]] = this.#kept;
      this.#kept.delete(oldest);
      this.#free(kept);
    }
    const runBytes = (set.bits + 7) >>> 3 || 1;
    const address = allocator.allocateRun(runBytes);
    const { u8 } = kernels.memory;
    u8.fill(set.isDefault ? 0xff : 0, address, address + runBytes);
    const tail = set.bits & 7;
    if (set.isDefault && tail !== 0) u8[address + runBytes - 1] = (1 << tail) - 1;
    for (const records of lists) {
      for (const record of records) u8[address + (record >>> 3)] ^= 1 << (record & 7);
    }
    return { address, runBytes };
  }

  #free(kept: KeptFilter): void {
    this.#stores.allocator.freeRun(kept.address, kept.runBytes);
  }
}
