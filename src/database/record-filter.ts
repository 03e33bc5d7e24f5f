/**
 * The records of a namespace that pass a filter, as a bit set by record number in the module's memory, where
 * a walk tests it. Sets are kept, for all collections together, until their memory is needed: those used last,
 * of those that no search is using. After a commit a set is brought up to date by a look at the records that
 * changed, or made anew when they are many.
 */
import type { Hasher } from '../base/hasher.ts';
import { countRecords, sampleRecords } from '../filter/record-set.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { FRAME_SIZE } from '../kernels/layout.ts';
import type { LsmEngine } from '../lsm/engine.ts';
import { findMatches, type MatchQuery } from './filter-matches.ts';
import { TimeSlice } from './time-slice.ts';

/** Sets that nobody uses may take this share of the memory, and always these bytes. */
const IDLE_SHARE = 1 / 32;
const IDLE_BYTES_MIN = 4 * FRAME_SIZE;

/** Matches of which a walk asks whether they are nearer than what it found. */
const SAMPLE_SIZE = 64;

/** How the bits of a filter were found. */
export type FilterSource = 'kept' | 'updated' | 'index' | 'scan';

export interface FilterBits {
  readonly address: number;
  /** Length of the set; records beyond it do not pass. */
  readonly bits: number;
  /** Records whose bit is set: at least those that pass and live. */
  readonly count: number;
  /** A match counts only when its metadata passes too. */
  readonly isHashed: boolean;
  /** Records of the set, spread over it: fewer when it is small. */
  readonly sample: Uint32Array;
  /** Their nodes, by ordinal of the vector space, for those who need them to keep. */
  readonly sampleNodes: Map<number, Uint32Array>;
}

/** What a search is given: bits, and what it took to find them. */
export interface AcquiredFilter {
  readonly bits: FilterBits;
  readonly source: FilterSource;
  /** Records that were looked at. */
  readonly looked: number;
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
  /** As of which it is right. */
  readonly sequence: number;
  holders: number;
}

interface Made {
  readonly filter: KeptFilter;
  readonly source: FilterSource;
  readonly looked: number;
}

/** A set that is being made, and how many wait for it. */
interface Making {
  readonly promise: Promise<Made | undefined>;
  waiting: number;
}

export class RecordFilters {
  readonly #stores: FilterStores;
  readonly #idleBytesMax: number;
  /** Those that may be given out again, most recently used last. */
  readonly #kept = new Map<string, KeptFilter>();
  readonly #making = new Map<string, Making>();
  #idleBytes = 0;

  constructor(stores: FilterStores) {
    this.#stores = stores;
    this.#idleBytesMax = Math.max(stores.allocator.totalBytes * IDLE_SHARE, IDLE_BYTES_MIN);
  }

  /**
   * The bits of a namespace and a filter, valid until they are given back by `release`; undefined when all
   * records pass. At once when they are kept and nothing has changed.
   */
  async acquire(query: MatchQuery): Promise<AcquiredFilter | undefined> {
    const key = keyOf(query);
    const kept = this.#kept.get(key);
    if (kept !== undefined && isCurrent(kept, query)) {
      this.#take(kept);
      this.#keep(kept);
      kept.holders++;
      return { bits: kept, source: 'kept', looked: 0 };
    }
    const made = await this.#join(`${key}@${query.sequence}`, () => this.#refresh(key, query));
    return made && { bits: made.filter, source: made.source, looked: made.looked };
  }

  /** Gives bits back that `acquire` gave. */
  release({ bits }: AcquiredFilter): void {
    const filter = bits as KeptFilter;
    if (--filter.holders > 0) return;
    if (this.#kept.get(filter.key) !== filter) {
      this.#free(filter);
      return;
    }
    this.#idleBytes += filter.runBytes;
    this.#freeIdle(this.#idleBytesMax);
  }

  has({ address, bits }: FilterBits, record: number): boolean {
    const { u8 } = this.#stores.kernels.memory;
    return record < bits && ((u8[address + (record >>> 3)] >>> (record & 7)) & 1) === 1;
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

  /** One makes it for all who ask for the same at the same time; each of them holds it. */
  async #join(name: string, make: () => Promise<Made | undefined>): Promise<Made | undefined> {
    let making = this.#making.get(name);
    if (making === undefined) {
      const promise = make().then(
        (made) => {
          const waiting = this.#making.get(name)?.waiting ?? 1;
          this.#making.delete(name);
          // One holder it was born with.
          if (made !== undefined) made.filter.holders += waiting - 1;
          return made;
        },
        (error: unknown) => {
          this.#making.delete(name);
          throw error;
        },
      );
      making = { promise, waiting: 0 };
      this.#making.set(name, making);
    }
    making.waiting++;
    return await making.promise;
  }

  async #refresh(key: string, query: MatchQuery): Promise<Made | undefined> {
    const before = this.#kept.get(key);
    const made = (before && (await this.#update(before, query))) ?? (await this.#make(key, query));
    if (made === undefined) return undefined;
    const kept = this.#kept.get(key);
    // An older reader's set is of no use to later ones.
    if (kept !== undefined && kept.sequence > made.filter.sequence) return made;
    if (kept !== undefined) {
      this.#take(kept);
      if (kept.holders === 0) this.#free(kept);
    }
    this.#kept.set(key, made.filter);
    return made;
  }

  /** A copy with the records that have changed since; undefined: it has to be made anew. */
  async #update(before: KeptFilter, query: MatchQuery): Promise<Made | undefined> {
    const { store, sequence, filter, namespace } = query;
    if (sequence < before.sequence) return undefined;
    const changed = store.changes.between(before.sequence, sequence);
    if (changed === undefined) return undefined;
    let { bits } = before;
    for (const record of changed) bits = Math.max(bits, record + 1);
    const words = new Uint32Array((bits + 31) >>> 5);
    const copy = new Uint8Array(words.buffer);
    const { u8 } = this.#stores.kernels.memory;
    copy.set(u8.subarray(before.address, before.address + ((before.bits + 7) >>> 3)));
    const slice = new TimeSlice();
    for (const record of changed) {
      const head = store.reader.head(record, sequence);
      const isThere = head !== undefined && (namespace ?? head.namespace) === head.namespace;
      const passes = isThere && (filter?.passes(store.reader.metadata(record, sequence)) ?? true);
      if (passes) copy[record >>> 3] |= 1 << (record & 7);
      else copy[record >>> 3] &= ~(1 << (record & 7));
      if (slice.isOver) await slice.yield();
    }
    const made = this.#store(
      { records: words, bits, isHashed: before.isHashed },
      before.key,
      sequence,
    );
    return { filter: made, source: 'updated', looked: changed.size };
  }

  async #make(key: string, query: MatchQuery): Promise<Made | undefined> {
    const matches = await findMatches(this.#stores, query);
    if (matches === undefined) return undefined;
    const filter = this.#store(matches, key, query.sequence);
    const isByIndex = matches.usesIndex || query.filter === undefined;
    return { filter, source: isByIndex ? 'index' : 'scan', looked: matches.looked };
  }

  /** Puts a set into the module's memory, held by those for whom it is made: once, until they are counted. */
  #store(
    set: { readonly records: Uint32Array; readonly bits: number; readonly isHashed: boolean },
    key: string,
    sequence: number,
  ): KeptFilter {
    const { records, bits, isHashed } = set;
    const runBytes = Math.ceil((records.byteLength || 1) / FRAME_SIZE) * FRAME_SIZE;
    const address = this.#allocate(runBytes);
    this.#stores.kernels.memory.u32.set(records, address >>> 2);
    const count = countRecords(records);
    const sampled = { sample: sampleRecords(records, count, SAMPLE_SIZE), sampleNodes: new Map() };
    return { key, address, runBytes, bits, count, isHashed, ...sampled, sequence, holders: 1 };
  }

  /** Out of what is kept. */
  #take(filter: KeptFilter): void {
    this.#kept.delete(filter.key);
    if (filter.holders === 0) this.#idleBytes -= filter.runBytes;
  }

  /** As the one used last. */
  #keep(filter: KeptFilter): void {
    this.#kept.set(filter.key, filter);
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

function keyOf({ store, namespace, filter }: MatchQuery): string {
  return JSON.stringify([store.entry.collection, namespace ?? 0, filter?.text ?? 0]);
}

/** Whether a set holds for a reader: nothing has changed between the two. */
function isCurrent(
  filter: KeptFilter,
  { sequence, store: { changedSequence } }: MatchQuery,
): boolean {
  if (filter.sequence === sequence) return true;
  return filter.sequence >= changedSequence && sequence >= changedSequence;
}
