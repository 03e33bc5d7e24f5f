/**
 * Writes the entries of one tree, from whatever tables have some left, into new tables that do not overlap.
 * Nothing is folded: that is left to reads and to later compactions.
 *
 * The same key and sequence may come from two tables when it is not known which of them are in force: from
 * the input of a compaction and from its output, where operands may be folded into it. Folded is better: a
 * value or a deletion before an operand, and the longer of two operands.
 */
import type { File } from '../../storage/file-system.ts';
import type { EntryCursor } from '../cursor.ts';
import type { TreeSpec } from '../engine-options.ts';
import { type EntryKind, MERGE } from '../entry.ts';
import { fileName } from '../file-names.ts';
import { MergingCursor } from '../merging-cursor.ts';
import { TableWriter } from '../table-writer.ts';
import type { TableMeta } from '../version-format.ts';
import type { Place } from './base-version.ts';

export interface RewriteOptions {
  readonly spec: TreeSpec;
  readonly level: number;
  readonly blockBytes: number;
  readonly tableBytes: number;
  newNumber(): number;
}

interface Entry {
  readonly hi: number;
  readonly lo: number;
  readonly sequence: number;
  readonly kind: EntryKind;
  readonly value: Uint8Array;
}

/** The new tables, by key; they are on the device, their names are not. */
export async function rewriteTree(
  place: Place,
  sources: readonly EntryCursor[],
  options: RewriteOptions,
): Promise<TableMeta[]> {
  const merged = new MergingCursor(sources);
  const output = new Output(place, options);
  try {
    merged.seekFirst();
    let best: Entry | undefined;
    for (; merged.valid; merged.next()) {
      const entry = copyOf(merged);
      if (best === undefined || isBetter(entry, best)) best = entry;
      else if (!isSame(entry, best)) {
        await output.add(best);
        best = entry;
      }
    }
    if (best !== undefined) await output.add(best);
    return await output.finish();
  } finally {
    merged.close();
    output.close();
  }
}

function copyOf(cursor: EntryCursor): Entry {
  const { hi, lo, sequence, kind } = cursor;
  return { hi, lo, sequence, kind, value: cursor.value().slice() };
}

function isSame(a: Entry, b: Entry): boolean {
  return a.hi === b.hi && a.lo === b.lo && a.sequence === b.sequence;
}

function isBetter(entry: Entry, best: Entry): boolean {
  if (!isSame(entry, best) || best.kind !== MERGE) return false;
  return entry.kind !== MERGE || entry.value.length > best.value.length;
}

class Output {
  readonly #place: Place;
  readonly #options: RewriteOptions;
  readonly #tables: TableMeta[] = [];
  #file: File | undefined;
  #writer: TableWriter | undefined;
  #number = 0;
  #last: Entry | undefined;

  constructor(place: Place, options: RewriteOptions) {
    this.#place = place;
    this.#options = options;
  }

  async add(entry: Entry): Promise<void> {
    const last = this.#last;
    const isNewKey = last === undefined || last.hi !== entry.hi || last.lo !== entry.lo;
    const isFull = (this.#writer?.sizeBytes ?? 0) >= this.#options.tableBytes;
    if (isNewKey && isFull) await this.#finishTable();
    if (this.#writer === undefined) this.#begin();
    this.#writer?.add(entry.hi, entry.lo, entry.sequence, entry.kind, entry.value);
    this.#last = entry;
  }

  async finish(): Promise<TableMeta[]> {
    await this.#finishTable();
    return this.#tables;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #begin(): void {
    const { fileSystem, directory, hasher } = this.#place;
    const { spec, level, blockBytes, newNumber } = this.#options;
    this.#number = newNumber();
    this.#file = fileSystem.open(`${directory}/${fileName('table', this.#number)}`, 'create');
    this.#writer = new TableWriter(this.#file, {
      number: this.#number,
      hasher,
      tree: spec.id,
      level,
      epoch: this.#number,
      blockBytes: spec.blockBytes ?? blockBytes,
      codec: spec.codec,
      filterBitsPerKey: spec.filterBitsPerKey,
      mergeOperator: spec.mergeOperator,
    });
  }

  async #finishTable(): Promise<void> {
    const file = this.#file;
    if (file === undefined || this.#writer === undefined) return;
    const properties = this.#writer.finish();
    this.#writer = undefined;
    await file.datasync();
    this.#tables.push({ ...properties, number: this.#number, sizeBytes: file.size() });
    this.close();
  }
}
