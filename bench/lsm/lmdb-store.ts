/**
 * lmdb: a copy-on-write B+ tree in a mapped file. One synchronous transaction a batch; its cache is the
 * system's page cache, whatever size is asked for.
 */
import { join } from 'node:path';
import { nextTurn } from '../../src/lsm/slices.ts';
import { requirePeer } from '../harness/peers.ts';
import type { Store, StoreFigures, StoreOptions } from './store.ts';
import { processWrittenBytes } from './system-account.ts';
import type { Workload } from './workload.ts';

/** The part of lmdb that is used here; the package is not a dependency. */
interface Environment {
  transactionSync(run: () => void): void;
  putSync(key: Buffer, value: Buffer): void;
  get(key: Buffer): Buffer | undefined;
  getRange(options: {
    reverse: boolean;
  }): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  close(): Promise<void>;
}

interface Lmdb {
  open(options: {
    path: string;
    keyEncoding: 'binary';
    encoding: 'binary';
    noSync: boolean;
    overlappingSync: boolean;
  }): Environment;
}

export function openLmdb(workload: Workload, options: StoreOptions): Promise<Store> {
  const environment = requirePeer<Lmdb>('lmdb').open({
    path: join(options.directory, 'data.mdb'),
    keyEncoding: 'binary',
    encoding: 'binary',
    noSync: options.durability !== 'sync',
    overlappingSync: false,
  });
  return Promise.resolve(new LmdbStore(workload, environment, options));
}

class LmdbStore implements Store {
  readonly config: Store['config'];
  readonly getAwaited: undefined;
  readonly #workload: Workload;
  readonly #environment: Environment;
  readonly #keys: readonly Buffer[];
  readonly #writtenBefore = processWrittenBytes();
  #order: Uint32Array = new Uint32Array(0);
  #version = 0;
  #batchEntries = 1;

  constructor(workload: Workload, environment: Environment, { durability }: StoreOptions) {
    this.#workload = workload;
    this.#environment = environment;
    this.#keys = workload.keys();
    this.config = { durability, noSync: durability !== 'sync', overlappingSync: false };
  }

  prepare(order: Uint32Array, version: number, batchEntries: number): void {
    this.#order = order;
    this.#version = version;
    this.#batchEntries = batchEntries;
  }

  write(batch: number): Promise<void> {
    const start = batch * this.#batchEntries;
    const end = Math.min(start + this.#batchEntries, this.#order.length);
    this.#environment.transactionSync(() => {
      for (let i = start; i < end; i++) {
        const index = this.#order[i];
        this.#environment.putSync(this.#keys[index], this.#workload.value(index, this.#version));
      }
    });
    return nextTurn(); // As every other subject: a turn of the event loop a batch.
  }

  get(index: number): Uint8Array | undefined {
    return this.#environment.get(this.#keys[index]);
  }

  scan(isReverse: boolean): number {
    let entries = 0;
    const range = this.#environment.getRange({ reverse: isReverse });
    for (const { value } of range) if (value.length > 0) entries++;
    return entries;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  compact(): Promise<void> {
    return Promise.resolve();
  }

  figures(): StoreFigures {
    return {
      writtenBytes: processWrittenBytes() - this.#writtenBefore,
      readBytes: undefined,
      stalls: 0,
      stallMs: 0,
      longestStallMs: 0,
      longestSliceMs: undefined,
      memoryBytes: undefined,
    };
  }

  close(): Promise<void> {
    return this.#environment.close();
  }
}
