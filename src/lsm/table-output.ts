/**
 * Writes a stream of entries into as many tables as it takes, cut only between user keys: one key never
 * lies in two tables of a level.
 */
import { assert } from '../base/assert.ts';
import type { File } from '../storage/file-system.ts';
import type { EngineCore } from './engine-core.ts';
import { fileName } from './file-names.ts';
import { type FilterPlace, filterBitsOf } from './filter-bits.ts';
import type { FoldStream } from './fold-stream.ts';
import type { SlicedWork } from './slices.ts';
import type { TableFile } from './table-file.ts';
import type { TableProperties } from './table-properties.ts';
import { TableWriter } from './table-writer.ts';

export class TableOutput {
  readonly #core: EngineCore;
  readonly #tree: number;
  readonly #level: number;
  readonly #filterBitsPerKey: number;
  readonly #splitsKeys: boolean;
  #file: File | undefined;
  #writer: TableWriter | undefined;
  #number = 0;
  #lastHi = 0;
  #lastLo = 0;
  readonly #tables: TableFile[] = [];
  /** Numbers of all files that were begun. */
  readonly #numbers: number[] = [];
  readonly #syncs: Promise<void>[] = [];
  #syncError: unknown;
  #bytes = 0;

  constructor(core: EngineCore, tree: number, place: FilterPlace) {
    this.#core = core;
    this.#tree = tree;
    this.#splitsKeys = core.options.seededBugs.has('a user key is split over two tables');
    this.#level = place.level;
    const { spec } = core.tree(tree);
    const runs = core.versions.current.runs(tree);
    this.#filterBitsPerKey = filterBitsOf(spec, runs, place, core.options);
  }

  /** Bytes of the finished tables. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the stream to its end, slice by slice. */
  drain(stream: FoldStream): SlicedWork {
    return (isOver) => {
      while (stream.valid) {
        this.#add(stream);
        stream.next();
        if (isOver()) return false;
      }
      this.#finishTable();
      return true;
    };
  }

  /** The tables, when they are on the device. Rejects when one is not; then call `abandon`. */
  async synced(): Promise<readonly TableFile[]> {
    assert(this.#file === undefined, 'the output is complete');
    await Promise.all(this.#syncs);
    if (this.#syncError !== undefined) throw this.#syncError;
    return this.#tables;
  }

  /** Removes what was written. No version names any of it. */
  async abandon(): Promise<void> {
    await Promise.all(this.#syncs);
    try {
      this.#file?.close();
    } catch {
      // The file is about to be removed.
    }
    this.#file = undefined;
    for (const number of this.#numbers) this.#core.versions.removeFile('table', number);
  }

  #add(stream: FoldStream): void {
    const { hi, lo } = stream;
    const writer = this.#writer;
    if (writer === undefined) {
      this.#begin();
    } else if (
      writer.sizeBytes >= this.#core.options.tableBytes &&
      (lo !== this.#lastLo || hi !== this.#lastHi || this.#splitsKeys)
    ) {
      this.#finishTable();
      this.#begin();
    }
    this.#writer!.add(hi, lo, stream.sequence, stream.kind, stream.value());
    this.#lastHi = hi;
    this.#lastLo = lo;
  }

  #begin(): void {
    const { fileSystem, directory, versions, hasher, options } = this.#core;
    const { spec } = this.#core.tree(this.#tree);
    this.#number = versions.newFileNumber();
    this.#file = fileSystem.open(`${directory}/${fileName('table', this.#number)}`, 'create');
    this.#numbers.push(this.#number);
    this.#writer = new TableWriter(this.#file, {
      number: this.#number,
      hasher,
      tree: this.#tree,
      level: this.#level,
      epoch: this.#number,
      blockBytes: spec.blockBytes ?? options.blockBytes,
      codec: spec.codec,
      filterBitsPerKey: this.#filterBitsPerKey,
      seededBugs: options.seededBugs,
      mergeOperator: spec.mergeOperator,
      layout: spec.layout,
    });
  }

  #finishTable(): void {
    const file = this.#file;
    const writer = this.#writer;
    if (file === undefined || writer === undefined) return;
    const properties = writer.finish();
    const sizeBytes = file.size();
    this.#bytes += sizeBytes;
    this.#tables.push(this.#core.newTable(toMeta(properties, this.#number, sizeBytes)));
    this.#syncs.push(this.#sync(file));
    this.#file = undefined;
    this.#writer = undefined;
  }

  /** Never rejects: `synced` tells. */
  async #sync(file: File): Promise<void> {
    try {
      try {
        const { seededBugs } = this.#core.options;
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

function toMeta(properties: TableProperties, number: number, sizeBytes: number): TableFile['meta'] {
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
