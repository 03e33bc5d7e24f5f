/**
 * A database around a `PageStore` that is as small as can be: the tree is a Map, commits are durable at
 * once, and the vectors of commits since the last checkpoint are kept for a replay, as the log would.
 *
 * The tree has versions: entries of a checkpoint count only once it is installed, and a crash takes
 * nothing else away.
 */

import { type Hasher, loadHasher } from '../../src/base/hasher.ts';
import type { Pace } from '../../src/base/pace.ts';
import { CellAllocator } from '../../src/kernels/cell-allocator.ts';
import { createKernels, type Kernels } from '../../src/kernels/kernels.ts';
import { createSpace, type Metric, type SlotKind } from '../../src/kernels/space.ts';
import { chooseBitGeometry } from '../../src/paged/bit-geometry.ts';
import { chooseGeometry } from '../../src/paged/geometry.ts';
import { checkPages } from '../../src/paged/page-check.ts';
import {
  bitsHi,
  FREE_UNITS_HI,
  type PageMap,
  type PagePart,
  pageKey,
  type TreeEntry,
} from '../../src/paged/page-map.ts';
import { PageStore } from '../../src/paged/page-store.ts';
import { PagedSpace } from '../../src/paged/paged-space.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryFileSystem } from '../../src/storage/memory-file-system.ts';

export const hasher: Hasher = await loadHasher();

export const directory = 'db';

/** The tree `pages`. */
export class MapTree implements PageMap {
  readonly entries: Map<string, Uint8Array> = new Map();

  get(space: number, page: number, part: PagePart): Uint8Array | undefined {
    return this.entries.get(`${space} ${pageKey(page, part)}`);
  }

  getBits(space: number, lo: number): Uint8Array | undefined {
    return this.entries.get(`${bitsHi(space)} ${lo}`);
  }

  getFreeUnits(chunk: number): Uint8Array | undefined {
    return this.entries.get(`${FREE_UNITS_HI} ${chunk}`);
  }

  set(hi: number, lo: number, value: Uint8Array): void {
    this.entries.set(`${hi} ${lo}`, value);
  }

  delete(hi: number, lo: number): void {
    this.entries.delete(`${hi} ${lo}`);
  }
}

export interface Vector {
  readonly node: number;
  readonly record: number;
  readonly values: Float32Array;
}

/** What survives a crash besides the page file. */
export class Disk {
  readonly tree: MapTree = new MapTree();
  /** Vectors of commits after the last installed checkpoint, by space. */
  log: { space: number; vector: Vector }[] = [];
  readonly counters: Map<number, Uint8Array> = new Map();
}

export interface HarnessOptions {
  readonly disk?: Disk;
  readonly fileSystem?: FileSystem;
  readonly dimension?: number;
  readonly metric?: Metric;
  readonly memoryBytes?: number;
  readonly originals?: boolean;
  readonly slots?: SlotKind;
  /** Spaces get 1-bit codes with the commit that brings them to TRAINED_AT vectors. */
  readonly bits?: boolean;
  readonly spaces?: number;
  /** Of the store's checkpoints. */
  readonly pace?: Pace;
}

export const TRAINED_AT = 12;

/** Only the newest harness of a memory size is usable: they share the memory. */
export class Harness {
  readonly disk: Disk;
  readonly store: PageStore;
  readonly spaces: PagedSpace[] = [];
  readonly allocator: CellAllocator;

  constructor(options: HarnessOptions = {}) {
    const { disk = new Disk(), dimension = 8, metric = 'l2', memoryBytes = 2 ** 20 } = options;
    this.disk = disk;
    const fileSystem = options.fileSystem ?? newFileSystem();
    const kernels = kernelsOf(memoryBytes);
    const { memory } = kernels;
    this.allocator = new CellAllocator(memory, memory.heapBase, memory.buffer.byteLength);
    const { allocator } = this;
    const map = disk.tree;
    const { pace } = options;
    const shared = { fileSystem, directory, map, hasher, kernels, allocator };
    this.store = new PageStore({ ...shared, tree: 7, pace });
    const geometry = chooseGeometry(dimension, options.slots);
    for (let id = 0; id < (options.spaces ?? 1); id++) {
      const caps = { capBottom: 8, capUpper: 4 };
      const bits = options.bits ? chooseBitGeometry(geometry) : undefined;
      const space = createSpace(kernels, allocator, { dimension, metric, geometry, bits, ...caps });
      const { store } = this;
      const { originals = true } = options;
      this.spaces.push(new PagedSpace({ id, space, geometry, bits, store, originals }));
    }
    this.#recover();
  }

  /** The plan of each space becomes a commit. After RESOURCE_EXHAUSTED it can be rolled back. */
  commit(vectors: { space: number; vector: Vector }[]): void {
    const trained = this.spaces.flatMap((space) => this.#train(space));
    for (const { hi, lo, value } of trained) this.disk.tree.set(hi, lo, value);
    for (const space of this.spaces) {
      for (const [page, value] of space.changedStates()) {
        this.disk.tree.set(space.id, pageKey(page, 'states'), value);
      }
      this.disk.counters.set(space.id, space.exportCounters());
    }
    this.disk.log.push(...vectors);
    for (const space of this.spaces) space.commitPlan();
  }

  /** As a plan does in the end. Out of memory is thrown. */
  #train({ bits, counters }: PagedSpace): { hi: number; lo: number; value: Uint8Array }[] {
    if (bits === undefined || bits.isReady || counters.live < TRAINED_AT) return [];
    for (const _ of bits.train());
    return [bits.trainedEntry];
  }

  begin(): void {
    for (const space of this.spaces) space.beginPlan();
  }

  rollback(): void {
    for (const space of this.spaces) space.rollbackPlan();
  }

  /** `during` runs between the freeze and the write, and `late` between the write and the install. */
  async checkpoint(during = (): void => {}, late = (): void => {}): Promise<void> {
    this.store.freeze(1);
    const logged = this.disk.log.length;
    let entries: readonly TreeEntry[];
    try {
      const writing = this.store.write(1);
      during();
      entries = await writing;
    } catch (error) {
      this.store.failed(error);
      throw error;
    }
    late();
    for (const { hi, lo, value } of entries) {
      if (value === undefined) this.disk.tree.delete(hi, lo);
      else this.disk.tree.set(hi, lo, value);
    }
    this.disk.log = this.disk.log.slice(logged);
    await this.store.installed(1);
  }

  /** The problems that a check finds. */
  async problems(): Promise<string[]> {
    const { problems } = await checkPages(this.store, this.spaces);
    return problems.map(({ code, where, detail }) => `${code} ${where}: ${detail}`);
  }

  /** Takes every evictable cell away. */
  evictAll(): void {
    const runs: number[] = [];
    try {
      for (;;) runs.push(this.allocator.allocateRun(1));
    } catch {
      for (const address of runs) this.allocator.freeRun(address, 1);
    }
  }

  #recover(): void {
    for (const space of this.spaces) {
      const counters = this.disk.counters.get(space.id);
      if (counters !== undefined) space.importCounters(counters);
    }
    for (const { space, vector } of this.disk.log) {
      this.spaces[space].replay(vector.node, vector.record, vector.values);
    }
    for (const { bits } of this.spaces) bits?.finishReplay();
  }
}

/** Instances are used again: compiling the module would be most of a test's time. */
function kernelsOf(memoryBytes: number): Kernels {
  const kernels = instances.get(memoryBytes) ?? createKernels(memoryBytes);
  instances.set(memoryBytes, kernels);
  return kernels;
}

const instances = new Map<number, Kernels>();

/** Whether two vectors have the same bits. */
export function isSame(left: Float32Array, right: Float32Array): boolean {
  const bytesOf = (v: Float32Array): Buffer => Buffer.from(v.buffer, v.byteOffset, v.byteLength);
  return bytesOf(left).equals(bytesOf(right));
}

export function newFileSystem(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory(directory);
  fileSystem.syncDirectory('.');
  return fileSystem;
}

/** Whether the places of `entries` are in key order, as a table wants them. */
export function isSorted(entries: readonly TreeEntry[]): boolean {
  return entries.every(
    ({ hi, lo }, i) =>
      i === 0 || entries[i - 1].hi < hi || (entries[i - 1].hi === hi && entries[i - 1].lo < lo),
  );
}
