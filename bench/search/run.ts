/** What the phases of one run of the search bench share. */
import type { Child } from '../harness/child.ts';
import type { Dataset } from '../harness/dataset.ts';
import type { BenchOptions } from '../harness/options.ts';
import type { Report } from '../harness/report.ts';
import type { Round } from './subject.ts';

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
  /** Starts a process of a subject; `memoryBytes` undefined: its default. */
  start(subject: string, task: 'build' | 'search', memoryBytes?: number): Child;
}

/** What stratavec answered with its default memory: later phases must answer the same. */
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
