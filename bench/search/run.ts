/** What the phases of one run of the search bench share. */
import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import type { Dataset } from '../harness/dataset.ts';
import type { BenchOptions } from '../harness/options.ts';
import type { Report } from '../harness/report.ts';
import type { ChildSetup } from './child.ts';
import type { IndexOptions, Round } from './subject.ts';

export interface Run {
  readonly dataset: Dataset;
  /** `stratavec` first. */
  readonly subjects: readonly string[];
  readonly report: Report;
  readonly options: BenchOptions;
  readonly k: number;
  readonly rounds: number;
  /** At least: with few queries, a round goes through them several times. */
  readonly searchesPerRound: number;
  /** Ascending. */
  readonly efs: readonly number[];
  /** What stratavec may take for the curve; undefined: its default. */
  readonly memoryBytes?: number | undefined;
  /** Starts a process of a subject; `memoryBytes` undefined: its default. */
  start(subject: string, task: 'build' | 'search', memoryBytes?: number): Child;
}

/** Starts processes of subjects over one data set, each subject in a folder of its own under `directory`. */
export function subjectStarter(
  { dataset, options }: Pick<Run, 'dataset' | 'options'>,
  directory: string,
  more: Pick<IndexOptions, 'load' | 'buildMemoryBytes' | 'countsReads' | 'codes' | 'warmK'>,
): Run['start'] {
  const { data, limit, full, seed } = options;
  const { name, metric, base } = dataset;
  const index = { dimension: base.dimension, metric, m: 16, efConstruction: 100, seed, ...more };
  return (subject, task, memoryBytes) => {
    const setup: ChildSetup = {
      subject,
      task,
      directory: join(directory, subject),
      choice: { data, dataset: data === undefined ? undefined : name, limit, full, seed },
      index,
      memoryBytes,
    };
    return Child.start(new URL('./child.js', import.meta.url), [JSON.stringify(setup)]);
  };
}

/** What stratavec answered on the curve: later phases must answer the same. */
export interface Answers {
  readonly ef: number;
  readonly recall: number;
  readonly round: Round;
}

/** In how many queries two rounds gave the same ids at the same distances. */
export function countEqual(a: Round, b: Round, k: number): number {
  const queries = a.ids.length / k;
  let equal = 0;
  for (let query = 0; query < queries; query++) {
    let isEqual = true;
    for (let i = query * k; i < (query + 1) * k; i++) {
      if (a.ids[i] !== b.ids[i] || a.distances[i] !== b.distances[i]) isEqual = false;
    }
    if (isEqual) equal++;
  }
  return equal;
}
