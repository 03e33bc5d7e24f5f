/**
 * One compaction on its way: merges its inputs into new tables, slice by slice, syncs them, and installs
 * the version in which they replace the inputs. Until then nothing has happened; if anything fails, its
 * tables are removed and the version stays.
 */
import type { CompactionPlan } from './compaction-shape.ts';
import type { EntryCursor } from './cursor.ts';
import type { EngineCore } from './engine-core.ts';
import { compareKeys } from './entry.ts';
import { FoldStream } from './fold-stream.ts';
import { installVersion } from './install.ts';
import { LevelCursor } from './level-cursor.ts';
import { MergingCursor } from './merging-cursor.ts';
import type { SlicedWork } from './slices.ts';
import type { TableFile } from './table-file.ts';
import { TableOutput } from './table-output.ts';
import { mayContainKey, type Version } from './version.ts';

export class Compaction {
  readonly #core: EngineCore;
  readonly #plan: CompactionPlan<TableFile>;
  readonly #version: Version;
  readonly #output: TableOutput;
  #source: EntryCursor | undefined;
  #work: SlicedWork | undefined;

  /** The plan is one of the current version. */
  constructor(core: EngineCore, plan: CompactionPlan<TableFile>) {
    this.#core = core;
    this.#plan = plan;
    this.#version = core.versions.current;
    this.#version.retain();
    const isLast = plan.older.length === 0 && plan.outputLevel > 0;
    this.#output = new TableOutput(core, plan.tree, { level: plan.outputLevel, isLast });
  }

  /** One slice of the merge; true when it is at its end and `finish` may be called. */
  step(sliceMs: number): boolean {
    if (this.#plan.isTrivial) return true;
    this.#work ??= this.#begin();
    return this.#core.slices.once(sliceMs, this.#work);
  }

  /** Syncs the new tables and installs them. */
  async finish(): Promise<void> {
    const { inputs, overlaps, outputLevel, outputRun, isTrivial } = this.#plan;
    const { counters } = this.#core;
    this.#closeSource();
    const tables = isTrivial ? inputs : await this.#output.synced();
    const removed = new Set([...inputs, ...overlaps]);
    const added = tables.map((table) => ({ level: outputLevel, run: outputRun, table }));
    await installVersion(this.#core, { added, removed });
    if (isTrivial) {
      counters.trivialMoves++;
    } else {
      counters.compactions++;
      for (const { meta } of removed) counters.compactionBytesRead += meta.sizeBytes;
      counters.compactionBytesWritten += this.#output.bytes;
    }
    this.#version.release();
  }

  /** Gives everything back; for a compaction that failed or is not wanted any more. */
  async abandon(): Promise<void> {
    this.#closeSource();
    await this.#output.abandon();
    this.#version.release();
  }

  #begin(): SlicedWork {
    const { tree, inputs, overlaps, older } = this.#plan;
    const past = { fillCache: false };
    const sources: EntryCursor[] = [new LevelCursor(overlaps, past)];
    for (const run of sortedRuns(inputs)) sources.push(new LevelCursor(run, past));
    const source = new MergingCursor(sources);
    this.#source = source;
    const stream = new FoldStream(source, {
      operator: this.#core.tree(tree).operator,
      snapshots: this.#core.snapshots.sequences(),
      seededBugs: this.#core.options.seededBugs,
      mayExistBelow: (hi, lo) => mayContainKey(older, hi, lo),
    });
    stream.start();
    return this.#output.drain(stream);
  }

  #closeSource(): void {
    this.#source?.close();
    this.#source = undefined;
  }
}

/** Tables that follow each other without overlap share a cursor. */
function sortedRuns(tables: readonly TableFile[]): TableFile[][] {
  const runs: TableFile[][] = [];
  let last: TableFile | undefined;
  for (const table of tables) {
    const { smallestHi, smallestLo } = table.meta;
    const isBehind =
      last !== undefined &&
      compareKeys(last.meta.largestHi, last.meta.largestLo, smallestHi, smallestLo) < 0;
    if (isBehind) runs[runs.length - 1].push(table);
    else runs.push([table]);
    last = table;
  }
  return runs;
}
