/**
 * Does recall hold while data comes and goes, and what do the writes cost with all merges and sweeps?
 *
 * A base, then epochs of insertions and deletions by one caller in batches of 100, with searches between
 * the batches; recall@10 at a fixed `ef` against the exact answers for the living records. All of it can be
 * replayed elsewhere from a trace folder.
 *
 * npm run bench -- churn --data DIR --dataset D --full
 *   [--workload churn|window|half|drain|RUNBOOK.yaml[#section]] [--base-rows N] [--epochs N] [--load upsert|build]
 *   [--ef N]
 *   [--trace DIR] replays a trace    [--save-trace DIR] writes one and ends
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenWorkload, type WorkloadChoice } from './churn/choice.ts';
import { runChurn } from './churn/run.ts';
import { writeTrace } from './churn/trace-folder.ts';
import { orExit, parseCount, readBenchOptionsAnd } from './harness/options.ts';
import { choosePeers } from './harness/peers.ts';
import { Report } from './harness/report.ts';

const names = ['workload', 'base-rows', 'epochs', 'load', 'ef', 'trace', 'save-trace'] as const;
const { options, own } = readBenchOptionsAnd(names);
const { data, dataset, limit, full, seed } = options;
const epochs = orExit(() => parseCount('--epochs', own.epochs)) ?? (full ? 50 : 4);
const choice: WorkloadChoice = {
  dataset: { data, dataset, limit, full, seed },
  trace: own.trace,
  workload: own.workload ?? 'churn',
  baseRows: orExit(() => parseCount('--base-rows', own['base-rows'])),
  epochs,
  interval: full ? 10 : 2,
};
const load = own.load ?? 'upsert';
const ef = orExit(() => parseCount('--ef', own.ef));
const workload = orExit(() => {
  if (load !== 'upsert' && load !== 'build') {
    throw new Error(`--load takes upsert or build, got '${load}'`);
  }
  return chosenWorkload(choice);
});
const saved = own['save-trace'];
if (saved !== undefined) {
  writeTrace(saved, workload, { interval: choice.interval, seed });
  console.log(`wrote ${workload.epochs.length} epochs of ${workload.name} to ${saved}`);
} else {
  const directory = mkdtempSync(join(tmpdir(), 'stratavec-bench-'));
  try {
    await runChurn({
      workload,
      choice,
      options,
      directory,
      build: load === 'build',
      ef,
      subjects: ['stratavec', ...choosePeers(['hnswlib-node'], options.peers)],
      report: new Report('churn', workload.dataset, options.json),
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
