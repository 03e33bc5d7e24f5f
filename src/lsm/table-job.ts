/**
 * A flush or a compaction as plain data: what is read, what is written, under which numbers. It can be sent
 * to another thread as it is; memtables go along as shared memory, without a copy.
 *
 * A job changes nothing but new files: the caller installs the version that names them. Its outputs take
 * the reserved numbers in order, so that a count of how many were begun says what there is to remove.
 */
import type { KeyRanges } from './key-ranges.ts';
import type { SeededBugs } from './seeded-bugs.ts';
import type { TableSettings } from './table-settings.ts';
import type { PackedEntries } from './tree-entry-cursor.ts';
import type { TableMeta } from './version-format.ts';

/** The list of one tree in the arena of a sealed memtable, which nobody writes to any more. */
export interface MemtableList {
  readonly arena: SharedArrayBuffer;
  /** Word offset of the list's head. */
  readonly head: number;
}

/** What becomes one run of tables of one tree. */
export interface JobPart {
  readonly output: TableSettings;
  /** Runs of tables, each in key order. */
  readonly runs: readonly (readonly TableMeta[])[];
  readonly memtables: readonly MemtableList[];
  readonly added: PackedEntries | undefined;
  /** Where older entries than those of the sources may be. */
  readonly older: KeyRanges;
}

export interface TableJob {
  /** Flushes go before compactions, and do not wait for the budget of bytes. */
  readonly kind: 'flush' | 'compaction';
  readonly directory: string;
  /** The outputs are numbered from here; the last number takes all that is left. */
  readonly firstNumber: number;
  readonly numberCount: number;
  /** Sequences that readers hold, ascending. */
  readonly snapshots: readonly number[];
  readonly seededBugs: SeededBugs;
  readonly parts: readonly JobPart[];
}

/** The new tables are on the device; their directory is not synced. */
export interface JobResult {
  /** Of all parts, in their order. */
  readonly tables: readonly TableMeta[];
  /** How many of the reserved numbers were used. */
  readonly begunCount: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly entriesWritten: number;
}

/**
 * Numbers enough for the outputs of so many bytes of input in so many parts. Twice what they should come
 * to: inputs may have been smaller on disk. Tables past the last number grow instead.
 */
export function numbersFor(inputBytes: number, tableBytes: number, parts: number): number {
  return Math.ceil((2 * inputBytes) / tableBytes) + 2 * parts;
}
