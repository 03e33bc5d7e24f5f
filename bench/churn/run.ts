/**
 * One run: every subject goes through the whole workload, in a process of its own, one after the other.
 *
 * `ef` is chosen on the base and stays. A set that grows loses some recall at the same `ef` in a new index
 * too, so the last row has that beside it.
 */
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import { latencyFigures } from '../harness/latency.ts';
import type { BenchOptions } from '../harness/options.ts';
import type { Report, Row } from '../harness/report.ts';
import { percentile } from '../harness/statistics.ts';
import type { GroundTruth } from '../harness/vector-file.ts';
import type { ChildSetup, RhythmAsk, RunAsk } from './child.ts';
import type { WorkloadChoice } from './choice.ts';
import type { Answers, EpochFigures, LoadFigures } from './subject.ts';
import { Truth } from './truth.ts';
import { applyEpoch, type Living, livingBase, type Workload } from './workload.ts';

export interface ChurnRun {
  readonly workload: Workload;
  readonly choice: WorkloadChoice;
  readonly options: BenchOptions;
  readonly directory: string;
  readonly build: boolean;
  /** Undefined: the smallest of a few at which a subject reaches 0.95 on the base. */
  readonly ef: number | undefined;
  readonly subjects: readonly string[];
  readonly report: Report;
}

const K = 10;
const RECALL = 0.95;
const EFS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320];
/** Between two batches of writes. */
const SEARCHES = 2;
/** With pauses of a batch's length, of searches without writes. */
const RHYTHM_ROUNDS = { full: 500, smoke: 20 };

/** The living and the exact answers, by the number of epochs that have passed. */
type Checkpoints = ReadonlyMap<number, { readonly living: Living; readonly truth: GroundTruth }>;

export async function runChurn(run: ChurnRun): Promise<void> {
  const truth = new Truth(run.workload);
  const checkpoints = checkpointsOf(run.workload, truth);
  for (const subject of run.subjects) await runSubject(run, subject, truth, checkpoints);
}

/** Before the first epoch, and after each measured one. */
function checkpointsOf(workload: Workload, truth: Truth): Checkpoints {
  const living = livingBase(workload);
  const checkpoints = new Map([[0, { living: new Map(living), truth: truth.of(living, K) }]]);
  for (const epoch of workload.epochs) {
    applyEpoch(living, epoch);
    if (!epoch.isMeasured) continue;
    checkpoints.set(epoch.number + 1, { living: new Map(living), truth: truth.of(living, K) });
  }
  return checkpoints;
}

async function runSubject(
  run: ChurnRun,
  subject: string,
  truth: Truth,
  checkpoints: Checkpoints,
): Promise<void> {
  const { workload, report } = run;
  const child = startChild(run, subject, false);
  const load = await child.ask<LoadFigures>('load');
  if (subject === 'stratavec') reportBeginning(run, load);
  const loadSettleSeconds = await child.ask<number>('settle');
  const recallOf = async (passed: number, ef: number): Promise<Measured> => {
    const answers = await child.ask<Answers>('search', { k: K, ef });
    const { living, truth: exact } = checkpoints.get(passed)!;
    return { recall: truth.recall(exact, living, answers.ids), latenciesMs: answers.latenciesMs };
  };
  const { ef, measured } =
    run.ef === undefined
      ? await chooseEf((ef) => recallOf(0, ef))
      : { ef: run.ef, measured: await recallOf(0, run.ef) };
  const rows: Row[] = [checkpointRow(run, subject, ef, 0, measured, checkpoints)];
  const totals = new Totals();
  for (const epoch of workload.epochs) {
    const ask: RunAsk = { epoch: epoch.number, searches: SEARCHES, ef };
    totals.add(await child.ask<EpochFigures>('run', ask), epoch.ids.length, epoch.deleted.length);
    if (!epoch.isMeasured) continue;
    const measured = await recallOf(epoch.number + 1, ef);
    rows.push(checkpointRow(run, subject, ef, epoch.number + 1, measured, checkpoints));
  }
  const settleSeconds = await child.ask<number>('settle');
  const quiet = await recallOf(workload.epochs.length, ef);
  const inRhythm = await child.ask<Float64Array>('rhythm', {
    rounds: run.options.full ? RHYTHM_ROUNDS.full : RHYTHM_ROUNDS.smoke,
    pauseMs: totals.batchP50Ms,
    searches: SEARCHES,
    ef,
  } satisfies RhythmAsk);
  const memory = await child.ask<Record<string, number>>('memory');
  const storage = await child.ask<Record<string, number>>('storage');
  await child.ask('close');
  await child.stop();
  const fresh = await measureFresh(run, subject, ef, truth, checkpoints);
  report.table(`${subject}: recall over the epochs, searches with nothing else going on`, rows);
  const row = report.row(
    subject,
    { ef, ...configOf(load) },
    {
      loadSeconds: load.seconds,
      loadInsertsPerSecond: workload.base.ids.length / load.seconds,
      loadSettleSeconds,
      ...totals.figures(settleSeconds, { quietMs: quiet.latenciesMs, rhythmMs: inRhythm }),
      recallFirst: Number(rows[0].metrics.recallAt10),
      recallLast: quiet.recall,
      recallFresh: fresh.recall,
      diskOverFresh: storage.diskBytes / fresh.diskBytes,
      recallLoss: Number(rows[0].metrics.recallAt10) - quiet.recall,
      settleSeconds,
      ...memory,
    },
  );
  report.table(`${subject}: the whole run`, [row]);
  report.statistics(`${subject}: storage at the end`, subject, storage);
}

function startChild(run: ChurnRun, subject: string, fresh: boolean): Child {
  const setup: ChildSetup = {
    subject,
    directory: join(run.directory, fresh ? `${subject}-fresh` : subject),
    choice: run.choice,
    index: { m: 16, efConstruction: 100, seed: run.options.seed },
    memoryBytes: run.options.memoryBytes,
    build: run.build,
    fresh,
  };
  return Child.start(new URL('./child.js', import.meta.url), [JSON.stringify(setup)]);
}

/** A new index of what lives at the end: what a larger set costs at the same `ef`, apart from decay. */
async function measureFresh(
  run: ChurnRun,
  subject: string,
  ef: number,
  exact: Truth,
  checkpoints: Checkpoints,
): Promise<{ readonly recall: number; readonly diskBytes: number }> {
  const child = startChild(run, subject, true);
  await child.ask<LoadFigures>('load');
  await child.ask<number>('settle');
  const { ids } = await child.ask<Answers>('search', { k: K, ef });
  const { diskBytes } = await child.ask<Record<string, number>>('storage');
  await child.ask('close');
  await child.stop();
  const { truth, living } = checkpoints.get(run.workload.epochs.length)!;
  return { recall: exact.recall(truth, living, ids), diskBytes };
}

interface Measured {
  readonly recall: number;
  readonly latenciesMs: Float64Array;
}

async function chooseEf(
  measure: (ef: number) => Promise<Measured>,
): Promise<{ readonly ef: number; readonly measured: Measured }> {
  for (const ef of EFS) {
    const measured = await measure(ef);
    if (measured.recall >= RECALL || ef === EFS[EFS.length - 1]) return { ef, measured };
  }
  throw new Error('there is no ef to choose from');
}

function checkpointRow(
  { report }: ChurnRun,
  subject: string,
  ef: number,
  passed: number,
  { recall, latenciesMs }: Measured,
  checkpoints: Checkpoints,
): Row {
  const living = checkpoints.get(passed)!.living.size;
  return report.row(
    subject,
    { ef, epochsPassed: passed, living },
    { recallAt10: recall, ...latencyFigures(latenciesMs) },
  );
}

/** Over all epochs. */
class Totals {
  #writeSeconds = 0;
  #inserted = 0;
  #deleted = 0;
  readonly #searches: number[] = [];
  readonly #writes: number[] = [];

  add(figures: EpochFigures, inserted: number, deleted: number): void {
    this.#writeSeconds += figures.writeSeconds;
    this.#inserted += inserted;
    this.#deleted += deleted;
    this.#searches.push(...figures.searchLatenciesMs);
    this.#writes.push(...figures.writeLatenciesMs);
  }

  get batchP50Ms(): number {
    return percentile(Float64Array.from(this.#writes).sort(), 50);
  }

  /**
   * What went on in the background after the last write counts as time of the writes. Searches without writes:
   * `quietMs` one after the other, `rhythmMs` as they came between the batches, which a processor's caches notice.
   */
  figures(
    settleSeconds: number,
    { quietMs, rhythmMs }: { readonly quietMs: Float64Array; readonly rhythmMs: Float64Array },
  ): Record<string, number> {
    const searches = Float64Array.from(this.#searches).sort();
    const writes = Float64Array.from(this.#writes).sort();
    const quiet = Float64Array.from(quietMs).sort();
    const rhythm = Float64Array.from(rhythmMs).sort();
    return {
      inserted: this.#inserted,
      deleted: this.#deleted,
      insertsPerSecond: this.#inserted / (this.#writeSeconds + settleSeconds),
      batchP50Ms: percentile(writes, 50),
      batchP99Ms: percentile(writes, 99),
      batchMaxMs: percentile(writes, 100),
      searchP50Ms: percentile(searches, 50),
      searchP99Ms: percentile(searches, 99),
      quietP50Ms: percentile(quiet, 50),
      quietP99Ms: percentile(quiet, 99),
      p99OverQuiet: percentile(searches, 99) / percentile(quiet, 99),
      rhythmP50Ms: percentile(rhythm, 50),
      rhythmP99Ms: percentile(rhythm, 99),
      p99OverRhythm: percentile(searches, 99) / percentile(rhythm, 99),
    };
  }
}

function reportBeginning({ report, workload, options, choice }: ChurnRun, load: LoadFigures): void {
  report.begin(options.seed, options.full, {
    workload: workload.name,
    trace: choice.trace,
    baseRows: workload.base.ids.length,
    epochs: workload.epochs.length,
    insertedPerEpoch: workload.epochs[0]?.ids.length,
    deletedPerEpoch: workload.epochs[0]?.deleted.length,
    queries: workload.queries.rows,
    ...load.config,
  });
}

/** Columns that tell subjects apart; the rest stands in the first row. */
function configOf({ config }: LoadFigures): Row['config'] {
  const { durability, load } = config;
  return { durability, load };
}
