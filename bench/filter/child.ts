/** The process of one subject: builds, then answers all queries under a filter, once for each request. */
import { serve } from '../harness/child.ts';
import type { DatasetChoice } from '../harness/dataset.ts';
import { vectorAt } from '../harness/vector-file.ts';
import { LancedbSubject } from './lancedb-subject.ts';
import { SqliteSubject } from './sqlite-subject.ts';
import { StratavecSubject } from './stratavec-subject.ts';
import { type FilteredRound, type FilteredSubject, NO_HIT } from './subject.ts';
import { loadWorkload, type RangeFilter } from './workload.ts';

export interface ChildSetup {
  readonly subject: string;
  readonly directory: string;
  readonly choice: DatasetChoice;
  readonly memoryBytes: number | undefined;
}

export interface SearchAsk {
  readonly filter: RangeFilter;
  readonly k: number;
  readonly queries: number;
}

export interface BuildAnswer {
  readonly config: Readonly<Record<string, string | number | boolean>>;
  readonly buildSeconds: number;
}

const setup = JSON.parse(process.argv[2]) as ChildSetup;
const workload = loadWorkload(setup.choice);
const subject = makeSubject();

function makeSubject(): FilteredSubject {
  if (setup.subject === '@lancedb/lancedb') return new LancedbSubject(setup.directory);
  if (setup.subject === 'sqlite-vec') return new SqliteSubject(setup.directory);
  return new StratavecSubject(setup.directory, setup.memoryBytes);
}

async function build(): Promise<BuildAnswer> {
  const start = performance.now();
  const config = await subject.build(workload);
  return { config, buildSeconds: (performance.now() - start) / 1000 };
}

async function search({ filter, k, queries }: SearchAsk): Promise<FilteredRound> {
  const ids = new Uint32Array(queries * k).fill(NO_HIT);
  const latenciesMs = new Float64Array(queries);
  let plan = '';
  for (let query = 0; query < queries; query++) {
    const vector = vectorAt(workload.queries, query);
    const start = performance.now();
    const found = await subject.search(vector, filter, k);
    latenciesMs[query] = performance.now() - start;
    ids.set(found.ids.slice(0, k), query * k);
    plan = found.plan;
  }
  return { ids, latenciesMs, plan };
}

serve({
  build,
  search: (ask) => search(ask as SearchAsk),
  close: () => subject.close(),
});
