/**
 * The pages of a database: one page file, its free units, and the spaces whose pages are in it. As the
 * participant of a checkpoint it writes every page that differs from what is on disk.
 *
 * A checkpoint never writes over a unit that an installed version names: slices go to fresh units, and the
 * old ones are free once the version is installed. So a crash at any point leaves the pages of the last
 * version whole, and the units of the unfinished checkpoint free, as that version's entries say.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import { Pace } from '../base/pace.ts';
import type { CellAllocator } from '../kernels/cell-allocator.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { FreeUnits, type Retention, type UnitRun } from './free-units.ts';
import { UNIT_SIZE } from './geometry.ts';
import { PageFile } from './page-file.ts';
import type { PageMap, TreeEntry } from './page-map.ts';
import { ScratchRing } from './scratch-ring.ts';
import { SliceWriter } from './slice-writer.ts';

export interface PageStoreOptions {
  readonly fileSystem: FileSystem;
  /** Where the page file is. */
  readonly directory: string;
  readonly map: PageMap;
  readonly hasher: Hasher;
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  /** Id of the tree `pages`, for the entries of a checkpoint. */
  readonly tree: number;
  /** Says how long the pieces of a checkpoint may take. Default: one of its own. */
  readonly pace?: Pace | undefined;
  /** Never write. Default: false. */
  readonly readOnly?: boolean | undefined;
}

/** What a checkpoint needs of a space; `SpaceCheckpoint` is the one implementation. */
export interface CheckpointedSpace {
  readonly id: number;
  /** Pages differ from what is on disk, or were given up. */
  readonly hasChanges: boolean;
  freeze(): void;
  /** Writes the frozen slices, a piece between two `yield`s; the value yielded is the bytes of the piece. */
  write(target: CheckpointTarget): Iterable<number>;
  /** The entries of what was written, sorted by key. */
  entries(tree: number): Iterable<ReplacingEntry>;
  /** Lets what was frozen go, a piece between two `yield`s; commits may come in between. */
  installed(): Iterable<void>;
  failed(): void;
}

/** An entry of a checkpoint, and the units that nobody needs any more once it is installed. */
export interface ReplacingEntry {
  readonly entry: TreeEntry;
  readonly replaced: readonly UnitRun[];
}

export const NO_RUNS: readonly UnitRun[] = [];

/** Where slices go. */
export interface CheckpointTarget {
  readonly writer: SliceWriter;
  /** Fresh units for a slice of `bytes` bytes. */
  allocate(bytes: number): number;
}

export interface PageStoreStats {
  readonly fileBytes: number;
  readonly takenBytes: number;
  /** Units that only readers of older versions need. */
  readonly heldBytes: number;
  readonly dirtyBytes: number;
  /** Written by checkpoints since the start. */
  readonly bytesWritten: number;
}

export class PageStore {
  readonly map: PageMap;
  readonly kernels: Kernels;
  readonly allocator: CellAllocator;
  readonly hasher: Hasher;
  readonly file: PageFile;
  readonly units: FreeUnits;
  readonly ring: ScratchRing;
  readonly #tree: number;
  readonly #pace: Pace;
  readonly #spaces: Map<number, CheckpointedSpace> = new Map();
  #writer: SliceWriter | undefined;
  #dirtyBytes = 0;
  /** The checkpoint under way: its spaces, and the units that it has taken. */
  #checkpoint: { readonly spaces: CheckpointedSpace[]; readonly fresh: UnitRun[] } | undefined;

  /** Opens no file and reads nothing. */
  constructor(options: PageStoreOptions) {
    const { fileSystem, directory, hasher, readOnly = false } = options;
    this.map = options.map;
    this.kernels = options.kernels;
    this.allocator = options.allocator;
    this.hasher = hasher;
    this.#tree = options.tree;
    this.#pace = options.pace ?? new Pace();
    this.file = new PageFile({ fileSystem, directory, hasher, readOnly });
    this.units = new FreeUnits(this.map, this.file.path);
    this.ring = new ScratchRing(this.allocator, options.kernels.memory);
  }

  /** Called by `PagedSpace`: a space takes part in checkpoints from now on. */
  register(space: CheckpointedSpace): void {
    assert(!this.#spaces.has(space.id), 'a space is opened once');
    this.#spaces.set(space.id, space);
  }

  unregister(space: CheckpointedSpace): void {
    this.#spaces.delete(space.id);
  }

  /** Bytes of memory that only a checkpoint makes evictable, copies included. */
  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** Called by spaces: so many bytes more, or less, are pinned. */
  countPinned(bytes: number): void {
    this.#dirtyBytes += bytes;
    assert(this.#dirtyBytes >= 0, 'what is unpinned was pinned');
  }

  /** Keeps every unit that the version installed last names; for backups and long snapshots. */
  retain(): Retention {
    return this.units.retain();
  }

  /** Between two commits: what is dirty now is what `write` writes. */
  freeze(_sequence: number): void {
    assert(this.#checkpoint === undefined, 'one checkpoint at a time');
    const spaces = [...this.#spaces.values()].filter((space) => space.hasChanges);
    spaces.sort((a, b) => a.id - b.id);
    for (const space of spaces) space.freeze();
    this.#checkpoint = { spaces, fresh: [] };
  }

  /**
   * Writes the frozen pages and waits until they are on the device. The entries are sorted by key. Lets the
   * event loop run between pieces. After an error the caller calls `failed`.
   */
  async write(_sequence: number): Promise<readonly TreeEntry[]> {
    const checkpoint = this.#checkpoint;
    assert(checkpoint !== undefined, 'a checkpoint is frozen before it is written');
    if (checkpoint.spaces.length === 0) return this.units.entries(this.#tree);
    this.#writer ??= new SliceWriter(this.file);
    const writer = this.#writer;
    const target: CheckpointTarget = {
      writer,
      allocate: (bytes) => {
        const count = bytes / UNIT_SIZE;
        const unit = this.units.allocate(count);
        checkpoint.fresh.push({ unit, count });
        return unit;
      },
    };
    for (const space of checkpoint.spaces) await this.#inSlices(space.write(target));
    writer.flush();
    await this.file.datasync();
    const entries: TreeEntry[] = [];
    for (const space of checkpoint.spaces) {
      await this.#inSlices(space.entries(this.#tree), ({ entry, replaced }) => {
        entries.push(entry);
        for (const run of replaced) this.units.retire(run);
      });
    }
    for (const entry of this.units.entries(this.#tree)) entries.push(entry);
    return entries;
  }

  /** The entries are in the tree: unchanged pages may be evicted, and at last replaced units are free. */
  async installed(_sequence: number): Promise<void> {
    const checkpoint = this.#checkpoint;
    assert(checkpoint !== undefined, 'a checkpoint is frozen before it is installed');
    for (const space of checkpoint.spaces) await this.#inSlices(space.installed());
    await this.#inSlices(this.units.installing());
    this.#checkpoint = undefined;
  }

  /** The entries will never be in the tree: the pages are dirty again, the fresh units free. */
  failed(_error: unknown): void {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) return;
    this.#checkpoint = undefined;
    this.#writer?.discard();
    this.units.failed();
    for (const run of checkpoint.fresh) this.units.release(run);
    for (const space of checkpoint.spaces) space.failed();
  }

  /**
   * Cuts off what of the file's end nobody needs, when that is `leastBytes` or more; returns how many
   * bytes went. No checkpoint is under way.
   */
  shrinkFile(leastBytes: number): number {
    assert(this.#checkpoint === undefined, 'a file shrinks beside no checkpoint');
    const { limit } = this.units;
    const freed = this.file.size() - limit * UNIT_SIZE;
    if (freed <= 0 || freed < leastBytes) return 0;
    this.file.truncate(limit);
    return freed;
  }

  /** Units that so many bytes take. */
  unitsIn(bytes: number): number {
    return Math.ceil(bytes / UNIT_SIZE);
  }

  stats(): PageStoreStats {
    const { takenUnits, heldUnits } = this.units.stats();
    return {
      fileBytes: this.file.size(),
      takenBytes: takenUnits * UNIT_SIZE,
      heldBytes: heldUnits * UNIT_SIZE,
      dirtyBytes: this.dirtyBytes,
      bytesWritten: this.#writer?.bytesWritten ?? 0,
    };
  }

  /** Closes the page file and gives the ring's memory back. What is dirty is lost. Idempotent. */
  close(): void {
    this.ring.release();
    this.file.close();
  }

  /** Takes the pieces of some work, and lets the event loop run between them. */
  async #inSlices<T>(pieces: Iterable<T>, take: (piece: T) => void = () => {}): Promise<void> {
    let began = performance.now();
    for (const piece of pieces) {
      take(piece);
      const ms = performance.now() - began;
      this.#pace.note('pages', ms);
      if (ms < this.#pace.sliceMs) continue;
      await turn();
      began = performance.now();
    }
  }
}

/** Resolves in a later turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
