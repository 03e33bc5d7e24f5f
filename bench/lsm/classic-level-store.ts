/** LevelDB through classic-level: writes and iterators on threads of its own, point reads both ways. */
import { requirePeer } from '../harness/peers.ts';
import type { Store, StoreFigures, StoreOptions } from './store.ts';
import { processWrittenBytes } from './system-account.ts';
import type { Workload } from './workload.ts';

interface Put {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Iterator {
  nextv(size: number): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}

/** The part of classic-level that is used here; the package is not a dependency. */
interface Level {
  open(): Promise<void>;
  batch(puts: readonly Put[], options: { sync: boolean }): Promise<void>;
  get(key: Buffer): Promise<Buffer | undefined>;
  getSync(key: Buffer): Buffer | undefined;
  iterator(options: { highWaterMarkBytes: number; reverse: boolean }): Iterator;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
  close(): Promise<void>;
}

interface ClassicLevel {
  readonly ClassicLevel: new (
    path: string,
    options: {
      keyEncoding: 'buffer';
      valueEncoding: 'buffer';
      compression: boolean;
      cacheSize: number;
      writeBufferSize: number;
    },
  ) => Level;
}

const SCAN_ENTRIES = 1000;
const SCAN_BYTES = 1024 * 1024;

export async function openClassicLevel(workload: Workload, options: StoreOptions): Promise<Store> {
  const { ClassicLevel } = requirePeer<ClassicLevel>('classic-level');
  const level = new ClassicLevel(options.directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
    cacheSize: options.cacheBytes,
    writeBufferSize: options.memtableBytes,
  });
  await level.open();
  return new ClassicLevelStore(workload, level, options);
}

class ClassicLevelStore implements Store {
  readonly config: Store['config'];
  readonly #workload: Workload;
  readonly #level: Level;
  readonly #keys: readonly Buffer[];
  readonly #sync: boolean;
  readonly #writtenBefore = processWrittenBytes();
  #batches: Put[][] = [];

  constructor(workload: Workload, level: Level, options: StoreOptions) {
    this.#workload = workload;
    this.#level = level;
    this.#keys = workload.keys();
    const { durability, memtableBytes, cacheBytes } = options;
    this.#sync = durability === 'sync';
    this.config = { durability, sync: this.#sync, memtableBytes, cacheBytes, compression: false };
  }

  prepare(order: Uint32Array, version: number, batchEntries: number): void {
    this.#batches = [];
    for (let start = 0; start < order.length; start += batchEntries) {
      const indices = Array.from(order.subarray(start, start + batchEntries));
      this.#batches.push(
        indices.map((index) => ({
          type: 'put',
          key: this.#keys[index],
          value: this.#workload.value(index, version),
        })),
      );
    }
  }

  write(batch: number): Promise<void> {
    return this.#level.batch(this.#batches[batch], { sync: this.#sync });
  }

  get(index: number): Uint8Array | undefined {
    return this.#level.getSync(this.#keys[index]);
  }

  getAwaited: Store['getAwaited'] = (index) => this.#level.get(this.#keys[index]);

  async scan(isReverse: boolean): Promise<number> {
    const options = { highWaterMarkBytes: SCAN_BYTES, reverse: isReverse };
    const iterator = this.#level.iterator(options);
    let entries = 0;
    for (;;) {
      const page = await iterator.nextv(SCAN_ENTRIES);
      if (page.length === 0) break;
      for (const [, value] of page) if (value.length > 0) entries++;
    }
    await iterator.close();
    return entries;
  }

  /** It has no call that waits for what is due, so this compacts everything: kind to its reads. */
  settle(): Promise<void> {
    return this.#level.compactRange(Buffer.alloc(8, 0), Buffer.alloc(8, 0xff));
  }

  compact(): Promise<void> {
    return this.settle();
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
    return this.#level.close();
  }
}
