/**
 * Writes a stream of entries into as many tables as it takes, cut only between user keys: one key never
 * lies in two tables of a level. Knows no engine: a thread of its own may run it.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import type { File } from '../storage/file-system.ts';
import type { FoldStream } from './fold-stream.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import type { SlicedWork } from './slices.ts';
import type { TableProperties } from './table-properties.ts';
import type { TableSettings } from './table-settings.ts';
import { TableWriter } from './table-writer.ts';
import type { TableMeta } from './version-format.ts';

/** Where the new tables go. */
export interface OutputPlace {
  readonly hasher: Hasher;
  readonly seededBugs: SeededBugs;
  /** Whether there may be a further table; if not, the present one takes all that is left. */
  readonly hasRoom: () => boolean;
  /** Makes the next table's file. Requires room. */
  readonly newTable: () => NewTable;
}

export interface NewTable {
  readonly number: number;
  readonly file: File;
}

export class TableOutput {
  readonly #settings: TableSettings;
  readonly #place: OutputPlace;
  readonly #splitsKeys: boolean;
  #file: File | undefined;
  #writer: TableWriter | undefined;
  #number = 0;
  #lastHi = 0;
  #lastLo = 0;
  readonly #tables: TableMeta[] = [];
  /** Numbers of all files that were begun. */
  readonly #numbers: number[] = [];
  readonly #syncs: Promise<void>[] = [];
  #syncError: unknown;
  #bytes = 0;

  constructor(settings: TableSettings, place: OutputPlace) {
    this.#settings = settings;
    this.#place = place;
    this.#splitsKeys = place.seededBugs.has('a user key is split over two tables');
  }

  /** Bytes of the finished tables. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the stream to its end, slice by slice. */
  drain(stream: FoldStream): SlicedWork {
    return (isOver) => {
      while (stream.valid) {
        if (this.#isFull(stream) && !this.#finishTable(isOver)) return false;
        this.#add(stream);
        stream.next();
        if (isOver()) return false;
      }
      return this.#finishTable(isOver);
    };
  }

  /** The tables, when they are on the device. Rejects when one is not; then call `abandon`. */
  async synced(): Promise<readonly TableMeta[]> {
    assert(this.#file === undefined, 'the output is complete');
    await Promise.all(this.#syncs);
    if (this.#syncError !== undefined) throw this.#syncError;
    return this.#tables;
  }

  /** Lets go of all files and says which were begun: they are the caller's to remove. */
  async abandon(): Promise<readonly number[]> {
    await Promise.all(this.#syncs);
    try {
      this.#file?.close();
    } catch {
      // The file is about to be removed.
    }
    this.#file = undefined;
    return this.#numbers;
  }

  #add(stream: FoldStream): void {
    const { hi, lo } = stream;
    this.#writer ??= this.#begin();
    this.#writer.add(hi, lo, stream.sequence, stream.kind, stream.value());
    this.#lastHi = hi;
    this.#lastLo = lo;
  }

  /** Whether the next entry belongs into another table. */
  #isFull({ hi, lo }: FoldStream): boolean {
    return (
      this.#writer !== undefined &&
      this.#writer.sizeBytes >= this.#settings.tableBytes &&
      (lo !== this.#lastLo || hi !== this.#lastHi || this.#splitsKeys) &&
      this.#place.hasRoom()
    );
  }

  #begin(): TableWriter {
    const { hasher, seededBugs } = this.#place;
    const { number, file } = this.#place.newTable();
    const { tableBytes: _, ...settings } = this.#settings;
    this.#number = number;
    this.#file = file;
    this.#numbers.push(number);
    return new TableWriter(file, {
      ...settings,
      number,
      hasher,
      epoch: number,
      seededBugs,
    });
  }

  /** True when there is no unfinished table any more. Building a filter may take slices of its own. */
  #finishTable(isOver: () => boolean): boolean {
    const file = this.#file;
    const writer = this.#writer;
    if (file === undefined || writer === undefined) return true;
    if (!writer.buildFilter(isOver)) return false;
    const properties = writer.finish();
    const sizeBytes = file.size();
    this.#bytes += sizeBytes;
    this.#tables.push(toMeta(properties, this.#number, sizeBytes));
    this.#syncs.push(this.#sync(file));
    this.#file = undefined;
    this.#writer = undefined;
    return true;
  }

  /** Never rejects: `synced` tells. */
  async #sync(file: File): Promise<void> {
    try {
      try {
        const { seededBugs } = this.#place;
        const isSkipped = seededBugs.has('tables are not synced before the version');
        if (!isSkipped) await file.datasync();
      } finally {
        file.close();
      }
    } catch (error) {
      this.#syncError ??= error;
    }
  }
}

function toMeta(properties: TableProperties, number: number, sizeBytes: number): TableMeta {
  const { tree, entries, smallestHi, smallestLo, largestHi, largestLo } = properties;
  const { smallestSequence, largestSequence, keys, merges, deletes } = properties;
  return {
    number,
    tree,
    sizeBytes,
    entries,
    smallestHi,
    smallestLo,
    largestHi,
    largestLo,
    smallestSequence,
    largestSequence,
    keys,
    merges,
    deletes,
  };
}
