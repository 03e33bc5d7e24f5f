/** What decides on a workload: plain data, so that every process of a run makes the same one. */
import { readFileSync } from 'node:fs';
import { type DatasetChoice, loadDataset } from '../harness/dataset.ts';
import { makeWorkload } from './make-workload.ts';
import { parseRunbook, runbookWorkload } from './runbook.ts';
import { readTrace } from './trace-folder.ts';
import type { Workload } from './workload.ts';

export interface WorkloadChoice {
  readonly dataset: DatasetChoice;
  /** A trace to replay instead. */
  readonly trace: string | undefined;
  /** One of `WORKLOADS`, or the path of a run-book, with `#section` behind it to choose one. */
  readonly workload: string;
  readonly baseRows: number | undefined;
  readonly epochs: number;
  readonly interval: number;
}

export function chosenWorkload(choice: WorkloadChoice): Workload {
  const { trace, workload, baseRows, epochs, interval, dataset } = choice;
  if (trace !== undefined) return readTrace(trace);
  const source = loadDataset(dataset);
  const [path, section] = workload.split('#');
  if (path.endsWith('.yaml')) {
    return runbookWorkload(parseRunbook(readFileSync(path, 'utf8'), section), source, interval);
  }
  return makeWorkload(workload, source, { epochs, interval, seed: dataset.seed, baseRows });
}
