/**
 * One compaction on its way: a job that merges its inputs into new tables, and the version in which they
 * replace the inputs. Until that is installed nothing has happened; if anything fails, its tables are
 * removed and the version stays.
 */
import type { CompactionPlan } from './compaction-shape.ts';
import type { EngineCore } from './engine-core.ts';
import { compareKeys } from './entry.ts';
import { installVersion } from './install.ts';
import type { RunningJob } from './job-executor.ts';
import { keyRangesOf } from './key-ranges.ts';
import { outputSettings } from './output-settings.ts';
import { removeOutputs } from './remove-outputs.ts';
import { nextTurn, SLICE_MS } from './slices.ts';
import type { TableFile } from './table-file.ts';
import { type JobResult, numbersFor, type TableJob } from './table-job.ts';
import type { Version } from './version.ts';

export class Compaction {
  readonly #core: EngineCore;
  readonly #plan: CompactionPlan<TableFile>;
  readonly #version: Version;
  #job: TableJob | undefined;
  #running: RunningJob | undefined;
  #result: JobResult | undefined;
  #isAbandoned = false;

  /** The plan is one of the current version. */
  constructor(core: EngineCore, plan: CompactionPlan<TableFile>) {
    this.#core = core;
    this.#plan = plan;
    this.#version = core.versions.current;
    this.#version.retain();
  }

  /** How long to wait before the next slice, in ms, so that background work keeps to its rate. */
  get pauseMs(): number {
    return this.#running?.pauseMs ?? 0;
  }

  /** Somebody waits for it. */
  hurry(): void {
    this.#running?.hurry();
  }

  /** One slice of this thread's part of the work; true when it is done and `finish` may be called. */
  step(sliceMs: number): boolean {
    if (this.#plan.isTrivial) return true;
    this.#running ??= this.#start();
    return this.#running.advance(sliceMs);
  }

  /** Waits for the new tables and installs them. */
  async finish(): Promise<void> {
    const { seededBugs } = this.#core.options;
    const isSeeded = seededBugs.has('two compactions take the same inputs');
    // Of one kind, or the runs that are there twice would be merged, twice, for ever.
    const twin =
      isSeeded && this.#plan.reason === 'depth'
        ? new Compaction(this.#core, this.#plan)
        : undefined;
    await this.#install();
    while (twin?.step(SLICE_MS) === false) await nextTurn();
    if (twin !== undefined) await twin.#install();
  }

  async #install(): Promise<void> {
    const { inputs, overlaps, outputLevel, outputRun, isTrivial } = this.#plan;
    const { counters } = this.#core;
    const result = await this.#running?.result();
    this.#result = result;
    const tables = result?.tables.map((meta) => this.#core.newTable(meta)) ?? inputs;
    this.#returnNumbers();
    const removed = new Set([...inputs, ...overlaps]);
    const added = tables.map((table) => ({ level: outputLevel, run: outputRun, table }));
    await installVersion(this.#core, { added, removed });
    if (isTrivial || result === undefined) {
      counters.trivialMoves++;
    } else {
      counters.compactions++;
      counters.compactionBytesRead += result.bytesRead;
      counters.compactionBytesWritten += result.bytesWritten;
    }
    this.#version.release();
  }

  /** Ends the job, unless its tables are being installed. The end of `finish` is awaited as ever. */
  async cancel(): Promise<void> {
    if (this.#result === undefined) await this.#running?.abandon();
  }

  /** Gives everything back; for a compaction that failed or is not wanted any more. */
  async abandon(): Promise<void> {
    if (this.#isAbandoned) return;
    this.#isAbandoned = true;
    if (this.#running !== undefined) await removeOutputs(this.#core, this.#job!, this.#running);
    this.#version.release();
  }

  #start(): RunningJob {
    const { tree, inputs, overlaps, older, outputLevel } = this.#plan;
    const core = this.#core;
    const tables = [...overlaps, ...inputs];
    const bytes = tables.reduce((sum, { meta }) => sum + meta.sizeBytes, 0);
    const numberCount = numbersFor(bytes, core.options.tableBytes, 1);
    const isLast = older.length === 0 && outputLevel > 0;
    const runs = [overlaps, ...sortedRuns(inputs)].filter((run) => run.length > 0);
    this.#job = {
      kind: 'compaction',
      directory: core.directory,
      firstNumber: core.versions.reserveFileNumbers(numberCount),
      numberCount,
      snapshots: core.snapshots.sequences(),
      seededBugs: core.options.seededBugs,
      parts: [
        {
          output: outputSettings(core, tree, { level: outputLevel, isLast }),
          runs: runs.map((run) => run.map(({ meta }) => meta)),
          memtables: [],
          added: undefined,
          older: keyRangesOf(older),
        },
      ],
    };
    return core.executor.start(
      this.#job,
      new Map(tables.map((table) => [table.meta.number, table])),
    );
  }

  #returnNumbers(): void {
    if (this.#job === undefined || this.#result === undefined) return;
    const { firstNumber, numberCount } = this.#job;
    const { begunCount } = this.#result;
    this.#core.versions.returnFileNumbers(firstNumber + begunCount, firstNumber + numberCount);
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
