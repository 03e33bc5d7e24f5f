/**
 * Runs a job: merges the sources of each part into new tables, slice by slice, and syncs them. The same
 * work whether the slices are taken on the engine's thread or on another one; it knows neither.
 */
import { assert } from '../base/assert.ts';
import type { Hasher } from '../base/hasher.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { EntryCursor } from './cursor.ts';
import { fileName } from './file-names.ts';
import { FoldStream } from './fold-stream.ts';
import { isInRanges } from './key-ranges.ts';
import { LevelCursor } from './level-cursor.ts';
import { MemtableCursor } from './memtable-cursor.ts';
import { findMergeOperator } from './merge-operators.ts';
import { MergingCursor } from './merging-cursor.ts';
import type { SlicedWork } from './slices.ts';
import type { TableFile } from './table-file.ts';
import type { JobPart, JobResult, MemtableList, TableJob } from './table-job.ts';
import { type NewTable, type OutputPlace, TableOutput } from './table-output.ts';
import { TreeEntryCursor } from './tree-entry-cursor.ts';
import type { TableMeta } from './version-format.ts';

/** What a job needs of the thread that it runs on. */
export interface JobEnvironment {
  readonly fileSystem: FileSystem;
  readonly hasher: Hasher;
  /** A table to read; it stays open as long as the job needs it, and is the environment's to close. */
  readonly table: (meta: TableMeta) => TableFile;
  /** Told how many of the reserved numbers are in use, before the file of the last one is made. */
  readonly onBegin: (count: number) => void;
}

export class JobRun {
  readonly #job: TableJob;
  readonly #environment: JobEnvironment;
  readonly #outputs: TableOutput[] = [];
  #source: EntryCursor | undefined;
  #work: SlicedWork | undefined;
  #begunCount = 0;

  constructor(job: TableJob, environment: JobEnvironment) {
    this.#job = job;
    this.#environment = environment;
  }

  /** How many of the reserved numbers are in use. */
  get begunCount(): number {
    return this.#begunCount;
  }

  /** Of the finished tables. */
  get bytesWritten(): number {
    return this.#outputs.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** One slice of the merges; true at the end of the last one. What it throws ends the job. */
  step(isOver: () => boolean): boolean {
    const { parts } = this.#job;
    for (;;) {
      if (this.#work === undefined) {
        if (this.#outputs.length === parts.length) return true;
        this.#work = this.#begin(parts[this.#outputs.length]);
      }
      if (!this.#work(isOver)) return false;
      this.#endPart();
      if (isOver()) return false;
    }
  }

  /** After the last slice: resolves when the tables are on the device. */
  async finished(): Promise<JobResult> {
    const tables: TableMeta[] = [];
    for (const output of this.#outputs) tables.push(...(await output.synced()));
    return {
      tables,
      begunCount: this.#begunCount,
      bytesRead: sum(this.#job.parts.flatMap(({ runs }) => runs.flat().map(sizeOf))),
      bytesWritten: sum(tables.map(sizeOf)),
      entriesWritten: sum(tables.map(({ entries }) => entries)),
    };
  }

  /** Lets go of all files; those that were begun are the caller's to remove. */
  async abandon(): Promise<void> {
    this.#endPart();
    for (const output of this.#outputs) await output.abandon();
  }

  #begin(part: JobPart): SlicedWork {
    const { snapshots, seededBugs } = this.#job;
    const { output, added, older } = part;
    const sources: EntryCursor[] = part.memtables.map((list) => memtableCursor(list, output.tree));
    if (added !== undefined) sources.push(new TreeEntryCursor(added));
    for (const run of part.runs) {
      const tables = run.map(this.#environment.table);
      sources.push(new LevelCursor(tables, { fillCache: false }));
    }
    const source = new MergingCursor(sources);
    this.#source = source;
    const tables = new TableOutput(output, this.#place());
    this.#outputs.push(tables);
    const { mergeOperator } = output;
    const stream = new FoldStream(source, {
      operator: mergeOperator === undefined ? undefined : findMergeOperator(mergeOperator),
      snapshots,
      seededBugs,
      mayExistBelow: (hi, lo) => isInRanges(older, hi, lo),
    });
    stream.start();
    return tables.drain(stream);
  }

  #endPart(): void {
    this.#source?.close();
    this.#source = undefined;
    this.#work = undefined;
  }

  #place(): OutputPlace {
    const { hasher } = this.#environment;
    const { numberCount, parts, seededBugs } = this.#job;
    // Each part that is still to come needs a number at least.
    const count = numberCount - (parts.length - this.#outputs.length - 1);
    const hasRoom = (): boolean => this.#begunCount < count;
    return { hasher, seededBugs, hasRoom, newTable: () => this.#newTable() };
  }

  #newTable(): NewTable {
    const { fileSystem, onBegin } = this.#environment;
    const { kind, directory, firstNumber, numberCount } = this.#job;
    assert(this.#begunCount < numberCount, 'a number was reserved for each part');
    const number = firstNumber + this.#begunCount;
    const path = `${directory}/${fileName('table', number)}`;
    onBegin(this.#begunCount + 1);
    try {
      const file = fileSystem.open(path, 'create', kind);
      this.#begunCount++;
      return { number, file };
    } catch (error) {
      onBegin(this.#begunCount); // What is there is not ours.
      throw error;
    }
  }
}

function memtableCursor({ arena, head }: MemtableList, tree: number): MemtableCursor {
  const words = new Uint32Array(arena, 0, arena.byteLength >>> 2);
  return new MemtableCursor({ words, bytes: new Uint8Array(arena), headOf: () => head }, tree);
}

function sizeOf({ sizeBytes }: TableMeta): number {
  return sizeBytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
